"""A voice through another channel is still as long, finite and audible."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.kit.mel import RATE
from training.voice_detect import channel
from training.voice_detect.channel import CHANGES, Samples

SECOND: Samples = (np.sin(np.arange(RATE) / 20) * np.linspace(0, 1, RATE)).astype(np.float32)


@pytest.mark.parametrize("change", [change for change, _ in CHANGES])
@pytest.mark.parametrize("seed", range(8))
def test_each_change_leaves_a_voice(change: object, seed: int) -> None:
    assert callable(change)
    heard = change(SECOND, np.random.default_rng(seed))
    assert abs(len(heard) - len(SECOND)) < 0.15 * len(SECOND)
    assert np.isfinite(heard).all()
    assert np.abs(heard).max() > 0.01


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(800, 3 * RATE))
def test_any_draw_changes_it_to_one_level(seed: int, length: int) -> None:
    voice = np.resize(SECOND, length)
    heard = channel.changed(voice, np.random.default_rng(seed))
    assert np.isfinite(heard).all()
    assert np.abs(heard).max() == pytest.approx(0.7, abs=0.01)
    assert heard.shape != voice.shape or not np.array_equal(heard, voice)


def test_one_seed_is_one_channel() -> None:
    first, second = (channel.changed(SECOND, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first, second)


def test_what_is_soft_is_silent_behind_a_gate() -> None:
    heard = channel.gated(SECOND, np.random.default_rng(0))
    assert np.count_nonzero(heard == 0) > np.count_nonzero(SECOND == 0)


def test_a_narrow_band_has_no_highs() -> None:
    hiss = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    for seed in range(6):
        spectrum = np.abs(np.fft.rfft(channel.narrowed(hiss, np.random.default_rng(seed))))
        assert spectrum[-900:].mean() < 0.1 * spectrum[500:3_000].mean()
