"""Excerpts to learn from: speech and other sounds, changed in their log mels, and what is what."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from functions.kit.mel import BANDS, FLOOR
from functions.kit.speech import AROUND, STEP

Floats = NDArray[np.float32]
Labels = NDArray[np.int8]
STEPS = 12
"""Steps that are judged in one excerpt."""
FRAMES = STEPS * STEP + 2 * AROUND
UNKNOWN, OTHER, SPEECH = -1, 0, 1
QUIETEST = 10 ** (-25 / 10)
"""Power, relative to the loud frames of a clip, from which a frame of speech counts as some."""
HEARD = 0.25
"""Share of a step's frames that are speech, from which the step is."""
ECHO = 24
"""Frames around speech in which nothing is asked of what is not."""


@dataclass(frozen=True)
class Sounds:
    """Clips of one sort, as log mels (frames, 64) of each, and how often each is drawn."""

    speech: bool
    clips: Sequence[NDArray[np.float16]]
    share: NDArray[np.float64]

    def draw(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """The power of a clip, at least in parts; shape (frames, 64), its loud frames about 1."""
        clip = self.clips[int(rng.choice(len(self.clips), p=self.share))]
        if len(clip) > FRAMES:
            start = int(rng.integers(0, len(clip) - FRAMES + 1))
            clip = clip[start : start + FRAMES]
        power = np.maximum(np.exp(clip.astype(np.float64)) - FLOOR, 0.0)
        return power / loud(power)


def loud(power: NDArray[np.float64]) -> float:
    """The power of the loud frames."""
    return max(FLOOR, float(np.quantile(power.sum(axis=1), 0.95)))


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """A factor of power, from so many dB to so many."""
    return float(10 ** (rng.uniform(low, high) / 10))


def warped(rng: np.random.Generator, power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Played faster or slower, and moved up or down by up to three bands."""
    speed, shift = np.exp(rng.uniform(-0.15, 0.15)), rng.uniform(-3, 3)
    at = np.arange(0, len(power) - 1, speed)
    index, part = at.astype(int), (at % 1.0)[:, None]
    power = power[index] * (1 - part) + power[index + 1] * part
    band = np.clip(np.arange(BANDS) + shift, 0, BANDS - 1.001)
    index, part = band.astype(int), band % 1.0
    return np.asarray(power[:, index] * (1 - part) + power[:, index + 1] * part)


def transmitted(rng: np.random.Generator, power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Through a room, an equaliser, and a narrow band."""
    band = np.arange(BANDS)
    if rng.random() < 0.35:
        decay = 10 ** (-6 * 0.016 / rng.uniform(0.15, 1.2))
        tail = lfilter([0.0, 1.0 - decay], [1.0, -decay], power, axis=0)
        power = power + between(rng, -15, 3) * tail
    curve = sum(
        rng.uniform(-5, 5) * np.cos(np.pi * k * band / BANDS + rng.uniform(0, 6)) for k in (1, 2, 3)
    )
    power = power * 10 ** (curve / 10)
    if rng.random() < 0.35:
        low = rng.uniform(3, 9) if rng.random() < 0.5 else 0
        high = rng.uniform(36, 62)  # of 64: from 2.8 kHz
        outside = np.maximum(low - band, 0) + np.maximum(band - high, 0)
        power = power * 10 ** (-np.minimum(6.0, 2.0 * outside))
    return np.asarray(power)


def placed(
    rng: np.random.Generator, power: NDArray[np.float64], speech: bool
) -> tuple[NDArray[np.float64], Labels]:
    """A clip put somewhere into `FRAMES` frames of silence, and what each frame is."""
    labels = np.zeros(FRAMES, np.int8)
    whole = np.zeros((FRAMES, BANDS))
    start = int(rng.integers(min(0, FRAMES - len(power)), max(0, FRAMES - len(power)) + 1))
    if len(power) < FRAMES - 2 * AROUND and rng.random() < 0.7:
        start = int(rng.integers(AROUND - 32, FRAMES - AROUND - len(power) + 32))
    part = power[max(0, -start) :][: FRAMES - max(0, start)]
    where = slice(max(0, start), max(0, start) + len(part))
    whole[where] = part
    if speech:
        level = part.sum(axis=1)
        labels[where] = np.where(level > QUIETEST * loud(power), SPEECH, UNKNOWN)
    return whole, labels


def asked(labels: Labels) -> Labels:
    """What each step between the first and last `AROUND` frames is."""
    speech = labels == SPEECH
    near = np.convolve(labels != OTHER, np.ones(2 * ECHO + 1), "same") > 0.5
    inner = slice(AROUND, FRAMES - AROUND)
    spoken = speech[inner].reshape(-1, STEP).mean(axis=1) >= HEARD
    other = ~near[inner].reshape(-1, STEP).any(axis=1)
    return np.where(spoken, SPEECH, np.where(other, OTHER, UNKNOWN)).astype(np.int8)


@dataclass(frozen=True)
class Sources:
    """All there is to draw from; `noises` are mixed with the rest."""

    speech: Sequence[Sounds]
    other: Sequence[Sounds]
    noises: Sounds

    def draw(self, rng: np.random.Generator) -> tuple[Floats, Labels]:
        """An excerpt, shape (FRAMES, 64), and what its steps are, shape (STEPS,)."""
        spoken = rng.random() < 0.5
        power, labels = self._one(rng, spoken)
        if rng.random() < 0.35:
            second, known = self._one(rng, not spoken or rng.random() < 0.3)
            cut = int(rng.integers(AROUND, FRAMES - AROUND))
            power = np.concatenate([power[:cut], second[cut:] * between(rng, -15, 10)])
            labels = np.concatenate([labels[:cut], known[cut:]])
        power /= loud(power)
        if rng.random() < 0.65:
            noise = self._filled(rng, self.noises) * between(rng, -40, -5 if spoken else 5)
            labels = masked(labels, power, noise)
            power = power + noise
        if spoken and rng.random() < 0.1:
            under = self._filled(rng, self.other[0]) * between(rng, -25, -8)
            labels = masked(labels, power, under)
            power = power + under
        power = power * between(rng, -65, -5) + FLOOR
        return np.log(power).astype(np.float32), asked(labels)

    def _one(self, rng: np.random.Generator, spoken: bool) -> tuple[NDArray[np.float64], Labels]:
        kinds = self.speech if spoken else self.other
        sounds = kinds[int(rng.integers(len(kinds)))]
        power = sounds.draw(rng)
        if rng.random() < 0.5 and len(power) > 2:
            power = warped(rng, power)
        return placed(rng, transmitted(rng, power), sounds.speech)

    def _filled(self, rng: np.random.Generator, sounds: Sounds) -> NDArray[np.float64]:
        power = transmitted(rng, sounds.draw(rng))
        return np.resize(power / loud(power), (FRAMES, BANDS))


def masked(labels: Labels, power: NDArray[np.float64], other: NDArray[np.float64]) -> Labels:
    """Speech that is drowned by another sound is no longer asked for."""
    drowned = (labels == SPEECH) & (power.sum(axis=1) < other.sum(axis=1))
    return np.where(drowned, UNKNOWN, labels).astype(np.int8)
