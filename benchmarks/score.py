"""Reference and estimated beats in, figures out: pure, and the same for every tracker.

The measures are mir_eval's (Raffel et al. 2014) after Davies, Degara & Plumbley 2009, with the
first five seconds left out; tempo accuracy is that of Gouyon et al. 2006.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import mir_eval
import numpy as np

from benchmarks import calibration
from benchmarks.bootstrap import Floats

RIGHT = 0.8
"""A clip counts as right when its F is at least this; a confidence is the chance of that."""

WINDOW = 0.07
OCTAVES = (1.0, 2.0, 3.0, 1 / 2, 1 / 3)
TEMPO_TOLERANCE = 0.04


@dataclass(frozen=True)
class Reference:
    """What is known of a clip: beats and downbeats in seconds, beats in a bar, tempo in BPM."""

    beats: Floats
    downbeats: Floats | None
    beats_per_bar: int | None
    tempo_bpm: float


@dataclass(frozen=True)
class Estimate:
    """What a tracker said of a clip. `tempo_bpm` None: the median interval of its beats."""

    beats: Sequence[float]
    downbeats: Sequence[float] | None = None
    beats_per_bar: int | None = None
    tempo_bpm: float | None = None
    confidence: float | None = None


@dataclass(frozen=True)
class Score:
    """One clip's figures, each 0..1; None where the reference or the tracker is silent."""

    f: float
    cmlt: float
    amlt: float
    tempo1: bool
    tempo2: bool
    downbeat_f: float | None = None
    bar_right: bool | None = None
    downbeat_known: bool = False
    confidence: float | None = None


def score(reference: Reference, estimate: Estimate) -> Score:
    """Judge one clip."""
    true = mir_eval.beat.trim_beats(reference.beats)
    found = mir_eval.beat.trim_beats(np.sort(np.asarray(estimate.beats, dtype=float)))
    _, cmlt, _, amlt = mir_eval.beat.continuity(true, found) if len(found) > 1 else (0, 0, 0, 0)
    tempo = estimate.tempo_bpm
    if tempo is None:
        tempo = 60 / float(np.median(np.diff(found))) if len(found) > 1 else 0.0
    downbeat_f = bar_right = None
    if reference.downbeats is not None and estimate.downbeats is not None:
        downbeat_f = _f(reference.downbeats, np.asarray(estimate.downbeats, dtype=float))
        bar_right = estimate.beats_per_bar == reference.beats_per_bar
    return Score(
        f=_f(reference.beats, np.asarray(estimate.beats, dtype=float)),
        cmlt=float(cmlt),
        amlt=float(amlt),
        tempo1=_near(tempo, reference.tempo_bpm),
        tempo2=any(_near(tempo, reference.tempo_bpm * octave) for octave in OCTAVES),
        downbeat_f=downbeat_f,
        bar_right=bar_right,
        downbeat_known=reference.downbeats is not None,
        confidence=estimate.confidence,
    )


def _f(true: Floats, found: Floats) -> float:
    trim = mir_eval.beat.trim_beats
    if not len(trim(found)):
        return 0.0
    return float(mir_eval.beat.f_measure(trim(true), trim(np.sort(found)), WINDOW))


def _near(tempo: float, true: float) -> bool:
    return abs(tempo - true) <= TEMPO_TOLERANCE * true


def figures(scores: Sequence[Score]) -> dict[str, Any]:
    """The figures of several clips: means x 100, and how many clips stand behind each."""

    def mean(pick: Callable[[Score], float | None]) -> float | None:
        values = [value for value in map(pick, scores) if value is not None]
        return round(100 * float(np.mean(values)), 2) if values else None

    return {
        "clips": len(scores),
        "f": mean(lambda one: one.f),
        "cmlt": mean(lambda one: one.cmlt),
        "amlt": mean(lambda one: one.amlt),
        "tempo1": mean(lambda one: one.tempo1),
        "tempo2": mean(lambda one: one.tempo2),
        "downbeat_clips": sum(one.downbeat_known for one in scores),
        "downbeat_answered": sum(one.downbeat_f is not None for one in scores),
        "downbeat_f": mean(lambda one: one.downbeat_f),
        "bar_right": mean(lambda one: one.bar_right),
    }


@dataclass(frozen=True)
class Bin(calibration.Bin):
    """And their mean F."""

    f: float


def reliability(scores: Sequence[Score], bins: int = 5) -> tuple[list[Bin], float]:
    """Clips by confidence, and the expected calibration error of P(F >= 0.8), both 0..1.

    Clips without a confidence are left out; empty bins too.
    """
    known = [one for one in scores if one.confidence is not None]
    confidence = np.array([one.confidence for one in known], dtype=float)
    f = np.array([one.f for one in known])
    rows = calibration.table(confidence, f >= RIGHT, bins)
    means = [float(f[those].mean()) for those in calibration.inside(confidence, bins) if any(those)]
    table = [Bin(**asdict(row), f=mean) for row, mean in zip(rows, means, strict=True)]
    return table, calibration.error(rows)
