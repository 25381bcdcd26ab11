"""Speakers are dealt into parts whole, evenly, and always in the same way."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.emotion import folds
from training.emotion.clip import Clip


def clip(corpus: str, speaker: int) -> Clip:
    return Clip(Path(), corpus, f"{corpus}/{speaker}", 0)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=200), st.integers(2, 5), st.integers(0, 9))
def test_no_speaker_is_in_two_parts(speakers: list[int], parts: int, seed: int) -> None:
    clips = [clip("a", speaker) for speaker in speakers]
    part = folds.deal(clips, parts, seed)
    for speaker in set(speakers):
        assert len({part[i] for i, said in enumerate(speakers) if said == speaker}) == 1


def test_parts_are_of_one_size_in_every_corpus() -> None:
    clips = [clip(corpus, i % 8) for corpus in "ab" for i in range(80)]
    part = folds.deal(clips, 4, seed=0)
    assert set(Counter(part[:80].tolist()).values()) == {20}
    assert set(Counter(part[80:].tolist()).values()) == {20}


def test_a_corpus_of_few_speakers_always_trains() -> None:
    part = folds.deal([clip("a", i) for i in range(folds.FEW_SPEAKERS - 1)], 4, seed=0)
    assert set(part.tolist()) == {-1}


@pytest.mark.parametrize("seed", [0, 1])
def test_one_seed_deals_one_way(seed: int) -> None:
    clips = [clip("a", i % 9) for i in range(50)]
    assert folds.deal(clips, 3, seed).tolist() == folds.deal(clips, 3, seed).tolist()
