"""How far a figure may be chance: what it would be on other draws of the same clips."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

DRAWS = 10_000


def means(values: ArrayLike, random: np.random.Generator, draws: int = DRAWS) -> Floats:
    """Means of `values` [shape=(clips,)], each of as many clips drawn with replacement.

    Give it the differences of two on the same clips, and the means are paired.

    Returns [shape=(draws,)].
    """
    values = np.asarray(values, dtype=float)
    picks = random.integers(len(values), size=(draws, len(values)))
    return np.asarray(values[picks].mean(axis=1))


def span(draws: Floats) -> tuple[float, float]:
    """The interval that holds the middle 95 % of `draws`."""
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(low), float(high)


def interval(values: ArrayLike, draws: int = DRAWS, seed: int = 0) -> tuple[float, float]:
    """The 95 % interval of the mean of `values` [shape=(clips,)], drawn over clips."""
    return span(means(values, np.random.default_rng(seed), draws))
