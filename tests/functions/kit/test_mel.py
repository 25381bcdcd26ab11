"""Log mel bands: the same however the stream is cut, in known units, deaf to a constant offset."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.kit import mel
from functions.kit.spectrum import Floats


def heard(samples: Floats, cuts: list[int] | None = None) -> Floats:
    front = mel.LogMel()
    edges = [0, *sorted(cuts or []), len(samples)]
    parts = [front.push(samples[a:b].astype(np.float32)) for a, b in pairwise(edges)]
    return np.concatenate([*parts, front.finish()])


def noise(count: int) -> Floats:
    return np.random.default_rng(0).normal(0.0, 0.1, count)


@given(st.integers(0, 6_000), st.lists(st.integers(0, 6_000), max_size=6))
def test_frames_are_the_same_however_the_stream_is_cut(count: int, cuts: list[int]) -> None:
    samples = noise(count)
    whole, parts = heard(samples), heard(samples, [min(cut, count) for cut in cuts])
    assert whole.shape == parts.shape == (-(-count // mel.HOP), mel.BANDS)
    np.testing.assert_allclose(parts, whole, atol=1e-4)


@pytest.mark.parametrize("hertz", [120.0, 1_000.0, 6_000.0])
def test_a_full_scale_sine_reads_zero_to_one_in_its_band(hertz: float) -> None:
    seconds = np.arange(mel.RATE) / mel.RATE
    middle = heard(np.sin(2 * np.pi * hertz * seconds))[20:-20]
    assert np.all((middle.max(axis=1) > -0.5) & (middle.max(axis=1) < 1.0))
    step = 2595 * np.log10((1 + mel.HIGHEST_HZ / 700) / (1 + mel.LOWEST_HZ / 700)) / 65
    band = 2595 * np.log10((1 + hertz / 700) / (1 + mel.LOWEST_HZ / 700)) / step - 1
    assert np.all(np.abs(middle.argmax(axis=1) - band) <= 1.0)


def test_an_offset_changes_nothing() -> None:
    samples = noise(mel.RATE)
    np.testing.assert_allclose(heard(samples + 0.3)[5:-5], heard(samples)[5:-5], atol=1e-3)
    assert np.all(heard(np.full(mel.RATE, 0.3))[5:-5] < np.log(2 * mel.FLOOR))
