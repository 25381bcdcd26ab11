import numpy as np
import pytest

from benchmarks.bootstrap import interval, means, span


def test_an_interval_holds_the_mean_and_shrinks_with_clips() -> None:
    values = np.random.default_rng(0).normal(80, 20, 400)
    low, high = interval(values)
    assert low < values.mean() < high
    assert high - low < np.diff(interval(values[:40]))[0]


def test_means_spread_as_the_binomial_says() -> None:
    draws = means([1] * 30 + [0] * 70, np.random.default_rng(0))
    assert draws.shape == (10_000,)
    assert draws.mean() == pytest.approx(0.3, abs=0.002)
    assert draws.std() == pytest.approx(np.sqrt(0.3 * 0.7 / 100), rel=0.03)


def test_clips_that_are_all_alike_have_no_interval() -> None:
    assert interval([1, 1, 1]) == (1.0, 1.0)


def test_the_middle_of_the_draws() -> None:
    assert span(np.arange(1001.0)) == (25.0, 975.0)
