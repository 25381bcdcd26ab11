import numpy as np
import pytest

from functions.beats import certainty


def test_a_clear_pulse_and_a_doubtful_one_differ_in_every_feature() -> None:
    beats = np.arange(0, 1000, 25)
    clear = np.full(1000, -8.0, np.float32)
    clear[beats] = 8.0
    at, missed, between, weaker, unsteady, one = certainty.features(beats, clear)
    assert (at, missed, between) == pytest.approx((1.0, 0.0, 0.0), abs=1e-3)
    assert (weaker, unsteady, one) == pytest.approx((0.0, 0.0, 1.0), abs=1e-3)

    doubtful = clear.copy()
    doubtful[beats[::2]] = -8.0  # every second beat missing
    doubtful[beats + 12] = 8.0  # and as much to be heard between the beats
    moved = beats + np.arange(len(beats)) % 2
    at, missed, between, weaker, unsteady, one = certainty.features(moved, doubtful)
    assert at == pytest.approx(missed, abs=0.01) == pytest.approx(0.5, abs=0.01)
    assert between > 0.9
    assert weaker > 0.9
    assert unsteady > 0.05


def test_two_beats_are_enough() -> None:
    logits = np.zeros(50, np.float32)
    assert np.isfinite(certainty.features(np.array([5, 30]), logits)).all()
    assert certainty.probability(np.array([5, 30]), logits, np.zeros(6)) == 0.5
