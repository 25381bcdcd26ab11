"""What a confidence is worth: how often those who had it were right."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Bin:
    """The clips whose confidence lies in [low, high): their mean, and the share that was right."""

    low: float
    high: float
    clips: int
    confidence: float
    right: float


def inside(confidence: ArrayLike, bins: int) -> Iterator[NDArray[np.bool_]]:
    """Which of `confidence` [shape=(clips,), 0..1] lie in each of `bins` equal parts of 0..1."""
    index = np.minimum((np.asarray(confidence, dtype=float) * bins).astype(int), bins - 1)
    return (index == one for one in range(bins))


def table(confidence: ArrayLike, right: ArrayLike, bins: int) -> list[Bin]:
    """The bins that have clips in them; both [shape=(clips,)], `right` 0 or 1."""
    sure, hit = np.asarray(confidence, dtype=float), np.asarray(right, dtype=float)
    return [
        Bin(
            low=index / bins,
            high=(index + 1) / bins,
            clips=int(those.sum()),
            confidence=float(sure[those].mean()),
            right=float(hit[those].mean()),
        )
        for index, those in enumerate(inside(sure, bins))
        if those.any()
    ]


def error(bins: list[Bin]) -> float:
    """The expected calibration error, 0..1: how far confidence and share lie apart, over clips."""
    clips = sum(one.clips for one in bins)
    return (
        sum(abs(one.confidence - one.right) * one.clips for one in bins) / clips if clips else 0.0
    )
