import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from functions.beats import bars
from functions.kit.spectrum import Floats

PERIOD = 25


def song(downbeats: list[bool], clear: float = 3.0) -> tuple[NDArray[np.int64], Floats]:
    """Beat frames 25 apart, and downbeat logits that stand out by twice `clear` where said."""
    frames = np.arange(len(downbeats), dtype=np.int64) * PERIOD + 10
    logits = np.full(len(downbeats) * PERIOD + 20, -6.0, np.float32)
    logits[frames] = np.where(downbeats, clear, -clear) + bars.DOWNBEAT_COST
    return frames, logits


@given(st.sampled_from(bars.METERS), st.integers(0, 6), st.integers(30, 100))
def test_a_regular_metre_is_found_in_any_phase(meter: int, phase: int, beats: int) -> None:
    expected = [i % meter == phase % meter for i in range(beats)]
    reading = bars.read(*song(expected))
    assert reading.beats == meter
    assert reading.first.tolist() == np.flatnonzero(expected).tolist()
    assert reading.evidence > bars.CLEAR


def test_one_long_bar_in_a_song_is_followed() -> None:
    lengths = [4] * 10 + [6] + [4] * 10
    expected = [i == 0 for length in lengths for i in range(length)]
    reading = bars.read(*song(expected, 8.0))
    assert reading.beats == 4
    assert reading.first.tolist() == np.flatnonzero(expected).tolist()


def test_where_no_beat_stands_out_there_is_no_evidence() -> None:
    reading = bars.read(*song([False] * 40))
    assert reading.evidence == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("beats", [1, 2, 3])
def test_very_few_beats_are_read_too(beats: int) -> None:
    assert bars.read(*song([True] + [False] * (beats - 1))).beats in bars.METERS
