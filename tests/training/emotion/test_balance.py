"""What counts how much: no corpus, label or voice because there is much of it."""

from pathlib import Path

import pytest

from training.emotion.balance import FEW, ONE_MOOD, ONE_VOICE, labels_of, weights_of
from training.emotion.clip import Clip


def clips(corpus: str, counts: dict[int, int], speakers: int = 4) -> list[Clip]:
    """So many clips of each label, dealt to speakers in turn."""
    return [
        Clip(Path(), corpus, f"{corpus}/{number % speakers}", label)
        for label, count in counts.items()
        for number in range(count)
    ]


def test_labels_count_alike_whatever_there_is_of_them() -> None:
    weights = weights_of(clips("a", {0: 400, 1: 40, 2: 40}))
    each = [weights[:400].sum(), weights[400:440].sum(), weights[440:].sum()]
    assert each == pytest.approx([each[0]] * 3)
    assert weights.mean() == pytest.approx(1.0)


def test_a_label_of_few_clips_counts_less() -> None:
    weights = weights_of(clips("a", {0: 400, 1: 40, 2: FEW // 4}))
    assert weights[440:].sum() == pytest.approx(weights[:400].sum() / 4)


def test_corpora_count_by_the_root_of_their_size() -> None:
    same = {0: 40, 1: 40, 2: 40}
    weights = weights_of(
        clips("a", {label: 4 * count for label, count in same.items()}) + clips("b", same)
    )
    assert weights[:480].sum() == pytest.approx(2 * weights[480:].sum())


def test_a_corpus_of_one_voice_counts_less() -> None:
    same = {0: 40, 1: 40, 2: 40}
    weights = weights_of(clips("a", same) + clips("b", same, speakers=1))
    assert weights[120:].sum() == pytest.approx(ONE_VOICE * weights[:120].sum())


def test_who_has_one_mood_counts_little() -> None:
    always_sad = [Clip(Path(), "a", "a/sad", 1)] * 40
    weights = weights_of(clips("a", {0: 40, 1: 40, 2: 40}) + always_sad)
    assert weights[120] == pytest.approx(ONE_MOOD * weights[40])


def test_a_corpus_has_the_labels_that_occur_in_it() -> None:
    has = labels_of(clips("a", {0: 1, 2: 2}) + clips("b", {2: 1}))
    assert {name: its.nonzero()[0].tolist() for name, its in has.items()} == {"a": [0, 2], "b": [2]}
