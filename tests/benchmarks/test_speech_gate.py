import numpy as np
import pytest

from benchmarks import speech_gate
from functions.kit.mel import BANDS, FPS, HOP, RATE
from functions.kit.speech import STEP
from functions.kit.windows import FRAMES, Window


def window(speech_s: float) -> Window:
    speech = np.arange(FRAMES) < speech_s * FPS
    return Window(0.0, 5.0, 0, speech, np.zeros((FRAMES, BANDS), np.float32))


def test_a_window_passes_by_its_share_of_speech_unless_none_has_it() -> None:
    few, many, none = window(0.6), window(1.1), window(0.3)
    assert speech_gate.judged([few, many, none]).tolist() == [False, True, False]
    assert speech_gate.judged([few, none]).tolist() == [True, False]


def test_steps_count_whose_power_is_near_that_of_the_loud_frames() -> None:
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 3 * STEP * HOP).astype(np.float32)
    sound[STEP * HOP : 2 * STEP * HOP] *= 0.03
    assert speech_gate.loud(sound + 0.2, 3).tolist() == [True, False, True]


def test_the_share_is_of_all_windows_together() -> None:
    parts = [np.array([True]), np.array([False, False, False])]
    count, share, (low, high) = speech_gate.percent(parts)
    assert (count, share) == (4, 25.0)
    assert (low, high) == (0.0, 100.0)


@pytest.mark.parametrize("name", speech_gate.CONDITIONS)
def test_every_condition_leaves_speech_as_long_as_it_was(name: str) -> None:
    sound = 0.3 * np.sin(np.arange(RATE) / 30).astype(np.float32)
    changed = speech_gate.CONDITIONS[name](sound)
    assert abs(changed.size - sound.size) < 0.1 * RATE
    assert changed.dtype == np.float32
