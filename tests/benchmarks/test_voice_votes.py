from pathlib import Path

import numpy as np
import pytest

from benchmarks.voice_votes import alone, logistic
from benchmarks.voices import Answer, Voice


def said(*, synthetic: bool, page: str, value: float, outside: bool) -> Answer:
    voice = Voice(Path("a.opus"), synthetic, "tts" if synthetic else None, page, "wav", "16000")
    values, votes = {"energy": value, "other": 1.0}, {"energy": outside, "other": True}
    return Answer(voice, 0.5, "AI_GENERATED", values=values, outside=votes)


def test_the_fit_gives_each_share_its_odds() -> None:
    # Where the vote is 1, three of four are synthetic; where it is 0, one of four.
    votes = np.array([[1.0], [1.0], [1.0], [1.0], [0.0], [0.0], [0.0], [0.0]])
    bias, weights = logistic(
        np.repeat(votes, 1000, axis=0), np.repeat([1, 1, 1, 0, 1, 0, 0, 0], 1000)
    )
    assert bias == pytest.approx(-np.log(3), abs=1e-3)
    assert weights == pytest.approx([2 * np.log(3)], abs=1e-3)


def test_a_vote_that_never_errs_or_never_changes_is_fitted_too() -> None:
    votes = np.array([[1.0, 1.0], [1.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    bias, weights = logistic(votes, [1, 1, 0, 0])
    assert np.isfinite([bias, *weights]).all()
    assert votes[0] @ weights + bias > 3
    assert votes[3] @ weights + bias < -3


def test_votes_are_judged_on_other_clips_than_they_are_fitted_on() -> None:
    fitted = [
        said(synthetic=synthetic, page="old", value=0.0, outside=synthetic)
        for synthetic in (True, True, False, False)
    ]
    # Two synthetic clips of values 3 and 1, two human ones of 2 and 0; only the 3 is outside.
    judged = [
        said(synthetic=True, page="one", value=3.0, outside=True),
        said(synthetic=False, page="one", value=2.0, outside=False),
        said(synthetic=True, page="two", value=1.0, outside=False),
        said(synthetic=False, page="two", value=0.0, outside=False),
        Answer(Voice(Path("b"), True, "tts", "two", "wav", "16000"), refusal="no_speech"),
    ]
    its = alone(fitted, judged)
    assert its["features"]["energy"] == {
        "value": 0.75,
        "vote": 0.75,
        "human_called": 0.0,
        "synthetic_called": 50.0,
    }
    assert its["features"]["other"]["vote"] == 0.5
    assert its["features"]["other"]["human_called"] == 100.0
    assert its["together"]["auc"] == 0.75
    turned = alone(
        [
            *fitted[2:],
            *[said(synthetic=s, page="o", value=0.0, outside=not s) for s in (True, False)],
        ],
        judged,
    )
    assert turned["together"]["auc"] == 0.25


def test_nothing_but_refusals_has_no_votes() -> None:
    refused = Answer(Voice(Path("b"), True, "tts", "two", "wav", "16000"), refusal="no_speech")
    assert alone([refused], [refused]) == {}
