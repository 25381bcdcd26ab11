"""From beat times to tempo: one number for the song, and a curve where it moves."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.float64]

SPAN = 8
"""Beat periods in the stretch whose slope is the tempo in its middle."""
STEADY = 0.04
"""A tempo moves where its 5th and 95th percentiles are further apart than this share of it."""


@dataclass(frozen=True)
class TempoPoint:
    """The tempo around one beat."""

    time_s: float
    bpm: float


def local_periods(beats: Times) -> Times:
    """Seconds a beat around each beat, shape as `beats` (n >= 2): slopes over 8 beats.

    A beat's own time is known to some 10 ms; over eight beats that is 0.2 % of a moderate tempo.
    """
    span = min(SPAN, len(beats) - 1)
    index = np.arange(span + 1) - span / 2
    windows = np.lib.stride_tricks.sliding_window_view(beats, span + 1)
    slopes = windows @ index / (index @ index)
    before = span // 2
    return np.pad(slopes, (before, len(beats) - len(slopes) - before), mode="edge")


def global_bpm(beats: Times) -> float:
    """Beats a minute of the song as a whole: of a straight line where one fits, else the median."""
    slope, start = np.polyfit(np.arange(len(beats)), beats, 1)
    off = np.abs(beats - (start + slope * np.arange(len(beats))))
    period = slope if np.quantile(off, 0.9) < 0.1 * slope else np.median(local_periods(beats))
    return float(60.0 / period)


def curve(beats: Times) -> list[TempoPoint] | None:
    """The tempo at every beat, where it moves; None where it is steady."""
    bpm = 60.0 / local_periods(beats)
    low, middle, high = np.quantile(bpm, (0.05, 0.5, 0.95))
    if high - low < STEADY * middle:
        return None
    return [
        TempoPoint(round(float(t), 3), round(float(b), 1)) for t, b in zip(beats, bpm, strict=True)
    ]
