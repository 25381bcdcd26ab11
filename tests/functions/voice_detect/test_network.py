import numpy as np
import pytest

from functions.kit.fine import FineBands
from functions.kit.spectrum import Floats
from functions.kit.windows import SHORTEST
from functions.voice_detect import core, network
from tests.voice import RATE, voice


@pytest.fixture(scope="module")
def loaded() -> network.Network:
    return core.chosen().loaded


def frames(count: int) -> Floats:
    """What the front end makes of a voice."""
    front = FineBands()
    samples = voice(count * 256 / RATE).astype(np.float32)
    return np.concatenate([front.push(samples), front.finish()])


@pytest.mark.parametrize("count", [1, 32, 40, 200, 312, 320])
def test_a_window_of_any_length_has_a_score(count: int, loaded: network.Network) -> None:
    given = frames(count)
    assert len(given) == count
    score, embedding = loaded.judge(given)
    assert np.isfinite(score)
    assert np.isfinite(embedding).all()
    assert embedding.ndim == 1
    assert embedding.shape == loaded.judge(frames(100))[1].shape


def test_what_is_too_short_is_heard_again(loaded: network.Network) -> None:
    few = frames(30)
    twice = np.concatenate([few, few])[:SHORTEST]
    assert loaded.judge(few)[0] == loaded.judge(twice)[0]


def test_its_file_says_what_it_is(loaded: network.Network) -> None:
    assert loaded.version
    assert loaded.calibration.endswith(".")
    decision = loaded.decision
    assert 0 <= decision.human_below < 0.5 < decision.machine_above <= 1
    assert decision.score > 0
    assert all(its.low < its.high for its in decision.ranges)


def test_no_file_is_no_network() -> None:
    with pytest.raises(ValueError, match="names no file"):
        network.load(None)
