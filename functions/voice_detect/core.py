"""Whether a voice is human or machine-made: audio in, `Detection` out, and no web framework."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from functions.kit import manifest, tiers
from functions.kit.audio import Audio
from functions.kit.fine import FineBands
from functions.kit.listener import Heard, Listener, Told
from functions.kit.mel import RATE
from functions.kit.spectrum import Floats
from functions.kit.steps import Progress, Steps, finish
from functions.kit.tiers import Choice, Model
from functions.kit.windows import Window
from functions.voice_detect import features, network
from functions.voice_detect.explanation import explain
from functions.voice_detect.features import Measures
from functions.voice_detect.network import Network
from functions.voice_detect.votes import Decision, Vote, label

FOLDER = Path(__file__).parent
MANIFEST = manifest.load(FOLDER)

chosen = tiers.Once(MANIFEST, {"embedded": network.load})
"""The network, loaded by the first call."""


@dataclass(frozen=True)
class Segment:
    """One window: from second `start` to `end`. Without speech it has no label."""

    start: float
    end: float
    label: str | None
    probability: float | None
    certain: bool
    speech_ratio: float


@dataclass(frozen=True)
class Detection:
    """What was heard."""

    label: str
    """HUMAN or AI_GENERATED: the likelier, certain or not."""
    probability: float
    """How likely it is AI_GENERATED, over all windows with speech."""
    certain: bool
    """Whether that can be relied on, and there is speech enough."""
    explanation: str
    """Why, in one or two sentences."""
    score: float
    """What the network says, as a logit; larger is likelier AI_GENERATED."""
    votes: list[Vote]
    segments: list[Segment]
    speech_ratio: float
    """The share of the audio that is speech."""
    duration_s: float
    calibration: str
    """What the probabilities were fitted on."""
    model: Model
    warnings: list[str]


@dataclass(frozen=True)
class Judged:
    """What decides about speech: the network's score, and the five `features`, shape (5,)."""

    score: float
    values: Floats


def steps(
    source: str | Path | BinaryIO, limits: manifest.Limits = MANIFEST.limits
) -> Steps[Detection]:
    """Tell whether the voice in `source`, a path or a binary stream, is human, step by step.

    Raises `functions.kit.problem.Problem` where nobody speaks, or there is no model to tell.
    """
    with Audio(source, rate=RATE, limits=limits) as audio:
        yield Progress("loading", 0.0)
        choice = chosen()
        told = yield from listener(choice.loaded).steps(audio)
        return _answer(choice, told, audio)


def analyse(
    source: str | Path | BinaryIO, *, progress: Callable[[Progress], None] | None = None
) -> Detection:
    """Tell whether the voice in `source` is human, calling `progress` on the way; see `steps`."""
    return finish(steps(source), progress)


def listener(its: Network) -> Listener[Judged]:
    """Hears audio at 16 kHz with the network, and judges each window of it."""

    def judge(window: Window) -> Judged:
        frames, measures = window.tracks
        score, embedding = its.judge(frames)
        return Judged(score, features.of(measures, window.speech, embedding))

    return Listener(lambda windows: map(judge, windows), FineBands(), Measures())


def overall(told: Told[Judged]) -> Judged:
    """The means of the windows' judgements, each weighted by its speech."""
    scores = np.array([each.score for each in told.judged])
    values = np.array([each.values for each in told.judged])
    return Judged(float(told.weights @ scores), told.weights @ values)


def _answer(choice: Choice[Network], told: Told[Judged], audio: Audio) -> Detection:
    decision = choice.loaded.decision
    its = overall(told)
    probability = decision.probability(its.score, its.values)
    votes = decision.votes(its.values)
    segments = [_segment(each, decision, told.clear) for each in told.windows]
    return Detection(
        label=label(probability),
        probability=probability,
        certain=told.clear and decision.certain(probability),
        explanation=explain(
            probability,
            its.score,
            votes,
            decision,
            clear=told.clear,
            parts={each.label for each in segments if each.label and each.certain},
        ),
        score=round(its.score, 4),
        votes=votes,
        segments=segments,
        speech_ratio=told.speech_ratio,
        duration_s=round(audio.seconds, 3),
        calibration=choice.loaded.calibration,
        model=Model(choice.tier, choice.loaded.version, choice.passed_over),
        warnings=[*audio.warnings, *told.warnings],
    )


def _segment(its: Heard[Judged], decision: Decision, clear: bool) -> Segment:
    """The window as it is answered: with a label, if it was judged.

    clear : whether those that were judged have speech enough to be certain of anything.
    """
    name, probability, certain = None, None, False
    if its.judged is not None:
        probability = decision.probability(its.judged.score, its.judged.values)
        name, certain = label(probability), clear and decision.certain(probability)
    start, end = round(its.start, 3), round(its.end, 3)
    return Segment(start, end, name, probability, certain, round(its.share, 3))
