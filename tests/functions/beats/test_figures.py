"""The figures that ship with the model are what the shipped model reaches."""

import json

import numpy as np
import pytest

from benchmarks import clips
from benchmarks.score import Estimate, Score, figures, score
from functions.beats import core

SHIPPED = json.loads((core.FOLDER / "model" / "figures.json").read_text())

pytestmark = pytest.mark.skipif(
    not (clips.folder() / "beats" / "manifest.csv").exists(),
    reason="There are no labelled clips here: set HALFGIG_DATA to the folder that has them.",
)


@pytest.fixture(scope="module")
def scores() -> dict[str, Score]:
    answers = {}
    for clip in clips.load(clips.folder(), "test"):
        heard = core.analyse(clip.audio)
        answers[clip.audio.name] = score(
            clip.reference,
            Estimate(heard.beats, heard.downbeats, heard.beats_per_bar, heard.tempo_bpm),
        )
    return answers


def test_a_fresh_evaluation_lies_within_the_shipped_intervals(scores: dict[str, Score]) -> None:
    fresh = figures(list(scores.values()))
    assert fresh["clips"] == SHIPPED["all"]["clips"]
    for measure, (low, high) in SHIPPED["interval"].items():
        assert low <= fresh[measure] <= high
        assert low <= SHIPPED["all"][measure] <= high


def test_almost_every_clip_scores_as_shipped(scores: dict[str, Score]) -> None:
    off = [
        name
        for name, its in SHIPPED["clips"].items()
        if not np.isclose(its["f"], scores[name].f, atol=0.02)
    ]
    assert len(off) <= 1, off


def test_the_card_names_the_figures() -> None:
    card = (core.FOLDER / "model" / "MODEL_CARD.md").read_text()
    headline = " / ".join(f"{SHIPPED['all'][name]:.1f}" for name in ("f", "cmlt", "amlt"))
    assert headline in card
