"""The log: lines for whoever reads them, and for whoever listens."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from deploy.service import log


def test_who_listens_is_told_what_is_written(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "_listeners", [])
    heard: list[Mapping[str, Any]] = []
    log.emit("before")
    log.listen(heard.append)
    log.emit("report", function="echo", cpu_s=0.5)
    _, written = map(json.loads, capsys.readouterr().out.splitlines())
    assert heard == [written]
    assert (written["event"], written["function"], written["cpu_s"]) == ("report", "echo", 0.5)
