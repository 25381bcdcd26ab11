import numpy as np
import pytest

from functions.emotion import core, network
from functions.kit.fine import BANDS, PER_ROW
from functions.kit.spectrum import Floats
from functions.kit.windows import SHORTEST


@pytest.fixture(scope="module")
def loaded() -> network.Network:
    return core.chosen().loaded


def heard(frames: int) -> Floats:
    shape = (frames, PER_ROW * BANDS)
    values: Floats = np.random.default_rng(frames).uniform(-15, 0, shape)
    return values.astype(np.float32)


@pytest.mark.parametrize("frames", [1, 32, 40, 200, 312, 320])
def test_a_window_of_any_length_has_probabilities(frames: int, loaded: network.Network) -> None:
    log_probabilities = loaded.log_probabilities(heard(frames))
    assert log_probabilities.shape == (1, 9)
    assert np.exp(log_probabilities).sum() == pytest.approx(1.0)


def test_windows_that_are_heard_at_once_are_judged_each(loaded: network.Network) -> None:
    one, other = heard(312), heard(313)[:312] ** 2 / -20.0
    frames = np.concatenate([one, other])
    both = loaded.log_probabilities(frames, (0, 156, 312))
    assert both.shape == (3, 9)
    # But for the frames at their edges.
    first, last = loaded.log_probabilities(one)[0], loaded.log_probabilities(other)[0]
    assert abs(both[0] - first).max() < abs(both[0] - last).max() / 2
    assert abs(both[2] - last).max() < abs(both[2] - first).max() / 2


def test_how_much_of_each_window_is_in_each_frame() -> None:
    its = network.shares(10, (0, 3, 6))
    assert (its > 0).astype(int).tolist() == [
        [1, 1, 1, 1, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 1, 1, 1, 1, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 1, 1, 1, 1],
    ]
    np.testing.assert_allclose(its.sum(axis=1), 1.0)


def test_what_is_too_short_is_heard_again(loaded: network.Network) -> None:
    few = heard(30)
    twice = np.concatenate([few, few])[:SHORTEST]
    np.testing.assert_array_equal(loaded.log_probabilities(few), loaded.log_probabilities(twice))


def test_its_file_says_what_it_is(loaded: network.Network) -> None:
    assert len(loaded.labels) == len(set(loaded.labels)) == 9
    assert loaded.version
    assert loaded.calibration
    assert 0 <= loaded.margin < 1


def test_no_file_is_no_network() -> None:
    with pytest.raises(ValueError, match="names no file"):
        network.load(None)


def test_log_softmax_of_large_logits() -> None:
    assert network.log_softmax(np.array([1e4, 1e4])).tolist() == pytest.approx([-np.log(2)] * 2)
