"""Speech, listened to as it streams by: windows, each judged where somebody speaks in it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Generic, Protocol, TypeVar

import numpy as np

from functions.kit.audio import Audio
from functions.kit.mel import LogMel
from functions.kit.problem import Problem
from functions.kit.spectrum import Floats
from functions.kit.steps import Progress, Steps
from functions.kit.windows import Window, Windows

LEAST_S = 0.5
"""Seconds of speech without which nothing is said of a window, or of a recording."""
LEAST_SHARE = 0.2
"""The share of a window that must be speech too, unless no window has so much."""

TOGETHER = 4
"""Windows up to which those that follow one another are judged together, 12.5 s of audio."""

T = TypeVar("T")


class NoSpeech(Problem):
    """There is sound, but hardly anybody speaks."""

    status, reason, title = 422, "no_speech", "There is too little speech"


class Track(Protocol):
    """What makes a row of each frame of 16 ms, as many in all as `LogMel` makes."""

    def push(self, samples: Floats) -> Floats:
        """The rows that `samples`, shape (n,) at 16 kHz, complete."""

    def finish(self) -> Floats:
        """The rows that are left."""


@dataclass(frozen=True)
class Heard(Generic[T]):
    """A window, and what was judged of it: None where it has too little speech."""

    start: float
    end: float
    speech_s: float
    judged: T | None

    @property
    def share(self) -> float:
        """How much of it is speech, 0 to 1."""
        return min(1.0, self.speech_s / (self.end - self.start))


@dataclass(frozen=True)
class Told(Generic[T]):
    """All that was heard: its windows, of which those with speech enough are judged."""

    windows: list[Heard[T]]
    clear: bool
    """Whether those that are judged have their `LEAST_SHARE` of speech."""
    speech_ratio: float
    """The share of the audio that is speech."""
    warnings: list[str]

    @property
    def judged(self) -> list[T]:
        """The judgements; at least one."""
        return [each.judged for each in self.windows if each.judged is not None]

    @property
    def weights(self) -> Floats:
        """What part of the judged windows' speech is in each of them, shape (judged,)."""
        spoken = [each.speech_s for each in self.windows if each.judged is not None]
        return np.array(spoken) / sum(spoken)


class Listener(Generic[T]):
    """Hears audio at 16 kHz: `push` blocks of samples, then `finish`; or all of it by `steps`.

    `judge` is given the windows that have half a second of speech, with a track of each of
    `tracks`, and answers for each; those that it is given at once follow one another, and overlap.
    Its windows are `functions.kit.windows.Windows`.
    """

    def __init__(self, judge: Callable[[Sequence[Window]], Iterable[T]], *tracks: Track) -> None:
        self._judge = judge
        self._mel, self._tracks = LogMel(), tracks
        self._windows = Windows()
        self._waiting: list[Window] = []
        self._heard: list[Heard[T]] = []

    def steps(self, audio: Audio) -> Steps[Told[T]]:
        """Hear all of `audio`. Raises its errors, and those of `finish`."""
        for block in audio.blocks():
            self.push(block)
            yield Progress("listening", 0.95 * audio.fraction)
        yield Progress("judging", 0.95)
        return self.finish(audio.seconds)

    def push(self, samples: Floats) -> None:
        """Hear `samples`, shape (n,)."""
        tracks = [track.push(samples) for track in self._tracks]
        self._hear(self._windows.push(self._mel.push(samples), *tracks))

    def finish(self, seconds: float) -> Told[T]:
        """All that was heard in the audio, which took `seconds`. Raises `NoSpeech`."""
        tracks = [track.finish() for track in self._tracks]
        self._hear(self._windows.finish(seconds, self._mel.finish(), *tracks), last=True)
        spoken = min(self._windows.speech_s(), seconds)
        if spoken < LEAST_S or all(each.judged is None for each in self._heard):
            raise _no_speech(spoken, seconds)
        told = [self._clear(each) for each in self._heard]
        clear = any(each.judged is not None for each in told)
        return Told(
            windows=told if clear else self._heard,
            clear=clear,
            speech_ratio=round(spoken / seconds, 3),
            warnings=[] if clear else [f"Only {spoken:.1f} of {seconds:.1f} s are speech."],
        )

    def speech_s(self, start: float, end: float) -> float:
        """Seconds of speech from second `start` to `end`."""
        return self._windows.speech_s(start, end)

    def _hear(self, windows: Iterable[Window], *, last: bool = False) -> None:
        self._waiting += windows
        while len(self._waiting) >= TOGETHER or (last and self._waiting):
            some, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
            for enough, run in groupby(some, lambda its: its.speech_s >= LEAST_S):
                its = list(run)
                judged = self._judge(its) if enough else [None] * len(its)
                self._heard += map(_heard, its, judged)

    def _clear(self, its: Heard[T]) -> Heard[T]:
        return its if its.share >= LEAST_SHARE else replace(its, judged=None)


def _heard(its: Window, judged: T | None) -> Heard[T]:
    return Heard(its.start, its.end, its.speech_s, judged)


def _no_speech(spoken: float, seconds: float) -> NoSpeech:
    together = " within five seconds" if spoken >= LEAST_S else ""
    return NoSpeech(
        f"There are {spoken:.2f} s of speech in {seconds:.1f} s of audio. At least {LEAST_S:g} s "
        f"are needed{together}: send a recording in which somebody speaks."
    )
