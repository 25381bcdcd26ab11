import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.beats import tempo


@given(st.floats(40, 230), st.integers(2, 300), st.floats(0, 60))
def test_even_beats_have_one_steady_tempo(bpm: float, beats: int, start: float) -> None:
    times = start + np.arange(beats) * 60 / bpm
    assert tempo.global_bpm(times) == pytest.approx(bpm, rel=1e-3)
    assert tempo.curve(times) is None


def test_the_grid_of_frames_does_not_blur_the_tempo() -> None:
    times = (np.arange(100) * 60 / 173 * 50).round() / 50
    assert tempo.global_bpm(times) == pytest.approx(173, rel=1e-3)
    assert tempo.curve(times) is None


def test_a_tempo_that_rises_is_a_curve() -> None:
    bpm = np.linspace(90, 140, 120)
    times = np.concatenate([[0.0], np.cumsum(60 / bpm)])
    points = tempo.curve(times)
    assert points is not None
    assert [point.time_s for point in points] == times.round(3).tolist()
    heard = np.array([point.bpm for point in points])
    assert np.all(np.diff(heard) >= 0)
    assert heard[60] == pytest.approx(bpm[60], rel=0.01)
    assert 100 < tempo.global_bpm(times) < 130


def test_a_step_between_two_tempi_is_a_curve() -> None:
    times = np.cumsum([60 / 90] * 40 + [60 / 140] * 40)
    points = tempo.curve(times)
    assert points is not None
    assert {round(points[5].bpm), round(points[-5].bpm)} == {90, 140}
