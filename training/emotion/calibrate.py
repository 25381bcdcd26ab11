"""How far the network's probabilities are to be trusted, fitted on speakers that it never heard."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

Floats = NDArray[np.float64]
COVERED = 0.68
"""The share of clips whose emotion is called certain."""


class Calibration(NamedTuple):
    """What is fitted."""

    temperature: float
    """What logits are divided by (Guo et al., ICML 2017)."""
    margin: float
    """How far the first probability must be ahead of the second to be certain."""


def fit(logits: Floats, labels: NDArray[np.int64], weights: Floats) -> Calibration:
    """From `logits`, shape (clips, labels), the right labels, and how much each clip counts."""
    clips = np.arange(len(labels))

    def cost(log_temperature: float) -> float:
        logs = log_softmax(logits / np.exp(log_temperature), axis=1)
        return float(-(weights * logs[clips, labels]).sum())

    temperature = float(np.exp(minimize_scalar(cost, bounds=(-2.0, 2.0)).x))
    best = np.sort(softmax(logits / temperature, axis=1), axis=1)
    margin = float(np.quantile(best[:, -1] - best[:, -2], 1.0 - COVERED))
    return Calibration(temperature, margin)
