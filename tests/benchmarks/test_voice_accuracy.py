import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import conditions, evaluations, trivial, voice_accuracy, voices
from benchmarks.bootstrap import Floats
from benchmarks.environments import PeerError
from benchmarks.voices import Answer, Voice

COLUMNS = "path,split,label,system_or_corpus,repo,original_rate,original_codec"
CLIPS = 40


class Judges:
    """The function and the trees, as if: the function is heard wrong by telephone."""

    def __init__(self) -> None:
        self.asked: list[tuple[str | None, int]] = []

    def ask(self, those: Sequence[Voice], condition: str | None = None) -> list[Answer]:
        self.asked.append((condition, len(those)))
        return [self._answer(voice, condition) for voice in those]

    def _answer(self, voice: Voice, condition: str | None) -> Answer:
        chance = (0.8 if voice.synthetic else 0.2) + 0.01 * (len(voice.audio.stem) % 7)
        chance = 1 - chance if condition == "telephone" else chance
        label = "AI_GENERATED" if chance >= 0.5 else "HUMAN"
        votes = {"energy": voice.synthetic}
        return Answer(voice, chance, label, voice.page == "one", chance, {"energy": chance}, votes)


@pytest.fixture
def judges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Judges:
    """A manifest with clips of each split on two pages, and nothing that is really heard."""
    rows = [
        f"{'x' * (index % 9 + 1)}{split}{index}.opus,{split},{label},VITS,{page},16000,wav"
        for split in ("train", "val", "test")
        for index in range(CLIPS // 4)
        for label in ("human", "synthetic")
        for page in ("one", "two")
    ]
    (tmp_path / "voice").mkdir()
    (tmp_path / "voice" / "manifest.csv").write_text("\n".join((COLUMNS, *rows)))
    made = Judges()
    monkeypatch.setattr(voices, "ask", made.ask)
    monkeypatch.setattr(trivial, "table", lambda paths: np.zeros((len(paths), 1)))
    monkeypatch.setattr(trivial.Trees, "python", lambda its: "none")

    def scores(its: object, rows: Floats, wanted: Sequence[bool], asked: Floats) -> Floats:
        assert len(rows) == len(wanted) == CLIPS
        return np.zeros(len(asked))

    monkeypatch.setattr(trivial.Trees, "scores", scores)
    return made


def test_each_condition_and_the_trees_are_beside_it(judges: Judges, tmp_path: Path) -> None:
    result = voice_accuracy.judge(tmp_path, "val", under_conditions=True)
    assert judges.asked == [(None, CLIPS), *((name, CLIPS) for name in conditions.CONDITIONS)]
    assert (result["split"], result["auc"], result["eer"]) == ("val", 1.0, 0.0)
    assert (result["trees"]["auc"], result["trees"]["ahead"]) == (0.5, 0.5)
    assert result["votes"]["together"]["auc"] == 1.0
    assert list(result["robust"]) == list(conditions.CONDITIONS)
    assert result["robust"]["telephone"]["auc"] == 0.0
    assert result["robust"]["telephone"]["lost"] == 1.0
    assert result["robust"]["-20 dB"]["lost"] == 0.0


def test_on_test_the_votes_are_fitted_on_val(judges: Judges, tmp_path: Path) -> None:
    voice_accuracy.judge(tmp_path, "test", under_conditions=False)
    assert judges.asked == [(None, CLIPS), (None, CLIPS)]


def test_the_command_prints_writes_and_draws(
    judges: Judges,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    figures, drawing = tmp_path / "figures.json", tmp_path / "risk.svg"
    monkeypatch.setattr(
        "sys.argv",
        [
            "voice_accuracy",
            "--data",
            str(tmp_path),
            "--json",
            str(figures),
            "--figure",
            str(drawing),
        ],
    )
    monkeypatch.setattr(voice_accuracy, "keep", lambda its: pytest.fail("`val` was logged"))
    assert voice_accuracy.main() == 0
    assert "| voice_detect | 1.000 [1.000, 1.000] |" in capsys.readouterr().out
    assert json.loads(figures.read_text())["clips"] == CLIPS
    assert "</svg>" in drawing.read_text()


def test_figures_log_and_picture_of_test_are_kept(
    judges: Judges, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not voice_accuracy.MODEL.exists():
        pytest.skip("There is no model.")
    monkeypatch.setattr(evaluations, "LOG", tmp_path / "log.jsonl")
    monkeypatch.setattr(evaluations, "figures", lambda function: tmp_path / f"{function}.json")
    monkeypatch.setattr(voice_accuracy, "PICTURE", tmp_path / "risk.svg")
    its = voice_accuracy.judge(tmp_path, "test", under_conditions=True)
    voice_accuracy.keep(its)
    shipped: dict[str, Any] = json.loads((tmp_path / "voice_detect.json").read_text())
    (line,) = map(json.loads, (tmp_path / "log.jsonl").read_text().splitlines())
    assert shipped["auc"] == line["auc"] == its["auc"]
    assert line["families"] == {"tts": 1.0}
    assert line["lost"]["telephone"] == 1.0
    assert line["trees"] == 0.5
    assert shipped["sha256"] == line["sha256"]
    assert "</svg>" in (tmp_path / "risk.svg").read_text()


def test_without_data_it_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["voice_accuracy", "--data", str(tmp_path)])
    assert voice_accuracy.main() == 2
    assert "Set HALFGIG_DATA" in capsys.readouterr().err


def test_without_the_trees_no_clip_is_judged(
    judges: Judges,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def missing(its: object) -> str:
        raise PeerError("scikit-learn could not be installed.")

    monkeypatch.setattr(trivial.Trees, "python", missing)
    monkeypatch.setattr("sys.argv", ["voice_accuracy", "--data", str(tmp_path), "--split", "test"])
    assert voice_accuracy.main() == 2
    assert "could not be installed" in capsys.readouterr().err
    assert judges.asked == []
