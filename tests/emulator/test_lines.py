"""What a person reads of each line of the log."""

from typing import Any

import pytest

from emulator import lines


def shown(event: str, **fields: Any) -> str | None:
    found = lines.shown({"time": "2026-01-01T00:00:00.000Z", "event": event, **fields})
    return found[0] if found else None


def test_a_report_is_its_line() -> None:
    report = {
        "function": "beats",
        "start": "cold",
        "queue_s": 0.0,
        "init_s": 0.61,
        "duration_s": 4.2,
        "cpu_s": 0.42,
        "mem_peak_mb": 84.2,
        "mem_peak_exact": True,
        "mem_limit_mb": 512.0,
        "tier": "dsp",
        "status": 200,
        "request_id": "r1",
        "of_later_versions": 1,
    }
    assert shown("report", **report) == (
        "REPORT fn=beats start=cold queue=0.00s init=0.61s duration=4.20s cpu=0.42s "
        "mem_peak=84MB mem_limit=512MB tier=dsp status=200"
    )


FAULT = {"file": "functions/beats/core.py", "line": 3, "column": 11, "text": "    def f(:  # x"}


@pytest.mark.parametrize(
    ("event", "fields", "text"),
    [
        ("started", {"function": "beats", "init_s": 0.613}, "beats started in 0.61 s."),
        ("stopped", {"function": "beats", "why": "idle", "detail": "x"}, "beats ended: idle."),
        ("stopped", {"function": "beats", "why": "died", "detail": "It died."}, "It died."),
        ("stopped", {"function": "beats", "why": "cancelled", "detail": "It left."}, "It left."),
        (
            "refused",
            {"route": "beats", "status": 413, "reason": "too_large", "detail": "It is."},
            "Refused, 413 too_large at 'beats': It is.",
        ),
        (
            "broken",
            {"function": "beats", **FAULT, "detail": "Invalid syntax."},
            "functions/beats/core.py, line 3: Invalid syntax.\n    def f(:  # x\n          ^\n"
            "What 'beats' was before goes on serving.",
        ),
        (
            "broken",
            {"function": None, **FAULT, "line": None, "column": None, "text": "", "detail": "Hm."},
            "functions/beats/core.py: Hm.\nWhat the service was before goes on serving.",
        ),
        (
            "reloaded",
            {"function": "beats"},
            "beats reloaded: its next request runs what was saved.",
        ),
        (
            "reload_failed",
            {"function": "beats", "detail": "No."},
            "beats was not reloaded, and is as it was: No.",
        ),
        ("restart_failed", {"detail": "No."}, "The service did not start anew: No."),
        ("restarting", {}, "What all functions share was saved: the service starts anew."),
        ("log", {"level": "error", "logger": "x", "message": "A\nB"}, "error: A\nB"),
        ("stderr", {"text": "  as it is"}, "  as it is"),
        ("record_full", {"detail": "No more calls."}, "No more calls."),
        ("record_failed", {"detail": "No room."}, "A request could not be kept: No room."),
        ("verdict", {"lines": ["A", "  b"]}, "A\n  b"),
        ("of later", {"a": 1, "b": "x"}, "of later: a=1, b=x"),
    ],
)
def test_what_is_read(event: str, fields: dict[str, Any], text: str) -> None:
    assert shown(event, **fields) == text


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        ("state", {}),
        ("saved", {"function": "beats"}),
        ("stopped", {"function": "beats", "why": "replaced"}),
        ("stopped", {"function": "beats", "why": "memory"}),
        ("stopped", {"function": "beats", "why": "timeout"}),
        ("refused", {"reason": "memory", "status": 502}),
    ],
)
def test_what_is_said_otherwise(event: str, fields: dict[str, Any]) -> None:
    assert shown(event, **fields) is None
