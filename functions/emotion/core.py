"""What emotion is in a voice: audio in, `Emotion` out, with no web framework in sight."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import BinaryIO

import numpy as np

from functions.emotion import network
from functions.emotion.network import Network, log_softmax
from functions.kit import manifest, tiers
from functions.kit.audio import Audio
from functions.kit.fine import FineBands
from functions.kit.listener import LEAST_S, Heard, Listener, Told
from functions.kit.mel import RATE
from functions.kit.spectrum import Floats
from functions.kit.steps import Progress, Steps, finish
from functions.kit.tiers import Choice, Model
from functions.kit.windows import HOP_S, WINDOW_S, joined

FOLDER = Path(__file__).parent
MANIFEST = manifest.load(FOLDER)
chosen = tiers.Once(MANIFEST, {"embedded": network.load})
"""The network, loaded by the first call."""


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


def steps(
    source: str | Path | BinaryIO, limits: manifest.Limits = MANIFEST.limits
) -> Steps[Emotion]:
    """Tell the emotion of the voice in `source`, a path or a binary stream, step by step.

    Raises `functions.kit.problem.Problem` where there is none to tell, or no model to tell it.
    """
    with Audio(source, rate=RATE, limits=limits) as audio:
        yield Progress("loading", 0.0)
        choice = chosen()
        listener = _listener(choice.loaded)
        told = yield from listener.steps(audio)
        return _answer(choice, listener, told, audio)


def analyse(
    source: str | Path | BinaryIO, *, progress: Callable[[Progress], None] | None = None
) -> Emotion:
    """Tell the emotion of the voice in `source`, calling `progress` on the way; see `steps`."""
    return finish(steps(source), progress)


def _listener(its: Network) -> Listener[Floats]:
    """Hears audio at 16 kHz with the network, and judges each window of it."""
    return Listener(lambda windows: its.log_probabilities(*joined(windows)), FineBands())


def _answer(
    choice: Choice[Network], listener: Listener[Floats], told: Told[Floats], audio: Audio
) -> Emotion:
    """The answer, of the windows' log probabilities."""
    its = choice.loaded
    overall = np.exp(log_softmax(told.weights @ np.array(told.judged)))
    second, first = np.sort(overall)[-2:]
    segments = [_segment(each, its.labels) for each in told.windows]
    return Emotion(
        emotion=_likeliest(overall, its.labels),
        certain=bool(told.clear and first - second >= its.margin),
        scores=_scores(overall, its.labels),
        segments=segments,
        rows=_rows(segments, listener, audio.seconds),
        speech_ratio=told.speech_ratio,
        duration_s=round(audio.seconds, 3),
        calibration=its.calibration,
        model=Model(choice.tier, its.version, choice.passed_over),
        warnings=[*audio.warnings, *told.warnings],
    )


def _segment(its: Heard[Floats], labels: Sequence[str]) -> Segment:
    """The window as it is answered: with an emotion, if it was judged."""
    emotion, scores = None, None
    if its.judged is not None:
        probabilities = np.exp(its.judged)
        emotion, scores = _likeliest(probabilities, labels), _scores(probabilities, labels)
    return Segment(round(its.start, 3), round(its.end, 3), emotion, scores, round(its.share, 3))


def _rows(segments: list[Segment], listener: Listener[Floats], seconds: float) -> list[Row]:
    """Every second window, and the last one for what is left at the end."""
    rows = []
    count = max(1, ceil((seconds - LEAST_S) / WINDOW_S))
    for i in range(count):
        start = i * WINDOW_S
        end = start + WINDOW_S if i < count - 1 else seconds
        segment = segments[min(round(start / HOP_S), len(segments) - 1)]
        spoken = listener.speech_s(start, end) > 0
        time = f"{int(start) // 60}:{int(start) % 60:02}"
        rows.append(Row(time, segment.emotion if spoken else None, round(end - start, 3)))
    return rows


def _likeliest(probabilities: Floats, labels: Sequence[str]) -> str:
    return labels[int(probabilities.argmax())]


def _scores(probabilities: Floats, labels: Sequence[str]) -> dict[str, float]:
    return dict(zip(labels, probabilities.astype(float).round(4).tolist(), strict=True))
