"""A random excerpt of a song, changed as recordings differ, with its beat and downbeat targets."""

import numpy as np
from numpy.typing import NDArray

from functions.beats import frontend
from training.beats.corpus import FLOOR, Floats, Song

EXCERPT = 1_500
"""Frames of a training excerpt: 30 s."""
WIDENED = (1.0, 0.6, 0.25)
"""Target at an annotated frame and at its neighbours one and two frames away."""


def targets(song: Song, frames: int, stretch: float = 1.0) -> Floats:
    """Beat and downbeat targets, shape (frames, 2); downbeats are -1 where none are annotated."""
    out = np.zeros((frames, 2), np.float32)
    for column, times in enumerate((song.beats, song.beats[song.numbers == 1])):
        at = np.round(times * stretch * frontend.FPS).astype(int)
        for away, value in enumerate(WIDENED):
            for frame in (at - away, at + away):
                inside = frame[(frame >= 0) & (frame < frames)]
                out[inside, column] = np.maximum(out[inside, column], value)
    if not song.numbers.any():
        out[:, 1] = -1.0
    return out


def draw(song: Song, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """One random excerpt: compressed bands, shape (1500, 64), and targets, shape (1500, 2).

    It may begin before the song or end after it, in silence.
    """
    stretch = float(np.exp(rng.uniform(-0.18, 0.18))) if rng.random() < 0.6 else 1.0
    frames = int(len(song.logs) * stretch)
    silent = 600 if rng.random() < 0.2 else 50  # frames there may be before and after the song
    source = np.arange(EXCERPT) + int(rng.integers(-silent, max(1, frames - EXCERPT + silent)))
    logs, inside = _read(song, source / stretch)
    if rng.random() < 0.5:
        logs = _transposed(logs, int(rng.integers(-2, 3)))
    bands = np.exp(_recoloured(logs, rng))
    bands[~inside] = FLOOR
    bands = _soiled(bands, rng)
    label = targets(song, frames, stretch)
    known = np.zeros((EXCERPT, 2), np.float32)
    known[:, 1] = min(0.0, label[0, 1])
    within = (source >= 0) & (source < frames)
    known[within] = label[source[within]]
    return frontend.compress(bands.astype(np.float32)), known


def _read(song: Song, at: NDArray[np.float64]) -> tuple[Floats, NDArray[np.bool_]]:
    """Log bands at fractional frames `at`, and which of them are in the song."""
    last = len(song.logs) - 1
    inside = (at >= 0) & (at <= last)
    low = np.floor(at.clip(0, last)).astype(int)
    share = (at.clip(0, last) - low)[:, None].astype(np.float32)
    between = song.logs[low] * (1 - share) + song.logs[np.minimum(low + 1, last)] * share
    return between.astype(np.float32), inside


def _transposed(logs: Floats, shift: int) -> Floats:
    """The bands moved up by `shift`, about a semitone each; what comes in repeats the outermost."""
    logs = np.roll(logs, shift, axis=1)
    if shift > 0:
        logs[:, :shift] = logs[:, shift : shift + 1]
    elif shift < 0:
        logs[:, shift:] = logs[:, shift - 1 : shift]
    return logs


def _recoloured(logs: Floats, rng: np.random.Generator) -> Floats:
    """Another level, another equaliser, and at times no treble or no bass."""
    level = rng.uniform(-2.5, 1.0)
    anchors = rng.normal(0.0, rng.uniform(0.0, 0.9), 6)
    gain = level + np.interp(np.linspace(0, 5, logs.shape[1]), np.arange(6), anchors)
    logs = logs + gain.astype(np.float32)
    if rng.random() < 0.25:
        logs[:, -int(rng.integers(2, 24)) :] -= rng.uniform(2.0, 9.0)
    if rng.random() < 0.15:
        logs[:, : int(rng.integers(1, 10))] -= rng.uniform(2.0, 9.0)
    return logs


def _soiled(bands: Floats, rng: np.random.Generator) -> Floats:
    """At times with steady noise, at times with bands masked (SpecAugment, Park et al. 2019)."""
    count = bands.shape[1]
    if rng.random() < 0.4:
        floor = np.exp(rng.uniform(-9.0, -4.0) + rng.normal(0, 0.5, count)).astype(np.float32)
        bands = bands + floor * rng.rayleigh(0.8, bands.shape).astype(np.float32)
    if rng.random() < 0.4:
        for _ in range(int(rng.integers(1, 4))):
            width = int(rng.integers(2, 10))
            first = int(rng.integers(0, count - width))
            bands[:, first : first + width] *= 0.02
    return bands
