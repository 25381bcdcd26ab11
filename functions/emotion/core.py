"""What emotion is in a voice: audio in, `Emotion` out, with no web framework in sight."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import BinaryIO

import numpy as np

from functions.emotion import network
from functions.emotion.network import log_softmax
from functions.emotion.windows import HOP_S, WINDOW_S, Window, Windows
from functions.kit import manifest, tiers
from functions.kit.audio import Audio
from functions.kit.mel import RATE, LogMel
from functions.kit.problem import Problem
from functions.kit.spectrum import Floats
from functions.kit.steps import Progress, Steps, finish
from functions.kit.tiers import Model

FOLDER = Path(__file__).parent
MANIFEST = manifest.load(FOLDER)
LEAST_S = 0.5
"""Seconds of speech without which nothing is said of a window, or of a recording."""
LEAST_SHARE = 0.2
"""The share of a window that must be speech too, unless no window has so much."""

chosen = tiers.Once(MANIFEST, {"embedded": network.load})
"""The network, loaded by the first call."""


class NoSpeech(Problem):
    """There is sound, but hardly anybody speaks."""

    status, reason, title = 422, "no_speech", "There is too little speech"


@dataclass(frozen=True)
class Segment:
    """One window: from second `start` to `end`. Without speech it has no emotion."""

    start: float
    end: float
    emotion: str | None
    scores: dict[str, float] | None
    speech_ratio: float


@dataclass(frozen=True)
class Row:
    """Five seconds from `time` ("m:ss") on; the last row is what is left, up to 5.5 s."""

    time: str
    emotion: str | None
    duration: float


@dataclass(frozen=True)
class Emotion:
    """What was heard."""

    emotion: str
    """The likeliest, certain or not."""
    certain: bool
    """Whether it leads the second by enough to be relied on, and there is speech enough."""
    scores: dict[str, float]
    """The probability of each emotion, over all windows with speech."""
    segments: list[Segment]
    rows: list[Row]
    speech_ratio: float
    """The share of the audio that is speech."""
    duration_s: float
    calibration: str
    """What the probabilities were fitted on."""
    model: Model
    warnings: list[str]


@dataclass(frozen=True)
class _Heard:
    """What is kept of a window; `log_probabilities` are None where hardly anybody speaks."""

    start: float
    end: float
    speech_s: float
    log_probabilities: Floats | None

    @property
    def share(self) -> float:
        return min(1.0, self.speech_s / (self.end - self.start))


class _Listener:
    """All that is kept of the audio while it streams by."""

    def __init__(self) -> None:
        self._choice = chosen()
        self._network = self._choice.loaded
        self._mel = LogMel()
        self._windows = Windows()
        self._heard: list[_Heard] = []

    def push(self, samples: Floats) -> None:
        self._judge(self._windows.push(self._mel.push(samples)))

    def finish(self, seconds: float, warnings: list[str]) -> Emotion:
        self._judge(self._windows.finish(self._mel.finish(), seconds))
        spoken = min(self._windows.speech_s(), seconds)
        able = [each for each in self._heard if each.log_probabilities is not None]
        if spoken < LEAST_S or not able:
            raise _no_speech(spoken, seconds)
        clear = [each for each in able if each.share >= LEAST_SHARE]
        told = clear or able
        if not clear:
            warnings = [*warnings, f"Only {spoken:.1f} of {seconds:.1f} s are speech."]
        weights = np.array([each.speech_s for each in told])
        logs = np.array([each.log_probabilities for each in told])
        overall = np.exp(log_softmax(weights @ logs / weights.sum()))
        second, first = np.sort(overall)[-2:]
        least = min(each.share for each in told)
        segments = [self._segment(each, least) for each in self._heard]
        return Emotion(
            emotion=self._likeliest(overall),
            certain=bool(clear and first - second >= self._network.margin),
            scores=self._scores(overall),
            segments=segments,
            rows=self._rows(segments, seconds),
            speech_ratio=round(spoken / seconds, 3),
            duration_s=round(seconds, 3),
            calibration=self._network.calibration,
            model=Model(self._choice.tier, self._network.version, self._choice.passed_over),
            warnings=warnings,
        )

    def _judge(self, windows: Iterable[Window]) -> None:
        for its in windows:
            enough = its.speech_s >= LEAST_S
            logs = self._network.log_probabilities(its.logs) if enough else None
            self._heard.append(_Heard(its.start, its.end, its.speech_s, logs))

    def _segment(self, its: _Heard, least: float) -> Segment:
        """The window as it is answered: with an emotion, if so much of it is speech."""
        emotion, scores = None, None
        if its.log_probabilities is not None and its.share >= least:
            probabilities = np.exp(its.log_probabilities)
            emotion, scores = self._likeliest(probabilities), self._scores(probabilities)
        start, end = round(its.start, 3), round(its.end, 3)
        return Segment(start, end, emotion, scores, round(its.share, 3))

    def _rows(self, segments: list[Segment], seconds: float) -> list[Row]:
        """Every second window, and the last one for what is left at the end."""
        rows = []
        count = max(1, ceil((seconds - LEAST_S) / WINDOW_S))
        for i in range(count):
            start = i * WINDOW_S
            end = start + WINDOW_S if i < count - 1 else seconds
            segment = segments[min(round(start / HOP_S), len(segments) - 1)]
            spoken = self._windows.speech_s(start, end) > 0
            time = f"{int(start) // 60}:{int(start) % 60:02}"
            rows.append(Row(time, segment.emotion if spoken else None, round(end - start, 3)))
        return rows

    def _likeliest(self, probabilities: Floats) -> str:
        return self._network.labels[int(probabilities.argmax())]

    def _scores(self, probabilities: Floats) -> dict[str, float]:
        rounded = probabilities.astype(float).round(4).tolist()
        return dict(zip(self._network.labels, rounded, strict=True))


def _no_speech(spoken: float, seconds: float) -> NoSpeech:
    together = " within five seconds" if spoken >= LEAST_S else ""
    return NoSpeech(
        f"There are {spoken:.2f} s of speech in {seconds:.1f} s of audio. At least {LEAST_S:g} s "
        f"are needed{together}: send a recording in which somebody speaks."
    )


def steps(
    source: str | Path | BinaryIO, limits: manifest.Limits = MANIFEST.limits
) -> Steps[Emotion]:
    """Tell the emotion of the voice in `source`, a path or a binary stream, step by step.

    Raises `functions.kit.problem.Problem` where there is none to tell, or no model to tell it.
    """
    with Audio(source, rate=RATE, limits=limits) as audio:
        yield Progress("loading", 0.0)
        listener = _Listener()
        for block in audio.blocks():
            listener.push(block)
            yield Progress("listening", 0.95 * audio.fraction)
        yield Progress("judging", 0.95)
        return listener.finish(audio.seconds, audio.warnings)


def analyse(
    source: str | Path | BinaryIO, *, progress: Callable[[Progress], None] | None = None
) -> Emotion:
    """Tell the emotion of the voice in `source`, calling `progress` on the way; see `steps`."""
    return finish(steps(source), progress)
