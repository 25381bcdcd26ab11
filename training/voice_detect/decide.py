"""Fits what becomes of a score and the votes, on pages whose clips the score never learnt from."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from functions.voice_detect import features

Floats = NDArray[np.float64]
USUAL = (5.0, 95.0)
"""Percentiles of human speech between which a feature votes HUMAN."""
HUMANS_ACCUSED, MACHINES_BELIEVED = 0.035, 0.12
"""The share of the human clips that is surely AI_GENERATED, and of the others surely HUMAN.

The first is twice that in the worst quarter of the pages, and may be more elsewhere.
"""
LEVELS_DB = 30.0
"""By how much any recording may be softer: its level says nothing of who speaks."""
PRIOR = 1e-3
"""How much a weight of one costs, against a clip: votes that say nothing are to weigh nothing."""


@dataclass(frozen=True)
class Decision:
    """What `functions.voice_detect.votes` reads."""

    bias: float
    score: float
    ranges: Floats
    """Lowest and highest usual value of each feature, shape (5, 2)."""
    weights: Floats
    human_below: float
    machine_above: float

    def as_dict(self) -> dict[str, Any]:
        """As it is written into the network's file."""
        votes = {
            name: {"range": [float(f"{end:.4g}") for end in ends], "weight": round(weight, 4)}
            for name, ends, weight in zip(
                features.NAMES, self.ranges.tolist(), self.weights.tolist(), strict=True
            )
        }
        return {
            "bias": round(self.bias, 4),
            "score": round(self.score, 4),
            "votes": votes,
            "human_below": round(self.human_below, 3),
            "machine_above": round(self.machine_above, 3),
        }

    def probabilities(self, scores: Floats, values: Floats) -> Floats:
        """Of AI_GENERATED, shape (n,), from scores (n,) and features (n, 5)."""
        outside = _outside(values, self.ranges)
        return _sigmoid(self.bias + self.score * scores + outside @ self.weights)


def fit(scores: Floats, values: Floats, machine: NDArray[np.bool_]) -> Decision:
    """The regression over scores (n,) and the votes of features (n, 5), and where it is certain.

    No weight is under zero: a feature that is unusual in a human voice never speaks for one. Each
    clip's energy is of a level drawn at random; only the range is of levels as they are.
    """
    ranges = np.percentile(values[~machine], USUAL, axis=0).T
    drawn = values.copy()
    softer = np.random.default_rng(0).uniform(0.0, LEVELS_DB, len(values))
    drawn[:, features.NAMES.index("energy")] *= 10 ** (-softer / 10)
    inputs = np.column_stack([np.ones(len(scores)), scores, _outside(drawn, ranges)])
    side = np.where(machine, 1.0, -1.0)

    def cost(weights: Floats) -> tuple[float, Floats]:
        margins = side * (inputs @ weights)
        slope = -(inputs * (side * _sigmoid(-margins))[:, None]).mean(axis=0)
        loss = float(np.logaddexp(0.0, -margins).mean() + PRIOR * np.square(weights).sum())
        return loss, slope + 2 * PRIOR * weights

    bounds = [(None, None), *[(0.0, None)] * (inputs.shape[1] - 1)]
    start = np.array([0.0, 1.0, *np.zeros(len(features.NAMES))])
    bias, score, *weights = minimize(cost, start, jac=True, bounds=bounds, method="L-BFGS-B").x
    found = _sigmoid(inputs @ np.array([bias, score, *weights]))
    return Decision(
        bias=float(bias),
        score=float(score),
        ranges=ranges,
        weights=np.array(weights),
        human_below=min(0.5, float(np.quantile(found[machine], MACHINES_BELIEVED))),
        machine_above=max(0.5, float(np.quantile(found[~machine], 1 - HUMANS_ACCUSED))),
    )


def _outside(values: Floats, ranges: Floats) -> Floats:
    return ((values < ranges[:, 0]) | (values > ranges[:, 1])).astype(float)


def _sigmoid(log_odds: Floats) -> Floats:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * log_odds)))
