"""What the votes of voice_detect are worth alone, without the network's score."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from benchmarks import separation
from benchmarks.bootstrap import Floats
from benchmarks.voices import Answer

RIDGE = 1e-3
"""Keeps the weight of a vote that never errs finite."""


def alone(fitted: Sequence[Answer], judged: Sequence[Answer]) -> dict[str, Any]:
    """Of each feature: the AUC of its value and of its vote, and how often it votes AI_GENERATED.

    And AUC and equal error rate of a logistic regression over the votes, fitted on other clips.
    Those that were refused have no votes, and are left out of both. AUC is 0..1, a share x 100.
    """
    fitted, judged = _voting(fitted), _voting(judged)
    if not judged:
        return {}
    synthetic = np.array([one.voice.synthetic for one in judged], bool)
    pages = [one.voice.page for one in judged]
    bias, weights = logistic(votes(fitted), [one.voice.synthetic for one in fitted])
    outside = votes(judged)
    features = {}
    for index, name in enumerate(_names(judged)):
        values = [one.values[name] for one in judged if one.values]
        features[name] = {
            "value": separation.area(values, synthetic),
            "vote": separation.area(outside[:, index], synthetic),
            "human_called": _percent(outside[~synthetic, index]),
            "synthetic_called": _percent(outside[synthetic, index]),
        }
    together = separation.figures(outside @ weights + bias, synthetic, pages)
    return {"features": features, "together": together}


def votes(answers: Sequence[Answer]) -> Floats:
    """Which features vote AI_GENERATED, shape (clips, features)."""
    names = _names(answers)
    return np.array(
        [[one.outside[name] for name in names] for one in answers if one.outside], float
    )


def logistic(votes: Floats, synthetic: ArrayLike) -> tuple[float, Floats]:
    """The likeliest bias and weights, shape (features,), by Newton's method.

    votes [shape=(clips, features)] : 0 or 1.
    synthetic [shape=(clips,)] : 0 or 1.
    """
    rows = np.column_stack([np.ones(len(votes)), votes])
    wanted, weights = np.asarray(synthetic, float), np.zeros(rows.shape[1])
    for _ in range(30):
        chances = 1 / (1 + np.exp(-rows @ weights))
        slope = rows.T @ (wanted - chances) - RIDGE * weights
        bend = (rows.T * (chances * (1 - chances))) @ rows + RIDGE * np.eye(len(weights))
        weights = weights + np.linalg.solve(bend, slope)
    return float(weights[0]), weights[1:]


def _voting(answers: Sequence[Answer]) -> list[Answer]:
    return [one for one in answers if one.outside]


def _names(answers: Sequence[Answer]) -> list[str]:
    return list(answers[0].outside or ()) if answers else []


def _percent(hits: Floats) -> float | None:
    return round(100 * float(hits.mean()), 2) if len(hits) else None
