import numpy as np
import pytest

from benchmarks.bootstrap import interval, means, pages, shares, span


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


def test_draws_that_have_no_value_are_left_out() -> None:
    assert span(np.append(np.arange(1001.0), np.nan)) == (25.0, 975.0)


def test_as_many_pages_are_drawn_as_there_are() -> None:
    counts, page = pages(["b", "a", "b", "c"])
    assert page.tolist() == [1, 0, 1, 2]
    assert counts.shape == (10_000, 3)
    assert set(counts.sum(axis=1)) == {3.0}
    assert counts.mean(axis=0) == pytest.approx([1, 1, 1], abs=0.03)


def test_a_share_is_of_the_pages_that_are_drawn() -> None:
    # Of the clips that count, all of the first page are hit, and half of the second's.
    found = shares([1, 1, 0, 1, 1], [1, 0, 1, 1, 0], ["a", "a", "b", "b", "c"])
    drawn, _ = pages(["a", "b", "c"])
    first, second = drawn[:, 0], drawn[:, 1]
    some = first + second > 0
    wanted = (first + second)[some] / (first + 2 * second)[some]
    assert found[some] == pytest.approx(wanted)
    assert np.isnan(found[~some]).all()
    assert not some.all()
