import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from functions.beats import frontend
from functions.beats.frontend import HOP, RATE, WINDOW, Frames, Frontend
from functions.kit.spectrum import Floats


def listened(samples: Floats, cuts: list[int]) -> Frames:
    front = Frontend()
    parts = [front.push(part) for part in np.split(samples, sorted(cuts))]
    parts.append(front.finish())
    return Frames(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def noise(samples: int) -> Floats:
    return np.random.default_rng(samples).standard_normal(samples).astype(np.float32)


def test_bands_are_those_of_scipys_transform() -> None:
    samples = noise(RATE)
    transform = signal.ShortTimeFFT(
        signal.windows.hann(WINDOW, sym=False), HOP, RATE, scale_to="magnitude"
    )
    spectrum = np.abs(transform.stft(samples, p0=0, p1=RATE // HOP)).T * 2
    expected = spectrum @ frontend.mel_filterbank()
    np.testing.assert_allclose(listened(samples, []).bands, expected, rtol=1e-3, atol=1e-5)


@given(st.integers(0, 4000), st.lists(st.integers(0, 4000), max_size=6))
def test_any_cut_into_blocks_gives_the_same_frames(length: int, cuts: list[int]) -> None:
    samples = noise(length)
    whole, cut = listened(samples, []), listened(samples, cuts)
    assert len(whole.bands) == len(whole.power) == -(-length // HOP)
    np.testing.assert_allclose(cut.bands, whole.bands, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(cut.power, whole.power, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("hertz", "column"), [(100, 0), (1000, 1), (5000, 2)])
def test_a_full_scale_sine_has_half_the_power_in_its_own_part(hertz: int, column: int) -> None:
    sine = np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE).astype(np.float32)
    power = listened(sine, []).power[10:-10].mean(axis=0)
    assert power[column] == pytest.approx(0.5, rel=0.01)
    assert np.delete(power, column).max() < 0.005


def test_every_frequency_between_the_ends_is_in_some_band() -> None:
    covered = frontend.mel_filterbank().sum(axis=1)
    hertz = np.linspace(0, RATE / 2, len(covered))
    inside = (hertz > 60) & (hertz < 10_000)
    assert covered[inside].min() > 0.5
    assert not covered[hertz > frontend.HIGHEST_HZ].any()
