"""What is decided of a score and of features that are given here."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.voice_detect import features, votes
from functions.voice_detect.votes import HUMAN, MACHINE, Decision

RANGES = {
    "energy": ([0.001, 0.1], 0.0),
    "energy_variance": ([0.5, 2.5], 0.5),
    "zero_crossing_rate": ([0.05, 0.2], 0.25),
    "temporal_variation": ([1.0, 3.0], 0.125),
    "embedding_variance": ([0.1, 0.4], 1.0),
}
SAID = {
    "bias": -1.0,
    "score": 2.0,
    "votes": {name: {"range": span, "weight": weight} for name, (span, weight) in RANGES.items()},
    "human_below": 0.2,
    "machine_above": 0.9,
}
USUAL = np.array([0.01, 1.0, 0.1, 2.0, 0.3])
DECISION = votes.read(json.dumps(SAID))


def test_with_every_feature_as_usual_the_score_decides() -> None:
    assert DECISION.probability(0.5, USUAL) == 0.5
    assert DECISION.probability(1.0, USUAL) == round(1 / (1 + math.exp(-1)), 4)
    assert [vote.vote for vote in DECISION.votes(USUAL)] == [HUMAN] * 5


@pytest.mark.parametrize("i", range(5))
@pytest.mark.parametrize("outside", [0.0, 100.0])
def test_a_feature_that_is_not_adds_its_weight(i: int, outside: float) -> None:
    values = USUAL.copy()
    values[i] = outside
    name, (_, weight) = list(RANGES.items())[i]
    probability = DECISION.probability(0.5, values)
    assert math.log(probability / (1 - probability)) == pytest.approx(weight, abs=1e-3)
    (vote,) = (vote for vote in DECISION.votes(values) if vote.vote == MACHINE)
    assert (vote.feature, vote.value, vote.weight) == (name, outside, weight)
    assert [vote.low, vote.high] == RANGES[name][0]


def test_the_ends_of_a_range_are_within_it() -> None:
    for end in (0, 1):
        values = np.array([span[end] for span, _ in RANGES.values()])
        assert {vote.vote for vote in DECISION.votes(values)} == {HUMAN}


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(st.floats(0, 1e6), min_size=5, max_size=5),
)
def test_it_is_a_probability_whatever_the_score(score: float, values: list[float]) -> None:
    assert 0 <= DECISION.probability(score, np.array(values)) <= 1


@given(st.floats(-0.001, 0.001))
def test_what_is_told_is_what_the_label_is_of(score: float) -> None:
    probability = DECISION.probability(0.5 + score, USUAL)
    assert probability == round(probability, 4)
    assert (probability >= 0.5) == (score > -1e-4)


def test_certain_is_outside_the_band() -> None:
    given_ = [0.0, 0.2, 0.21, 0.5, 0.89, 0.9, 1.0]
    assert [DECISION.certain(each) for each in given_] == [True, True, *[False] * 3, True, True]
    assert [votes.label(each) for each in (0.0, 0.49, 0.5, 1.0)] == [HUMAN] * 2 + [MACHINE] * 2


def test_features_are_named_in_their_order() -> None:
    assert [vote.feature for vote in DECISION.votes(USUAL)] == list(features.NAMES)


@pytest.mark.parametrize("missing", ["bias", "score", "votes", "human_below", "machine_above"])
def test_a_decision_that_lacks_something_is_none(missing: str) -> None:
    said: dict[str, Any] = {key: value for key, value in SAID.items() if key != missing}
    with pytest.raises(KeyError, match=missing):
        votes.read(json.dumps(said))


def test_so_is_one_that_lacks_a_feature() -> None:
    said = {**SAID, "votes": {"energy": {"range": [0, 1], "weight": 1}}}
    with pytest.raises(KeyError, match="energy_variance"):
        votes.read(json.dumps(said))


def test_a_decision_is_what_it_says() -> None:
    assert isinstance(DECISION, Decision)
    assert (DECISION.human_below, DECISION.machine_above) == (0.2, 0.9)
    assert DECISION.leaning(3.0) == 5.0
