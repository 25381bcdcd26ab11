"""What decides: a logistic regression over the network's score and the votes of the features.

A feature votes HUMAN within the range that it has in human speech, and AI_GENERATED outside it.
All the numbers here were fitted, and come with the network's file.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

from functions.kit.spectrum import Floats
from functions.voice_detect import features

HUMAN, MACHINE = "HUMAN", "AI_GENERATED"


@dataclass(frozen=True)
class Vote:
    """What one feature says."""

    feature: str
    value: float
    low: float
    high: float
    """Between these two are nine tenths of the human speech that it was fitted on."""
    vote: str
    weight: float
    """What a vote for AI_GENERATED adds to the log odds of it."""


@dataclass(frozen=True)
class Range:
    """What a feature is in human speech, and the weight of its vote when it is outside."""

    low: float
    high: float
    weight: float

    def vote(self, value: float) -> str:
        """What a feature of that value votes for."""
        return HUMAN if self.low <= value <= self.high else MACHINE


@dataclass(frozen=True)
class Decision:
    """The regression, and from which probabilities on it is certain.

    A feature's values are in the order of `features.NAMES`, shape (5,).
    """

    bias: float
    score: float
    """The weight of the network's score."""
    ranges: Sequence[Range]
    human_below: float
    machine_above: float

    def probability(self, score: float, values: Floats) -> float:
        """How likely the voice is to be AI_GENERATED, to four digits, as it is told."""
        log_odds = self.leaning(score)
        for its, value in zip(self.ranges, values.tolist(), strict=True):
            log_odds += its.weight * (its.vote(value) == MACHINE)
        return round(1 / (1 + exp(-max(-700.0, min(log_odds, 700.0)))), 4)

    def leaning(self, score: float) -> float:
        """The log odds of AI_GENERATED where every feature votes HUMAN."""
        return self.bias + self.score * score

    def certain(self, probability: float) -> bool:
        """Whether that is near enough to either end to be relied on."""
        return not self.human_below < probability < self.machine_above

    def votes(self, values: Floats) -> list[Vote]:
        """What each feature says."""
        return [
            Vote(name, float(f"{value:.4g}"), its.low, its.high, its.vote(value), its.weight)
            for name, its, value in zip(features.NAMES, self.ranges, values.tolist(), strict=True)
        ]


def label(probability: float) -> str:
    """The likelier of the two."""
    return MACHINE if probability >= 0.5 else HUMAN


def read(text: str) -> Decision:
    """The decision in `text`, the JSON that a network's file carries. Raises where it is none."""
    said = json.loads(text)
    votes = said["votes"]
    return Decision(
        bias=float(said["bias"]),
        score=float(said["score"]),
        ranges=[
            Range(float(low), float(high), float(votes[name]["weight"]))
            for name in features.NAMES
            for low, high in [votes[name]["range"]]
        ],
        human_below=float(said["human_below"]),
        machine_above=float(said["machine_above"]),
    )
