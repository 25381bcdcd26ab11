"""The sentences that say why."""

import re
from dataclasses import replace

import numpy as np
import pytest

from functions.voice_detect.explanation import explain
from functions.voice_detect.votes import HUMAN, MACHINE, Decision, Range

DECISION = Decision(0.0, 1.0, [Range(0.0, 1.0, 0.5)] * 5, human_below=0.2, machine_above=0.9)


def said(score: float, outside: int = 0, *, clear: bool = True, parts: str = "") -> str:
    """Of a clip with that score, of which the first features are `outside`."""
    values = np.array([2.0] * outside + [0.5] * (5 - outside))
    labels = {"h": {HUMAN}, "m": {MACHINE}, "hm": {HUMAN, MACHINE}, "": set()}[parts]
    probability = DECISION.probability(score, values)
    votes = DECISION.votes(values)
    return explain(probability, score, votes, DECISION, clear=clear, parts=labels)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            said(-3.0),
            "This sounds human: the probability that it is machine-made is 5 %. The network's "
            "score speaks for a human, and every feature that counts is as usual in human speech.",
        ),
        (
            said(2.0, 1, parts="m"),
            "This sounds machine-made: the probability that it is machine-made is 92 %. The "
            "network's score speaks for a machine, and energy is not as usual in human speech.",
        ),
        (
            said(-0.5, 3),
            "Not sure: the probability that it is machine-made is 73 %, and from 20 % to 90 % it "
            "is not relied on. The network's score speaks for a human, but energy, "
            "variance of the energy and zero-crossing rate are not as usual in human speech.",
        ),
        (
            said(4.0),
            "This sounds machine-made: the probability that it is machine-made is 98 %. The "
            "network's score speaks for a machine, but every feature that counts is as usual in "
            "human speech.",
        ),
    ],
)
def test_it_says_what_and_why(text: str, expected: str) -> None:
    assert text == expected


def test_a_feature_that_weighs_nothing_is_not_told_of() -> None:
    idle = replace(DECISION, ranges=[Range(0.0, 1.0, 0.0)] * 5)
    votes = idle.votes(np.full(5, 2.0))
    text = explain(0.05, -3.0, votes, idle, clear=True, parts=set())
    assert text.endswith("and every feature that counts is as usual in human speech.")


def test_parts_that_differ() -> None:
    assert said(9.0, parts="hm").startswith("This sounds machine-made, though not all of it does: ")
    assert said(0.0, parts="hm").startswith("Not sure, as parts sound human and parts machine-made")
    assert said(0.0, parts="h").startswith("Not sure: ")


def test_little_speech_is_never_sure() -> None:
    assert said(-9.0, clear=False, parts="h").startswith("Not sure, as there is little speech: ")


def test_odds_that_are_long() -> None:
    assert "is under 1 %." in said(-9.0)
    assert "is over 99 %." in said(9.0)


@pytest.mark.parametrize("score", [-9.0, -1.0, 0.0, 1.0, 9.0])
@pytest.mark.parametrize("outside", range(6))
def test_two_sentences_that_are_not_sure_where_it_is_not_certain(
    score: float, outside: int
) -> None:
    text = said(score, outside)
    assert len(re.findall(r"[.] |[.]$", text)) == 2
    probability = DECISION.probability(score, np.array([2.0] * outside + [0.5] * (5 - outside)))
    assert text.startswith("Not sure") != DECISION.certain(probability)
    never = replace(DECISION, human_below=0.0, machine_above=1.0)
    votes = never.votes(np.full(5, 0.5))
    assert explain(0.5, score, votes, never, clear=True, parts=set()).startswith("Not sure")
