"""How sure the beats are: what was heard at and between them, as a fitted probability."""

import numpy as np
from numpy.typing import NDArray

from functions.beats.tracker import strengths
from functions.kit.spectrum import Floats


def features(beats: NDArray[np.int64], logits: Floats) -> NDArray[np.float64]:
    """Five figures and a one, from beat frames (at least two) and beat logits of shape (frames,).

    In order: the mean probability at the beats; the share of beats hardly heard; the mean
    probability half-way between beats (high where the tempo may be double); by how much every
    second beat is weaker (high where it may be half); how much the period changes from beat to
    beat.
    """
    at = strengths(beats, logits).astype(float)
    between = strengths((beats[:-1] + beats[1:]) // 2, logits)
    weaker = abs(at[::2].mean() - at[1::2].mean())
    unsteady = np.abs(np.diff(np.log(np.diff(beats)))).mean() if len(beats) > 2 else 0.0
    return np.array([at.mean(), (at < 0.1).mean(), between.mean(), weaker, unsteady, 1.0])


def probability(beats: NDArray[np.int64], logits: Floats, weights: Floats) -> float:
    """The logistic of the weighted features."""
    return float(1.0 / (1.0 + np.exp(-features(beats, logits) @ weights)))
