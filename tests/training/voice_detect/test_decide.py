"""The decision finds what was put into the scores and votes, and keeps its promises."""

import numpy as np
import pytest

from training.voice_detect import decide

CLIPS = 4_000


def drawn(seed: int) -> tuple[decide.Floats, decide.Floats, decide.Floats]:
    """Log odds as they were drawn from, scores of half of that, and features of no use."""
    random = np.random.default_rng(seed)
    odds = random.normal(size=CLIPS) * 2.0
    return odds, odds / 2.0, random.normal(size=(CLIPS, 5))


def test_probabilities_are_the_ones_that_labels_were_drawn_with() -> None:
    odds, scores, values = drawn(0)
    true = 1 / (1 + np.exp(-odds))
    machine = np.random.default_rng(1).random(CLIPS) < true
    fitted = decide.fit(scores, values, machine)
    assert np.abs(fitted.probabilities(scores, values) - true).mean() < 0.03
    assert fitted.weights.max() < 0.5


def test_a_feature_that_tells_is_heard_and_none_speaks_against() -> None:
    _, scores, values = drawn(0)
    machine = np.random.default_rng(1).random(CLIPS) < 0.5
    values[machine, 2] *= 4.0
    values[~machine, 3] *= 0.5
    fitted = decide.fit(0 * scores, values, machine)
    assert fitted.weights.argmax() in (2, 3)
    assert fitted.weights[2] > 1.0
    assert (fitted.weights >= 0.0).all()


def test_the_band_leaves_the_promised_shares_outside() -> None:
    odds, scores, values = drawn(0)
    machine = np.random.default_rng(1).random(CLIPS) < 1 / (1 + np.exp(-odds))
    fitted = decide.fit(scores, values, machine)
    found = fitted.probabilities(scores, values)
    accused = (found[~machine] > fitted.machine_above).mean()
    believed = (found[machine] < fitted.human_below).mean()
    assert accused == pytest.approx(decide.HUMANS_ACCUSED, abs=0.01)
    assert believed <= decide.MACHINES_BELIEVED + 0.01
    assert fitted.human_below <= 0.5 <= fitted.machine_above


def test_nine_tenths_of_human_voices_are_usual() -> None:
    _, scores, values = drawn(0)
    machine = np.random.default_rng(1).random(CLIPS) < 0.5
    fitted = decide.fit(scores, values, machine)
    low, high = fitted.ranges.T
    usual = ((values >= low) & (values <= high))[~machine].mean(axis=0)
    assert usual == pytest.approx(np.full(5, 0.9), abs=0.01)
