import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import emotion_accuracy, evaluations, recall
from benchmarks.emotion_accuracy import certainty, labels_of, load, markdown, report
from benchmarks.recall import Answer

LABELS = ("neutral", "happy", "sad", "angry")
AMONG = {"one": {"happy", "sad"}, "two": set(LABELS)}


def said(label: str, guess: str, top: float, *, certain: bool) -> Answer:
    rest = (1 - top) / 3
    scores = {one: top if one == guess else rest for one in LABELS}
    return Answer("two", "s", label, scores, certain)


@pytest.fixture(scope="module")
def answers() -> list[Answer]:
    """Chances that are what they say, of 2 corpora with 3 speakers each; some are refused."""
    random = np.random.default_rng(0)
    made = []
    for index in range(300):
        corpus = "one" if index % 3 else "two"
        labels = sorted(AMONG[corpus])
        chances = random.dirichlet([0.4] * len(labels))
        scores = dict.fromkeys(LABELS, 0.0) | dict(zip(labels, chances.tolist(), strict=True))
        label, speaker = str(random.choice(labels, p=chances)), f"{corpus}{index % 7 % 3}"
        if index % 50 == 0:
            made.append(Answer(corpus, speaker, label, None, refusal="no_speech"))
        else:
            made.append(Answer(corpus, speaker, label, scores, bool(chances.max() > 0.8)))
    return made


@pytest.fixture(scope="module")
def its(answers: list[Answer]) -> dict[str, Any]:
    return report(recall.by_corpus(answers), AMONG)


def test_the_report_holds_together(its: dict[str, Any]) -> None:
    assert (its["clips"], its["speakers"], its["refused"]) == (300, 6, {"no_speech": 6})
    assert its["uar"] == pytest.approx(np.mean([its["corpora"][name]["uar"] for name in AMONG]))
    assert its["uar_interval"][0] < its["uar"] < its["uar_interval"][1]
    assert its["ece"] < 0.2
    assert its["certain"]["right"] > its["certain"]["right_else"]
    assert its["risk_coverage"][-1][0] == 1.0
    for name, corpus in its["corpora"].items():
        assert corpus["labels"] == sorted(AMONG[name])
        assert sum(map(sum, corpus["confusion"].values())) == corpus["clips"]
        assert sum(one["clips"] for one in corpus["speakers"].values()) == corpus["clips"]


def test_chance_is_drawn_alike_each_time(answers: list[Answer]) -> None:
    corpora = recall.by_corpus(answers)
    assert recall.mean(corpora, AMONG) == recall.mean(corpora, AMONG)


def test_a_person_can_read_it(its: dict[str, Any]) -> None:
    text = markdown(its)
    assert f"| mean | 300 | 6 | 4 | {its['uar']:.1f} [" in text
    assert "Refused, and counted as wrong: 6 no_speech." in text


def test_certain_is_held_against_the_rest() -> None:
    answers = [said("sad", "sad", 0.9, certain=True)] * 3
    answers += [said("sad", guess, 0.4, certain=False) for guess in ("sad", "happy", "happy")]
    its = certainty([*answers, Answer("two", "s", "sad", None)])
    assert its["coverage"] == round(300 / 7, 2)
    assert (its["right"], its["right_else"], its["ahead"]) == (100.0, 25.0, 75.0)


@pytest.mark.parametrize("certain", [True, False])
def test_all_alike_in_certainty_is_told_without_a_comparison(certain: bool) -> None:
    answers = [said("sad", "sad", 0.9, certain=certain)] * 3
    assert certainty(answers) == {"coverage": 100.0 if certain else 0.0}
    assert "certain` covers" not in markdown(report({"two": answers}, AMONG))


def test_nothing_but_refusals_is_a_report_too() -> None:
    its = report({"two": [Answer("two", "s", "sad", None, refusal="no_speech")] * 2}, AMONG)
    assert (its["uar"], its["refused"]) == (0.0, {"no_speech": 2})


def test_voices_and_labels_are_the_manifest_s(tmp_path: Path) -> None:
    write(tmp_path, [("a.opus", "test", "sad"), ("b.opus", "train", "calm")])
    (voice,) = load(tmp_path, "test")
    assert (voice.audio, voice.speaker, voice.label) == (
        tmp_path / "emotion" / "a.opus",
        "s",
        "sad",
    )
    assert labels_of(load(tmp_path)) == {"one": {"sad", "calm"}}


def write(folder: Path, rows: Sequence[tuple[str, str, str]]) -> None:
    (folder / "emotion").mkdir()
    with (folder / "emotion" / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "split", "emotion", "corpus", "speaker"])
        writer.writerows([*row, "one", "s"] for row in rows)


def test_without_data_it_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["emotion_accuracy", "--data", str(tmp_path)])
    assert emotion_accuracy.main() == 2
    assert "Set HALFGIG_DATA" in capsys.readouterr().err


def test_the_test_split_is_judged_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["emotion_accuracy", "--split", "test", "--every", "5"])
    with pytest.raises(SystemExit):
        emotion_accuracy.main()


def test_figures_log_and_picture_are_kept(
    its: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not emotion_accuracy.MODEL.exists():
        pytest.skip("There is no model.")
    monkeypatch.setattr(evaluations, "LOG", tmp_path / "log.jsonl")
    monkeypatch.setattr(evaluations, "figures", lambda function: tmp_path / f"{function}.json")
    monkeypatch.setattr(emotion_accuracy, "PICTURE", tmp_path / "risk.svg")
    emotion_accuracy.keep(its)
    shipped = json.loads((tmp_path / "emotion.json").read_text())
    (line,) = map(json.loads, (tmp_path / "log.jsonl").read_text().splitlines())
    assert shipped["uar"] == line["uar"] == its["uar"]
    assert line["corpora"] == {name: its["corpora"][name]["uar"] for name in AMONG}
    assert shipped["sha256"] == line["sha256"]
    assert "</svg>" in (tmp_path / "risk.svg").read_text()
