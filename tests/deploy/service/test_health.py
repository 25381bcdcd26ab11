"""What /health and /readyz say of a moment."""

import json
from dataclasses import replace
from typing import Any

from deploy.service import health
from deploy.service.snapshot import Snapshot
from tests import snapshots


def told(snapshot: Snapshot, **known: Any) -> Any:
    settings: dict[str, Any] = {"mode": "normal", "disabled": (), "remote": (), "uptime_s": 7.0}
    return json.loads(json.dumps(health.document(snapshot, **settings | known)))


def test_a_service_that_waits_for_work() -> None:
    document = told(snapshots.of(beats=snapshots.function(), emotion=snapshots.function("ready")))
    assert document["status"] == "ok"
    assert document["uptime_s"] == 7.0
    assert document["functions"]["beats"] == {
        "state": "stopped",
        "tier": None,
        "need_mb": 100.0,
        "resident_mb": 0.0,
    }
    assert document["functions"]["emotion"]["tier"] == "embedded"
    assert document["memory"] == {
        "mode": "normal",
        "limit_mb": 512.0,
        "budget_mb": 400.0,
        "used_mb": 48.0,
    }
    assert document["queue"] == {"length": 0, "limit": 32, "retry_after_s": 1}


def test_the_earlier_services_fields() -> None:
    idle, busy = snapshots.function(), snapshots.function("busy")
    assert told(snapshots.of(beats=idle))["model_loaded"] is False
    document = told(snapshots.of(beats=idle, emotion=busy), mode="lite")
    assert document["model_loaded"] is True
    assert document["model_optimization"] == "lite"
    assert document["startup_error"] is None
    assert all(isinstance(each, str) for each in document["memory_strategies"])


def test_a_function_that_does_not_start() -> None:
    why = "The process of 'beats' ended with exit code 3 before it listened."
    document = told(snapshots.of(beats=snapshots.function("failed", why)))
    assert document["status"] == "degraded"
    assert document["startup_error"] == why
    assert document["functions"]["beats"]["detail"] == why


def test_functions_that_are_not_here() -> None:
    here = snapshots.of(beats=snapshots.function())
    document = told(here, disabled=["emotion"], remote=["voice_detect"])
    assert list(document["functions"]) == ["beats", "emotion", "voice_detect"]
    assert document["functions"]["emotion"] == {"state": "disabled"}
    assert document["functions"]["voice_detect"] == {"state": "remote"}


def test_who_may_send_more() -> None:
    assert health.readiness(snapshots.EMPTY) == {"ready": True, "reason": None}
    full = replace(snapshots.EMPTY, accepting=False)
    assert health.readiness(full) == {"ready": False, "reason": "queue_full"}
    ending = replace(snapshots.EMPTY, accepting=False, draining=True)
    assert health.readiness(ending) == {"ready": False, "reason": "stopping"}
    assert told(ending)["status"] == "stopping"
