"""How well a score tells two classes apart: AUC, equal error rate, and what of it may be chance.

Intervals are of draws of pages with all their clips, not of clips: what is on a page was made by
the same hands, and it is new pages that a detector must do well on.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from benchmarks import bootstrap
from benchmarks.bootstrap import Floats

BATCH = 500
"""Draws at a time: fifty million numbers would be held otherwise."""


def roc(scores: ArrayLike, positive: ArrayLike, weights: Floats | None = None) -> Floats:
    """The shares of the negative and of the positive clips above each bound on the score.

    scores [shape=(clips,)] : larger for what is more likely positive. Infinite ones are in order.
    positive [shape=(clips,)] : 0 or 1.
    weights [shape=(draws, clips)] : how often each clip counts; once, when None.

    Returns [shape=(2, draws, bounds)], from (0, 0) to (1, 1). Of a class without clips it is nan.
    """
    scores, positive = np.asarray(scores, float), np.asarray(positive, bool)
    counts = np.ones((1, len(scores))) if weights is None else weights
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    starts = np.flatnonzero(np.concatenate([[True], falling[1:] != falling[:-1]]))
    shares = []
    for those in (~positive, positive):
        each = np.add.reduceat((counts * those)[:, order], starts, axis=1)
        above = np.pad(np.cumsum(each, axis=1), ((0, 0), (1, 0)))
        with np.errstate(invalid="ignore"):
            shares.append(above / above[:, -1:])
    return np.stack(shares)


def auc(curve: Floats) -> Floats:
    """The area under what `roc` gave: how often a positive scores above a negative, ties half.

    Returns [shape=(draws,)].
    """
    false, true = curve
    return np.asarray((np.diff(false) * (true[:, 1:] + true[:, :-1]) / 2).sum(axis=1))


def eer(curve: Floats) -> Floats:
    """The error at which as large a share of the negatives is taken for positive as is missed.

    Between two bounds, `roc` is taken for straight. Returns [shape=(draws,)].
    """
    false, true = curve
    excess = false + true - 1
    after = np.argmax(excess >= 0, axis=1)[:, None]
    low, high = (np.take_along_axis(excess, after - step, axis=1) for step in (1, 0))
    left, right = (np.take_along_axis(false, after - step, axis=1) for step in (1, 0))
    return np.asarray((left + (right - left) * -low / (high - low))[:, 0])


def draws(scores: ArrayLike, positive: ArrayLike, pages: Sequence[str]) -> tuple[Floats, Floats]:
    """AUC and equal error rate on each of the bootstrap draws of `pages`, the page of each clip.

    A draw without one of the classes gives nan.

    Returns two [shape=(draws,)].
    """
    counts, page = bootstrap.pages(pages)
    batches = np.split(counts, range(BATCH, len(counts), BATCH))
    curves = (roc(scores, positive, batch[:, page]) for batch in batches)
    aucs, eers = zip(*((auc(curve), eer(curve)) for curve in curves), strict=True)
    return np.concatenate(aucs), np.concatenate(eers)


def area(scores: ArrayLike, positive: ArrayLike) -> float | None:
    """The AUC, rounded; None without both classes."""
    positive = np.asarray(positive, bool)
    return rounded(auc(roc(scores, positive))[0]) if 0 < positive.mean() < 1 else None


def figures(scores: ArrayLike, positive: ArrayLike, pages: Sequence[str]) -> dict[str, Any]:
    """AUC and equal error rate, 0..1, with their 95 % intervals; {} without both classes."""
    if area(scores, positive) is None:
        return {}
    curve = roc(scores, positive)
    aucs, eers = draws(scores, positive, pages)
    return {
        "auc": rounded(auc(curve)[0]),
        "auc_interval": ends(aucs),
        "eer": rounded(eer(curve)[0]),
        "eer_interval": ends(eers),
    }


def lead(
    scores: ArrayLike, others: ArrayLike, positive: ArrayLike, pages: Sequence[str]
) -> tuple[float, list[float]]:
    """By how much the AUC of `scores` is above that of `others`, and the paired 95 % interval."""
    first, second = (auc(roc(each, positive))[0] for each in (scores, others))
    spread = draws(scores, positive, pages)[0] - draws(others, positive, pages)[0]
    return rounded(first - second), ends(spread)


def by_page(scores: ArrayLike, positive: ArrayLike, pages: Sequence[str]) -> dict[str, float]:
    """The AUC within each page that has both classes."""
    scores, positive, page = np.asarray(scores), np.asarray(positive, bool), np.asarray(pages)
    names = sorted(set(pages))
    found = {name: area(scores[page == name], positive[page == name]) for name in names}
    return {name: its for name, its in found.items() if its is not None}


def within(scores: ArrayLike, positive: ArrayLike, pages: Sequence[str]) -> dict[str, Any]:
    """The mean of `by_page`, its 95 % interval over draws of those pages, and their number."""
    each = list(by_page(scores, positive, pages).values())
    if not each:
        return {}
    low, high = bootstrap.interval(each)
    return {
        "auc": rounded(np.mean(each)),
        "auc_interval": [rounded(low), rounded(high)],
        "pages": len(each),
    }


def ends(spread: Floats) -> list[float]:
    """The 95 % interval of some draws, rounded."""
    return [rounded(end) for end in bootstrap.span(spread)]


def rounded(value: float | np.floating) -> float:
    """To four digits, and no negative zero."""
    return round(float(value), 4) + 0.0
