from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from functions.beats import tracker
from functions.beats.frontend import FPS
from functions.beats.tracker import LONGEST, PERIODS, SHORTEST, Tracker
from functions.kit.spectrum import Floats

logits_of = arrays.arrays(np.float32, st.integers(30, 56), elements=st.floats(-6, 6, width=16))


def tracked(logits: Floats, cuts: list[int] | None = None) -> list[int]:
    tracking = Tracker()
    for part in np.split(logits, sorted(cuts or [])):
        tracking.push(part)
    beats: list[int] = tracking.finish().tolist()
    return beats


def every_path(frames: int, start: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """Every row of beats a period apart, begun within one, and ended when one more is too far."""
    for beat in (start[-1] + PERIODS).tolist() if start else range(LONGEST):
        if beat < frames:
            yield from every_path(frames, (*start, beat))
    period = start[-1] - start[-2] if len(start) > 1 else LONGEST
    if start and start[-1] + period >= frames:
        yield start


def score(path: tuple[int, ...], logits: Floats) -> float:
    """What a path earns, with the best period before its first beat."""
    prior = tracker.period_scores()
    total = sum(logits[list(path)].astype(float)) + tracker.BEAT_BONUS * len(path)
    periods = np.diff(path)
    for period in periods:
        total += prior[period - SHORTEST]
    for a, b in pairwise(periods):
        total -= tracker.CHANGE_COST * abs(np.log(a / b))
    before = PERIODS[path[0] < PERIODS]
    if len(path) == 1:
        return float(total + prior[before[before >= len(logits) - path[0]] - SHORTEST].max())
    cost = tracker.CHANGE_COST * np.abs(np.log(before / periods[0]))
    return float(total + (prior[before - SHORTEST] - cost).max())


@settings(deadline=None, max_examples=30)
@given(logits_of)
def test_no_row_of_beats_is_better(logits: Floats) -> None:
    best = max(score(path, logits) for path in every_path(len(logits)))
    assert score(tuple(tracked(logits)), logits) == pytest.approx(best, abs=1e-2)


@given(logits_of, st.lists(st.integers(0, 80), max_size=5))
def test_any_cut_into_blocks_gives_the_same_beats(logits: Floats, cuts: list[int]) -> None:
    assert tracked(logits, cuts) == tracked(logits)


@given(st.integers(SHORTEST, LONGEST), st.integers(0, LONGEST))
def test_a_clear_pulse_is_followed(period: int, first: int) -> None:
    logits = np.full(1500, -8.0, np.float32)
    logits[first % period :: period] = 8.0
    assert tracked(logits) == list(range(first % period, 1500, period))


def test_a_change_of_tempo_is_followed() -> None:
    beats = np.concatenate([np.arange(0, 600, 30), np.arange(600, 1200, 24)])
    logits = np.full(1200, -8.0, np.float32)
    logits[beats] = 8.0
    assert tracked(logits) == beats.tolist()


def test_no_frames_have_no_beats() -> None:
    assert Tracker().finish().tolist() == []


def test_beats_that_cannot_be_heard_at_either_end_are_left_out() -> None:
    logits = np.full(100, -8.0, np.float32)
    logits[[30, 70]] = 8.0
    beats = np.array([10, 30, 50, 70, 90])
    assert tracker.heard(beats, logits).tolist() == [30, 50, 70]
    assert tracker.heard(beats, np.full(100, -8.0, np.float32)).tolist() == []


def test_a_beat_is_placed_between_frames() -> None:
    logits = np.full(40, -8.0, np.float32)
    logits[[20, 21]] = 4.0
    assert tracker.refine(np.array([20]), logits)[0] * FPS == pytest.approx(20.5, abs=0.01)


def test_a_peak_a_frame_away_counts_also_at_the_edges() -> None:
    logits = np.full(50, -9.0, np.float32)
    logits[[1, 30, 48]] = 0.0
    assert tracker.strengths(np.array([0, 29, 49]), logits).tolist() == [0.5, 0.5, 0.5]


def drummed(period: int, between: float) -> tuple[NDArray[np.int64], Floats]:
    """Beats a `period` of frames apart, every second one as strong as `between` says."""
    beats = np.arange(3, 1500, period, dtype=np.int64)
    logits = np.full(1510, -8.0, np.float32)
    logits[beats[::2]], logits[beats[1::2]] = 3.0, between
    return beats, logits


def test_subdivisions_are_no_beats() -> None:
    beats, logits = drummed(20, between=1.0)
    kept = tracker.without_subdivisions(beats, logits)
    assert kept.tolist() == beats[::2].tolist()


@pytest.mark.parametrize(("period", "between"), [(20, 2.5), (40, 1.0)])
def test_beats_that_are_strong_or_slow_are_kept(period: int, between: float) -> None:
    beats, logits = drummed(period, between)
    assert tracker.without_subdivisions(beats, logits).tolist() == beats.tolist()
