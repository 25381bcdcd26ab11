"""How far a figure may be chance: what it would be on other draws of the same clips."""

from collections.abc import Sequence

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


def pages(names: Sequence[str]) -> tuple[Floats, NDArray[np.intp]]:
    """How often each page is in each draw of as many whole pages; and which page each clip is on.

    names : the page of each clip. The draws are the same at each call, so that what is computed
    of them is paired.

    Returns [shape=(draws, pages)] and [shape=(clips,)].
    """
    unique, page = np.unique(np.asarray(names), return_inverse=True)
    random = np.random.default_rng(0)
    counts = random.multinomial(len(unique), np.full(len(unique), 1 / len(unique)), DRAWS)
    return counts.astype(float), page


def shares(hit: ArrayLike, among: ArrayLike, names: Sequence[str]) -> Floats:
    """The share of `hit` among the clips in `among` [both shape=(clips,), 0 or 1] on each draw.

    A draw of the `pages` without any of those gives nan. Returns [shape=(draws,)].
    """
    counts, page = pages(names)
    those, its = np.asarray(among, dtype=float), np.asarray(hit, dtype=float)
    found, all_of_them = (counts @ np.bincount(page, each) for each in (those * its, those))
    with np.errstate(invalid="ignore"):
        return np.asarray(found / all_of_them)


def span(draws: Floats) -> tuple[float, float]:
    """The interval that holds the middle 95 % of `draws`, those left out that are nan."""
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    return float(low), float(high)


def interval(values: ArrayLike, draws: int = DRAWS, seed: int = 0) -> tuple[float, float]:
    """The 95 % interval of the mean of `values` [shape=(clips,)], drawn over clips."""
    return span(means(values, np.random.default_rng(seed), draws))
