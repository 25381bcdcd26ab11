import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.beats.profile import FRAMES, QUIETEST_DB, Meter


def power(frames: int) -> "np.typing.NDArray[np.float32]":
    return np.random.default_rng(frames).uniform(0, 0.5, (frames, 3)).astype(np.float32)


@given(st.integers(1, 400), st.lists(st.integers(0, 400), max_size=5))
def test_a_row_is_a_tenth_of_a_second_however_the_stream_is_cut(
    frames: int, cuts: list[int]
) -> None:
    values, meter = power(frames), Meter()
    for part in np.split(values, sorted(cuts)):
        meter.push(part)
    profile = meter.finish()
    rows = [values[i : i + FRAMES].mean(axis=0) for i in range(0, frames, FRAMES)]
    expected = 10 * np.log10(np.array(rows))
    np.testing.assert_allclose(profile.low_db, expected[:, 0], atol=0.06)
    np.testing.assert_allclose(profile.high_db, expected[:, 2], atol=0.06)
    loudness = 10 * np.log10(np.array(rows).sum(axis=1))
    np.testing.assert_allclose(profile.loudness_db, loudness, atol=0.06)
    assert profile.loudness_db == [round(level, 1) for level in profile.loudness_db]


def test_silence_has_a_level() -> None:
    meter = Meter()
    meter.push(np.zeros((10, 3), np.float32))
    assert meter.finish().mid_db == pytest.approx([QUIETEST_DB, QUIETEST_DB])
