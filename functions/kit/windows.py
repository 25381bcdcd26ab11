"""A stream of log mel frames, cut into overlapping windows that know what of them is speech."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from functions.kit.mel import FPS
from functions.kit.spectrum import Floats
from functions.kit.speech import SPEECH, STEP, Gate

WINDOW_S, HOP_S = 5.0, 2.5
FRAMES = int(WINDOW_S * FPS)
LONGEST = 320
"""Frames up to which the whole is one window, rather than two that are almost the same."""
SHORTEST = 40
"""Frames that a network needs."""
SLACK = int(0.5 * FPS)
"""Frames that a window must leave behind it; else it gives way to the last one."""


@dataclass(frozen=True)
class Window:
    """A part of the audio: seconds from `start` to `end`."""

    start: float
    end: float
    first: int
    """The number of its first frame in the audio."""
    speech: NDArray[np.bool_]
    """Which of its frames are speech, shape (frames,)."""
    logs: Floats
    """Its `LogMel` frames, shape (frames, 64)."""
    tracks: tuple[Floats, ...] = ()
    """The same frames as others hear them, shape (frames, …) each."""

    @property
    def speech_s(self) -> float:
        """How many of its seconds are speech."""
        return int(np.count_nonzero(self.speech)) / FPS


class Windows:
    """Cuts frames into windows as they come: `push` blocks, then `finish`.

    There is a window every 2.5 s. The last ends where the audio does, and audio of up to 5 s is
    one window. However the frames are cut into blocks, the windows are the same; no more of them
    is held than two windows and what the speech gate is behind.

    Beside the log mels, which the gate hears, any number of tracks can be cut: always as many, with
    a row a frame. They may come sooner or later than the log mels, but in the end all are as long.
    """

    def __init__(self) -> None:
        self._gate = Gate()
        self._steps = np.zeros(0, bool)
        self._held: tuple[Floats, ...] = ()
        self._dropped = 0
        self._count = 0

    @property
    def frames(self) -> int:
        """Frames heard so far, in every track."""
        return self._dropped + min(map(len, self._held), default=0)

    def push(self, logs: Floats, *tracks: Floats) -> Iterator[Window]:
        """The windows that `logs`, shape (n, 64), and `tracks`, shape (m, …) each, complete."""
        self._hear((logs, *tracks))
        yield from self._regular()

    def finish(self, seconds: float, logs: Floats, *tracks: Floats) -> Iterator[Window]:
        """The windows that are left, with the last of the frames; the audio took `seconds`."""
        self._hear((logs, *tracks), last=True)
        yield from self._regular()
        if self.frames <= LONGEST:
            yield self._window(0, self.frames, 0.0, seconds)
            return
        if self._count == 0:
            yield self._window(0, FRAMES, 0.0, WINDOW_S)
        yield self._window(self.frames - FRAMES, self.frames, seconds - WINDOW_S, seconds)

    def speech_s(self, start: float = 0.0, end: float | None = None) -> float:
        """Seconds of speech from second `start` to `end`, or to the last one heard."""
        last = self.frames if end is None else min(round(end * FPS), self.frames)
        return int(np.count_nonzero(self._speech(round(start * FPS), last))) / FPS

    def _hear(self, tracks: tuple[Floats, ...], *, last: bool = False) -> None:
        speech = self._gate.push(tracks[0], last=last) >= SPEECH
        self._steps = np.concatenate([self._steps, speech])
        held = self._held or tuple(track[:0] for track in tracks)
        self._held = tuple(map(np.concatenate, zip(held, tracks, strict=True)))

    def _regular(self) -> Iterator[Window]:
        while True:
            start = round(self._count * HOP_S * FPS)
            end = start + FRAMES
            if end > len(self._steps) * STEP or end + SLACK > self.frames:
                return
            self._held = tuple(track[start - self._dropped :] for track in self._held)
            self._dropped = start
            seconds = self._count * HOP_S
            self._count += 1
            yield self._window(start, end, seconds, seconds + WINDOW_S)

    def _window(self, first: int, last: int, start: float, end: float) -> Window:
        part = slice(first - self._dropped, last - self._dropped)
        logs, *tracks = (track[part] for track in self._held)
        return Window(start, end, first, self._speech(first, last), logs, tuple(tracks))

    def _speech(self, first: int, last: int) -> NDArray[np.bool_]:
        """Which of the frames from `first` on, up to `last`, are speech."""
        return np.asarray(self._steps[np.arange(first, last) // STEP], bool)


def lengthened(frames: Floats) -> Floats:
    """A window's frames, shape (n, bands): fewer than `SHORTEST` are heard again from the start."""
    return frames if len(frames) >= SHORTEST else np.resize(frames, (SHORTEST, frames.shape[1]))


def joined(windows: Sequence[Window]) -> tuple[Floats, list[int]]:
    """The first track of windows that overlap, each row once, and the row where each begins."""
    start = end = windows[0].first
    rows = []
    for each in windows:
        track = each.tracks[0]
        rows.append(track[end - each.first :])
        end = each.first + len(track)
    return np.concatenate(rows), [each.first - start for each in windows]
