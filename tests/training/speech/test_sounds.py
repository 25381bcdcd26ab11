from collections.abc import Callable

import numpy as np
import pytest

from functions.kit.mel import RATE
from training.speech import sounds
from training.speech.sounds import Rng, Sound


@pytest.mark.parametrize("make", [*sounds.NOISES, sounds.music])
def test_each_kind_is_as_long_as_asked_and_the_same_for_a_seed(
    make: Callable[[Rng, int], Sound],
) -> None:
    for seed in range(5):
        once, again = (make(np.random.default_rng(seed), RATE) for _ in range(2))
        np.testing.assert_array_equal(once, again)
        assert once.shape == (RATE,)
        assert np.isfinite(once).all()


def test_the_slope_of_noise_is_its_fall_in_3_db_an_octave() -> None:
    power = np.abs(np.fft.rfft(sounds.coloured(np.random.default_rng(0), 10 * RATE, 2.0))) ** 2
    low, high = power[4_000:5_000].mean(), power[8_000:10_000].mean()
    assert 10 * np.log10(low / high) == pytest.approx(6.0, abs=0.5)
