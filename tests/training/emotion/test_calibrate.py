"""Probabilities that are wrong by a known temperature are put right."""

import numpy as np
import pytest
from scipy.special import softmax

from training.emotion import calibrate


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_a_known_temperature_is_found(temperature: float) -> None:
    random = np.random.default_rng(0)
    honest = random.normal(size=(20_000, 4)) * 2.0
    chance = softmax(honest, axis=1).cumsum(axis=1)
    labels = (random.random((20_000, 1)) > chance).sum(axis=1).clip(max=3)
    fitted = calibrate.fit(honest * temperature, labels, np.ones(20_000))
    assert fitted.temperature == pytest.approx(temperature, rel=0.05)


def test_the_margin_leaves_the_wanted_share_certain() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=(1_000, 3))
    labels = logits.argmax(axis=1)
    fitted = calibrate.fit(logits, labels, np.ones(1_000))
    best = np.sort(softmax(logits / fitted.temperature, axis=1), axis=1)
    certain = best[:, -1] - best[:, -2] >= fitted.margin
    assert certain.mean() == pytest.approx(calibrate.COVERED, abs=0.002)
