import json
from pathlib import Path

import pytest

from benchmarks import evaluations


def test_an_evaluation_is_logged_and_its_figures_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluations, "LOG", tmp_path / "log.jsonl")
    monkeypatch.setattr(evaluations, "figures", lambda function: tmp_path / f"{function}.json")
    shipped = {"uar": 50.0, "parts": {"a": [1, 2], "b": []}}
    for version in ("1", "2"):
        evaluations.keep("echo", version, {"uar": 50.0}, shipped)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [(line["function"], line["version"], line["uar"]) for line in lines] == [
        ("echo", "1", 50.0),
        ("echo", "2", 50.0),
    ]
    assert json.loads((tmp_path / "echo.json").read_text()) == shipped


def test_an_innermost_list_is_a_line() -> None:
    rows = {"a": {"b": [1, 2], "c": [[3], [4]]}, "d": {"e": 5, "f": "[g]"}}
    text = evaluations.written(rows)
    assert json.loads(text) == rows
    assert '  "b": [ 1, 2 ],\n' in text


def test_every_evaluation_names_what_has_figures() -> None:
    results = evaluations.LOG.parent / "results"
    names = {json.loads(line)["function"] for line in evaluations.LOG.read_text().splitlines()}
    assert {"beats", "emotion"} <= names
    for name in names:
        assert evaluations.figures(name).exists() or (results / f"{name}.json").exists()
