"""The figures that ship with the model are what the shipped model reaches."""

import hashlib
import json
from typing import Any

import pytest

from benchmarks import clips, evaluations, voices
from benchmarks.voice_accuracy import FUNCTION, MODEL
from benchmarks.voice_report import report
from functions.voice_detect import core, network

FIGURES = evaluations.figures(FUNCTION)
SHIPPED: dict[str, Any] = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
MOVED = 0.01
"""The share of clips that another processor's rounding may put elsewhere."""

pytestmark = pytest.mark.skipif(
    not SHIPPED, reason="The model ships no figures: benchmarks.voice_accuracy writes them."
)
with_clips = pytest.mark.skipif(
    not (clips.folder() / "voice" / "manifest.csv").exists(),
    reason="There are no labelled clips here: set HALFGIG_DATA to the folder that has them.",
)


@pytest.fixture(scope="module")
def fresh() -> dict[str, Any]:
    return report(voices.ask(voices.load(clips.folder(), "test")))


def test_they_are_of_the_file_that_ships() -> None:
    assert SHIPPED["split"] == "test"
    assert SHIPPED["sha256"] == hashlib.sha256(MODEL.read_bytes()).hexdigest()
    assert SHIPPED["version"] == network.load(MODEL).version


def test_they_are_what_the_log_says_last_of_that_file() -> None:
    lines = map(json.loads, evaluations.LOG.read_text().splitlines())
    *_, last = (line for line in lines if line.get("sha256") == SHIPPED["sha256"])
    common = last.keys() & SHIPPED.keys() - {"families", "trees"}
    assert {"sha256", "auc", "eer", "within_pages", "ece", "certain", "accused"} <= common
    assert {key: last[key] for key in common} == {key: SHIPPED[key] for key in common}


def test_the_card_names_them() -> None:
    card = (core.FOLDER / "model" / "MODEL_CARD.md").read_text()
    for its in (SHIPPED, SHIPPED["within_pages"], *SHIPPED["families"].values()):
        assert f"{its['auc']:.3f}" in card
    for its in (SHIPPED, *SHIPPED["families"].values()):
        assert f"{its['eer']:.3f}" in card


@with_clips
@pytest.mark.slow
def test_a_fresh_evaluation_reaches_them(fresh: dict[str, Any]) -> None:
    assert fresh["refused"] == SHIPPED["refused"]
    for key in ("auc", "eer", "ece", "ece_label"):
        assert fresh[key] == pytest.approx(SHIPPED[key], abs=MOVED)
    assert fresh["within_pages"]["auc"] == pytest.approx(SHIPPED["within_pages"]["auc"], abs=MOVED)
    assert fresh["families"].keys() == SHIPPED["families"].keys()
    for name, its in SHIPPED["families"].items():
        assert fresh["families"][name]["clips"] == its["clips"]
        assert fresh["families"][name]["auc"] == pytest.approx(its["auc"], abs=MOVED)


@with_clips
@pytest.mark.slow
def test_as_many_clips_are_called_what_they_were(fresh: dict[str, Any]) -> None:
    assert fresh["pages"].keys() == SHIPPED["pages"].keys()
    for name, its in SHIPPED["pages"].items():
        assert {key: fresh["pages"][name][key] for key in ("human", "synthetic")} == {
            key: its[key] for key in ("human", "synthetic")
        }
    for key, share in (("accused", "called"), ("caught", "called"), ("certain", "coverage")):
        assert fresh[key][share] == pytest.approx(SHIPPED[key][share], abs=100 * MOVED)
    for key in ("accused", "caught"):
        its = SHIPPED[key]["certain"]
        assert fresh[key]["certain"] == pytest.approx(its, abs=100 * MOVED)
    for key in SHIPPED["certain"].keys() - {"ahead_interval"}:
        assert fresh["certain"][key] == pytest.approx(SHIPPED["certain"][key], abs=200 * MOVED)
