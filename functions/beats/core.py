"""Where the beats are: audio in, `Beats` out, with no web framework in sight."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from functions.beats import bars, certainty, network, tempo, tracker
from functions.beats.frontend import RATE, Frames, Frontend, compress
from functions.beats.profile import Meter, Profile
from functions.kit import manifest
from functions.kit.audio import Audio
from functions.kit.problem import Problem
from functions.kit.spectrum import Floats
from functions.kit.steps import Progress, Steps, finish
from functions.kit.tiers import Model

FOLDER = Path(__file__).parent
MANIFEST = manifest.load(FOLDER)
WEIGHTS = FOLDER / "model" / "beats.npz"
VERSION = "1"
SILENT_POWER, SILENT_LOGIT = 1e-9, -4.0
"""Mean-square amplitude (-90 dB) under which nothing sounds, and a beat is at most so likely."""
FEW = 8
"""Beats under which tempo and confidence are rough, and the answer says so."""


class NoBeats(Problem):
    """There is sound, but not two beats of it."""

    status, reason, title = 422, "no_beats", "No beats were found"


@dataclass(frozen=True)
class Beats:
    """What was heard. Times are in seconds from the start of the audio."""

    tempo_bpm: float
    beats: list[float]
    downbeats: list[float] | None
    """First beats of the bars; None where the evidence is not good enough to say."""
    beats_per_bar: int | None
    confidence: float
    """The share of songs heard this clearly whose beats were right: F-measure of at least 0.8."""
    duration_s: float
    tempo_curve: list[tempo.TempoPoint] | None
    """The tempo around each beat; None where it is steady."""
    beat_strength: list[float]
    """How beat-like the sound is at each beat, 0 to 1."""
    profile: Profile
    model: Model
    warnings: list[str]


class _Listener:
    """All that is kept of the audio while it streams by."""

    def __init__(self) -> None:
        self._front = Frontend()
        weights = network.load(WEIGHTS)
        self._certainty = weights["certainty"]
        self._network = network.Network(weights)
        self._meter = Meter()
        self._tracker = tracker.Tracker()
        self._logits: list[Floats] = []
        self._silent = np.zeros(0, bool)

    def push(self, samples: Floats) -> None:
        self._listen(self._front.push(samples))

    def finish(self, seconds: float, warnings: list[str]) -> Beats:
        self._listen(self._front.finish(), last=True)
        logits = np.concatenate(self._logits)
        found = tracker.heard(self._tracker.finish(), logits[:, 0])
        found = tracker.without_subdivisions(found, logits[:, 0])
        if len(found) < 2:
            raise NoBeats(
                f"In {seconds:.1f} s of audio there are not two beats. Send music with a pulse, "
                "or a longer part of it."
            )
        if len(found) < FEW:
            warnings = [*warnings, f"Only {len(found)} beats: tempo and confidence are rough."]
        times = tracker.refine(found, logits[:, 0])
        metre = bars.read(found, logits[:, 1])
        clear = metre.evidence >= bars.CLEAR
        return Beats(
            tempo_bpm=round(tempo.global_bpm(times), 2),
            beats=times.round(3).tolist(),
            downbeats=times[metre.first].round(3).tolist() if clear else None,
            beats_per_bar=metre.beats if clear else None,
            confidence=round(certainty.probability(found, logits[:, 0], self._certainty), 2),
            duration_s=round(seconds, 3),
            tempo_curve=tempo.curve(times),
            beat_strength=tracker.strengths(found, logits[:, 0]).astype(float).round(2).tolist(),
            profile=self._meter.finish(),
            model=Model("embedded", VERSION, ()),
            warnings=warnings,
        )

    def _listen(self, frames: Frames, *, last: bool = False) -> None:
        self._meter.push(frames.power)
        self._silent = np.append(self._silent, frames.power.sum(axis=1) < SILENT_POWER)
        logits = self._network.push(compress(frames.bands), last=last)
        silent, self._silent = np.split(self._silent, [len(logits)])
        logits[silent] = np.minimum(logits[silent], SILENT_LOGIT)
        self._logits.append(logits)
        self._tracker.push(logits[:, 0])


def steps(source: str | Path | BinaryIO, limits: manifest.Limits = MANIFEST.limits) -> Steps[Beats]:
    """Find the beats in `source`, a path or a binary stream, step by step.

    Raises `functions.kit.problem.Problem` where there is nothing to find them in.
    """
    with Audio(source, rate=RATE, limits=limits) as audio:
        listener = _Listener()
        for block in audio.blocks():
            listener.push(block)
            yield Progress("listening", 0.95 * audio.fraction)
        yield Progress("tracking", 0.95)
        return listener.finish(audio.seconds, audio.warnings)


def analyse(
    source: str | Path | BinaryIO, *, progress: Callable[[Progress], None] | None = None
) -> Beats:
    """Find the beats in `source`, calling `progress` on the way; see `steps`."""
    return finish(steps(source), progress)
