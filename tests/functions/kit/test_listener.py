"""Which windows are judged, and what is refused; with a gate, tracks and judges given here."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import pytest

from functions.kit import windows
from functions.kit.listener import LEAST_S, LEAST_SHARE, TOGETHER, Listener, NoSpeech, Told
from functions.kit.mel import FPS, HOP
from functions.kit.spectrum import Floats
from functions.kit.speech import STEP
from functions.kit.windows import Window, joined
from tests.voice import RATE, Samples


class Loud:
    """In the gate's place: a step is speech where its middle is louder than -40 dB."""

    def __init__(self) -> None:
        self._held = np.zeros((0, 64), np.float32)

    def push(self, logs: Floats, *, last: bool = False) -> Floats:
        held = np.concatenate([self._held, logs])
        count = -(-len(held) // STEP) if last else len(held) // STEP
        self._held = held[count * STEP :]
        middles = np.minimum(np.arange(count) * STEP + STEP // 2, len(held) - 1)
        return np.asarray(held[middles].max(axis=1) > np.log(1e-4), np.float32)


@pytest.fixture(autouse=True, scope="module")
def gate() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "Gate", Loud)
        yield


class Count:
    """A track of the numbers of the frames."""

    def __init__(self) -> None:
        self._samples = self._frames = 0

    def push(self, samples: Floats) -> Floats:
        self._samples += samples.size
        return self._up_to(self._samples // HOP)

    def finish(self) -> Floats:
        return self._up_to(-(-self._samples // HOP))

    def _up_to(self, end: int) -> Floats:
        first, self._frames = self._frames, end
        return np.arange(first, end, dtype=float)


def steps(pattern: str) -> Samples:
    """A step of noise for each x, and of silence for each dot."""
    loud = np.array([each == "x" for each in pattern])
    noise = np.random.default_rng(0).normal(0, 0.1, loud.size * STEP * HOP)
    return np.where(np.repeat(loud, STEP * HOP), noise, 0.0)


def listen(pattern: str) -> Told[tuple[float, float]]:
    """The first and the last frame of each window that is judged."""
    samples = steps(pattern).astype(np.float32)

    def judge(some: Sequence[Window]) -> Iterator[tuple[float, float]]:
        assert 1 <= len(some) <= TOGETHER
        for one, after in pairwise(some):
            assert one.start < after.start <= one.end < after.end
        frames, starts = joined(some)
        assert np.diff(frames).tolist() == [1] * (len(frames) - 1)
        for window, start in zip(some, starts, strict=True):
            (numbers,) = window.tracks
            assert len(numbers) == len(window.logs) == len(window.speech)
            assert numbers.tolist() == frames[start : start + len(numbers)].tolist()
            assert window.speech_s >= LEAST_S
            yield numbers[0], numbers[-1]

    listener = Listener(judge, Count())
    for block in np.split(samples, range(10_001, len(samples), 10_001)):
        listener.push(block)
    return listener.finish(len(samples) / RATE)


def test_every_window_of_a_voice_is_judged_with_its_own_frames() -> None:
    told = listen("x" * 40)
    assert told.clear
    assert told.warnings == []
    assert told.speech_ratio == 1.0
    assert told.judged == [each.judged for each in told.windows]
    for (first, last), window in zip(told.judged, told.windows, strict=True):
        assert first == pytest.approx(window.start * FPS, abs=1)
        assert last == pytest.approx(window.end * FPS - 1, abs=1)


def test_windows_that_follow_one_another_are_judged_together() -> None:
    sizes = []

    def judge(some: Sequence[Window]) -> Sequence[Window]:
        sizes.append(len(some))
        return some

    samples = steps("x" * 60 + "." * 40 + "x" * 20)
    listener = Listener(judge)
    listener.push(samples.astype(np.float32))
    told = listener.finish(len(samples) / RATE)
    judged = [each.judged is not None for each in told.windows]
    assert False in judged
    assert sizes[0] == TOGETHER
    assert len(sizes) < sum(sizes) == sum(judged)


def test_windows_weigh_as_much_as_they_have_of_the_speech() -> None:
    told = listen("x" * 30 + "." * 20)
    spoken = np.array([each.speech_s for each in told.windows if each.judged])
    assert len(spoken) < len(told.windows)
    assert told.weights.tolist() == pytest.approx((spoken / spoken.sum()).tolist())
    assert told.speech_ratio == 0.6


def test_what_has_little_speech_is_not_judged_beside_what_has_much() -> None:
    told = listen("x" * 20 + "." * 30 + "xxx" + "." * 30)
    assert told.clear
    assert told.warnings == []
    for window in told.windows:
        assert (window.judged is None) == (window.share < LEAST_SHARE)
    assert any(LEAST_S <= window.speech_s < 1 for window in told.windows if not window.judged)


def test_where_all_have_little_they_are_judged_with_a_warning() -> None:
    told = listen("." * 20 + "xxx" + "." * 20)
    assert not told.clear
    assert told.warnings == ["Only 0.8 of 11.0 s are speech."]
    assert all(window.share < LEAST_SHARE for window in told.windows)
    for window in told.windows:
        assert (window.judged is None) == (window.speech_s < LEAST_S)
    assert told.judged


def test_less_than_half_a_second_is_refused() -> None:
    with pytest.raises(NoSpeech, match=r"are 0.26 s of speech in 5.4 s of audio. At least 0.5 s"):
        listen("." * 10 + "x" + "." * 10)


def test_so_is_speech_that_is_nowhere_together() -> None:
    with pytest.raises(NoSpeech, match=r"are needed within five seconds: send a recording"):
        listen(("." * 25 + "x") * 4)
