from collections.abc import Sequence

import numpy as np
import pytest

from benchmarks import recall
from benchmarks.recall import REFUSED, Answer


def said(label: str, corpus: str = "a", speaker: str = "s", **scores: float) -> Answer:
    return Answer(corpus, speaker, label, scores or None)


def guessed(label: str, guesses: Sequence[str], corpus: str = "a") -> list[Answer]:
    return [Answer(corpus, "s", label, {"sad": 0.0, "calm": 0.0, guess: 1.0}) for guess in guesses]


MIXED = said("sad", calm=0.5, sad=0.3, happy=0.2)


def test_the_best_is_looked_for_among_the_labels_of_the_corpus() -> None:
    assert (MIXED.best(), MIXED.best({"sad", "happy"}), MIXED.right) == ("calm", "sad", False)
    assert MIXED.best({"angry"}) == REFUSED


def test_lead_and_confidence() -> None:
    assert MIXED.confidence == 0.5
    assert MIXED.lead == pytest.approx(0.2)


def test_a_refused_clip_is_wrong_and_the_least_sure() -> None:
    refused = said("sad")
    assert (refused.best(), refused.right, refused.confidence) == (REFUSED, False, 0.0)
    assert refused.lead < said("sad", sad=0.5, calm=0.5).lead


def test_a_rare_label_counts_as_much_as_a_common_one() -> None:
    answers = guessed("sad", ["sad"] * 9) + guessed("calm", ["sad"])
    assert recall.uar(recall.hits(answers)) == 50.0
    assert recall.uar(recall.hits([*answers, said("calm")])) == 50.0


def test_labels_of_other_corpora_are_left_out_or_wrong() -> None:
    answers = [MIXED, said("happy", happy=0.4, calm=0.6)]
    assert recall.uar(recall.hits(answers, {"sad", "happy"})) == 100.0
    assert recall.uar(recall.hits(answers)) == 0.0


def test_confusion_counts_every_clip_once() -> None:
    answers = [*guessed("sad", ["sad", "sad", "calm"]), said("calm")]
    table = recall.confusion(answers, ["sad", "calm"])
    assert table == {"calm": [0, 0, 1], "sad": [2, 1, 0]}


def test_the_mean_is_over_corpora_whatever_their_size() -> None:
    corpora = recall.by_corpus(
        guessed("sad", ["sad"] * 50, "large") + guessed("sad", ["calm"] * 2, "b")
    )
    assert list(corpora) == ["b", "large"]
    assert recall.mean(corpora, dict.fromkeys(corpora)) == (50.0, [50.0, 50.0])


def test_the_interval_is_that_of_draws_within_the_labels() -> None:
    answers = guessed("sad", ["sad"] * 60 + ["calm"] * 40) + guessed("calm", ["calm"] * 100)
    figure, (low, high) = recall.mean({"a": answers}, {"a": None})
    deviation = 100 * np.sqrt(0.6 * 0.4 / 100) / 2
    assert figure == 80.0
    assert low == pytest.approx(80 - 1.96 * deviation, abs=0.6)
    assert high == pytest.approx(80 + 1.96 * deviation, abs=0.6)


def test_what_is_lost_is_paired() -> None:
    before = {"a": guessed("sad", ["sad", "calm"] * 50)}
    assert recall.loss(before, before, {"a": None}) == (0.0, [0.0, 0.0])
    after = {"a": guessed("sad", ["calm", "calm"] * 50)}
    lost, (low, high) = recall.loss(before, after, {"a": None})
    assert lost == 50.0
    assert low < 50.0 < high


def test_each_speaker_is_judged_on_the_labels_it_has() -> None:
    answers = [said("sad", speaker="x", sad=1.0), said("calm", speaker="y", sad=1.0, calm=0.0)]
    assert recall.speakers(answers, None) == {
        "x": {"clips": 1, "uar": 100.0},
        "y": {"clips": 1, "uar": 0.0},
    }
