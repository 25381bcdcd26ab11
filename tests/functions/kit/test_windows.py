"""Windows are cut as they should be, however the frames come."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.kit import windows
from functions.kit.mel import FPS
from functions.kit.spectrum import Floats
from functions.kit.speech import STEP
from functions.kit.windows import FRAMES, LONGEST, SLACK, Window, Windows


class Loud:
    """In the gate's place: a step is speech where its first frame's first band is above 0.

    Like the gate it is behind, by a hundred frames.
    """

    def __init__(self) -> None:
        self._firsts = np.zeros(0, np.float32)
        self._done = 0

    def push(self, logs: Floats, *, last: bool = False) -> Floats:
        self._firsts = np.append(self._firsts, logs[:, 0])
        behind = 0 if last else 100
        ready = self._firsts[: max(0, len(self._firsts) - behind)][::STEP]
        if not last:
            ready = ready[: max(0, len(self._firsts) - behind) // STEP]
        new, self._done = ready[self._done :], len(ready)
        return (new > 0).astype(np.float32)


@pytest.fixture(autouse=True, scope="module")
def gate() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "Gate", Loud)
        yield


def numbered(frames: int) -> Floats:
    """Frames whose second band is their number; two steps are speech, two are not, and so on."""
    logs = np.zeros((frames, 64), np.float32)
    logs[:, 1] = np.arange(frames)
    logs[:, 0] = np.where(np.arange(frames) // STEP // 2 % 2, -1.0, 1.0)
    return logs


def cut(logs: Floats, cuts: list[int], ahead: int = 0) -> list[Window]:
    """Windows of `logs` and of a track of their numbers, which comes `ahead` frames sooner."""
    cutter = Windows()
    found = []
    *parts, last = np.split(logs, sorted(cuts))
    *tracks, end = np.split(
        np.arange(len(logs), dtype=float), np.clip(np.add(sorted(cuts), ahead), 0, None)
    )
    for part, track in zip(parts, tracks, strict=True):
        found += list(cutter.push(part, track))
    return found + list(cutter.finish(len(logs) / FPS, last, end))


@settings(deadline=None)
@given(st.integers(1, 2500), st.lists(st.integers(0, 2500), max_size=8), st.integers(-9, 9))
def test_any_cut_into_blocks_gives_the_same_windows(
    frames: int, cuts: list[int], ahead: int
) -> None:
    logs = numbered(frames)
    whole, parts = cut(logs, []), cut(logs, cuts, ahead)
    assert len(whole) == len(parts)
    for one, other in zip(whole, parts, strict=True):
        assert (one.start, one.end, one.speech_s) == (other.start, other.end, other.speech_s)
        np.testing.assert_array_equal(one.logs, other.logs)
        np.testing.assert_array_equal(other.tracks, [other.logs[:, 1]])
        np.testing.assert_array_equal(one.speech, other.speech)


@settings(deadline=None)
@given(st.integers(1, 2500))
def test_windows_cover_all_and_are_what_they_say(frames: int) -> None:
    logs = numbered(frames)
    found = cut(logs, [])
    assert found[0].start == 0
    assert found[-1].end == pytest.approx(frames / FPS)
    for one, after in pairwise(found):
        assert one.start < after.start <= one.end < after.end
    for each in found:
        assert len(each.logs) == (frames if frames <= LONGEST else FRAMES)
        assert each.start == pytest.approx(each.logs[0, 1] / FPS, abs=1 / FPS)
        steps = each.logs[:, 1].astype(int) // STEP
        assert each.speech_s == pytest.approx(np.mean(steps // 2 % 2 == 0) * len(steps) / FPS)


def test_the_regular_ones_start_every_two_and_a_half_seconds() -> None:
    *regular, last = cut(numbered(round(3600 * FPS)), [])
    assert [each.start for each in regular] == [2.5 * i for i in range(len(regular))]
    assert regular[-1].end + SLACK / FPS <= last.end == 3600


def test_what_is_held_does_not_grow() -> None:
    cutter = Windows()
    held = 0
    for block in np.split(numbered(100_000), range(187, 100_000, 187)):
        list(cutter.push(block))
        held = max(held, len(cutter._held[0]))
    assert held < 1_000


def test_speech_between_two_times() -> None:
    cutter = Windows()
    list(cutter.finish(320 / FPS, numbered(320)))
    assert cutter.speech_s() == pytest.approx(160 / FPS)
    assert cutter.speech_s(0, 32 / FPS) == pytest.approx(32 / FPS)
    assert cutter.speech_s(32 / FPS, 64 / FPS) == 0
    assert cutter.speech_s(288 / FPS) == 0
