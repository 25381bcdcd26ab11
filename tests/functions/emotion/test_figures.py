"""The figures that ship with the model are what the shipped model reaches."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from benchmarks import clips, evaluations
from benchmarks.emotion_accuracy import MODEL, ask, labels_of, load, report
from functions.emotion import core, network

FIGURES = evaluations.figures("emotion")
SHIPPED: dict[str, Any] = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
MOVED = 0.01
"""The share of clips that another processor's rounding may put elsewhere."""

pytestmark = pytest.mark.skipif(
    not SHIPPED, reason="The model ships no figures: benchmarks.emotion_accuracy writes them."
)
with_clips = pytest.mark.skipif(
    not (clips.folder() / "emotion" / "manifest.csv").exists(),
    reason="There are no labelled clips here: set HALFGIG_DATA to the folder that has them.",
)


@pytest.fixture(scope="module")
def fresh() -> dict[str, Any]:
    voices = load(clips.folder(), "test")
    return report(ask(voices), labels_of(load(clips.folder())))


def test_they_are_of_the_file_that_ships() -> None:
    assert SHIPPED["sha256"] == hashlib.sha256(MODEL.read_bytes()).hexdigest()
    assert SHIPPED["version"] == network.load(MODEL).version


def test_they_are_what_the_log_says_last_of_that_file() -> None:
    lines = map(json.loads, evaluations.LOG.read_text().splitlines())
    *_, last = (line for line in lines if line.get("sha256") == SHIPPED["sha256"])
    common = last.keys() & SHIPPED.keys() - {"corpora"}
    assert {"sha256", "uar", "uar_all", "ece", "certain"} <= common
    assert {key: last[key] for key in common} == {key: SHIPPED[key] for key in common}


def test_the_card_names_them() -> None:
    card = (core.FOLDER / "model" / "MODEL_CARD.md").read_text()
    for its in (SHIPPED, *SHIPPED["corpora"].values()):
        assert f"{its['uar']:.1f}" in card


@with_clips
@pytest.mark.slow
def test_almost_every_clip_is_taken_for_what_it_was(fresh: dict[str, Any]) -> None:
    before, after = dict(cells(SHIPPED)), dict(cells(fresh))
    assert before.keys() == after.keys()
    moved = sum(abs(after[cell] - before[cell]) for cell in before) / 2
    assert moved <= MOVED * SHIPPED["clips"]


@with_clips
@pytest.mark.slow
def test_a_fresh_evaluation_reaches_them(fresh: dict[str, Any]) -> None:
    for its, figures in ((fresh, SHIPPED), *pairs(fresh, SHIPPED)):
        for key in ("uar", "uar_all"):
            low, high = figures[f"{key}_interval"]
            assert low <= its[key] <= high
            assert low <= figures[key] <= high
    assert fresh["ece"] == pytest.approx(SHIPPED["ece"], abs=MOVED)
    for key in SHIPPED["certain"].keys() - {"ahead_interval"}:
        assert fresh["certain"][key] == pytest.approx(SHIPPED["certain"][key], abs=200 * MOVED)


def pairs(
    fresh: Mapping[str, Any], shipped: Mapping[str, Any]
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The figures of each corpus, fresh and as shipped."""
    return ((fresh["corpora"][name], its) for name, its in shipped["corpora"].items())


def cells(figures: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str, int], int]]:
    """Each count of the corpora's confusions."""
    for name, its in figures["corpora"].items():
        for label, row in its["confusion_all"].items():
            yield from (((name, label, column), count) for column, count in enumerate(row))
