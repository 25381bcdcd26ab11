"""What became of a request that was not answered: memory, CPU, or something else."""

from dataclasses import replace
from typing import Any

import pytest

from deploy import plans
from emulator import verdict
from emulator.verdict import Scene, Verdict
from functions.kit import manifest
from functions.kit.manifest import Tier

PLANS = plans.load()
BEATS = manifest.discover()["beats"]
SCENE = Scene(
    plan=PLANS["free"],
    plans=PLANS,
    limit_mb=512,
    function=BEATS,
    tier="embedded",
    others_mb={"router": 21.0, "template": 45.0, "emotion": 97.0},
    peaks_mb=(84.0, 80.0),
    wall_s=12.0,
    cpu_s=0.8,
    throttled_s=1.0,
)
MEMORY = {
    "event": "stopped",
    "function": "beats",
    "request_id": "r1",
    "why": "memory",
    "ready": True,
    "mem_peak_mb": 349.6,
    "detail": "'beats' had 350 MB resident, over its ceiling of 349 MB, and was ended. Send a "
    "shorter file.",
}
LATE = {
    "event": "stopped",
    "function": "beats",
    "request_id": "r1",
    "why": "timeout",
    "ready": True,
    "mem_peak_mb": 90.0,
    "detail": "'beats' had not answered after 300 s, the timeout in function.toml, and was ended.",
}
STARVED = replace(SCENE, wall_s=300.0, cpu_s=29.8, throttled_s=270.0)


def of(line: dict[str, Any], scene: Scene = SCENE) -> Verdict:
    found = verdict.of(line, scene)
    assert found is not None
    assert len(found.advice) == len(set(found.advice)) == 3 or scene.function is None
    assert all(each.endswith((".", "?")) for each in (*found.facts, *found.advice))
    return found


def test_an_out_of_memory_is_a_report() -> None:
    found = of(MEMORY)
    text = "\n".join(found.lines())
    assert found.kind == "memory"
    assert found.title == "Out of memory: beats, at request r1"
    for fact in ("350 MB", "349 MB", "512 MB ('free')", "router 21 MB", "emotion 97 MB"):
        assert fact in text
    assert f"function.toml says {BEATS.memory.peak_mb:.0f}" in text
    assert "It was not CPU" in text
    assert "Send a shorter file" not in text  # What helps is in its own list.
    assert "'standard' has 2048 MB" in found.advice[0]
    assert "shorter windows" in found.advice[1]
    assert "FUNCTION_EMOTION_URL" in found.advice[2]


def test_a_smaller_tier_comes_first() -> None:
    tiers = (Tier("hub", 290), Tier("embedded", 100), Tier("dsp", 30))
    function = replace(BEATS, tiers=tiers)
    found = of(MEMORY, replace(SCENE, function=function, tier="hub"))
    assert "'embedded', which needs 100 MB" in found.advice[0]
    assert "'hub' with 290: take 'hub' out of its function.toml." in found.advice[0]
    assert "larger plan" in found.advice[1]
    assert "larger plan" in of(MEMORY, replace(SCENE, function=function, tier="dsp")).advice[0]
    # Of one that never answered, the first is the one that it was about to use.
    assert "'embedded'" in of(MEMORY, replace(SCENE, function=function, tier=None)).advice[0]


def test_a_leak_is_seen() -> None:
    found = of(MEMORY, replace(SCENE, peaks_mb=(90.0, 120.0, 180.0)))
    assert "90, 120, 180, 350 MB" in found.advice[0]
    assert "keeps" not in of(MEMORY, replace(SCENE, peaks_mb=(90.0, 180.0, 120.0))).advice[0]
    assert "keeps" not in of(MEMORY, replace(SCENE, peaks_mb=(90.0,))).advice[0]


@pytest.mark.parametrize(
    ("plan", "peak_mb", "named"),
    [
        ("free", 300, "'standard' has 2048"),
        ("cloudrun-512", 300, "Take a larger plan"),
        ("lambda-512", 300, "'lambda-1769' has 1769"),
        ("free", 1900, "'standard' has 2048"),  # None is enough: the nearest there is.
    ],
)
def test_the_plan_that_is_named_is_of_the_same_cloud(plan: str, peak_mb: float, named: str) -> None:
    found = of(MEMORY | {"mem_peak_mb": peak_mb}, replace(SCENE, plan=PLANS[plan]))
    assert named in found.advice[0]


def test_out_of_memory_where_nobody_asked_or_as_it_started() -> None:
    assert of(MEMORY | {"request_id": None}).title.endswith(", while nobody asked it")
    assert of(MEMORY | {"request_id": None, "ready": False}).title.endswith(", as it started")


def test_a_time_out_for_want_of_cpu_is_told_apart() -> None:
    found = of(LATE, STARVED)
    text = "\n".join(found.lines())
    assert found.kind == "cpu"
    assert found.title == "Timed out, for want of CPU: beats, at request r1"
    assert "29.8 s of CPU in 300 s" in text
    assert "0.10 of the 0.1 CPU" in text
    assert "90% of the time" in text
    assert "It was not memory" in text
    assert "90 MB at its peak, of 512 MB" in text
    assert "'starter' has 0.5, which makes it up to 5 times as fast" in found.advice[0]
    assert "Send shorter audio" in found.advice[1]
    assert "'timeout_s'" in found.advice[2]


def test_how_much_audio_is_done_in_time() -> None:
    function = replace(BEATS, cpu_per_s=0.01, timeout_s=300.0)
    found = of(LATE, replace(STARVED, function=function))
    assert "some 3000 s of it" in found.advice[1]
    assert f"lets {BEATS.limits.seconds:g} in" in found.advice[1]


def test_one_that_hangs_gets_no_more_cpu() -> None:
    found = of(LATE, replace(SCENE, wall_s=300.0, cpu_s=0.9, throttled_s=0.0))
    assert found.kind == "hanging"
    assert found.title == "Timed out, waiting for something else: beats, at request r1"
    assert "More CPU would change nothing." in found.advice[0]
    assert not any("Take a plan" in each for each in found.advice)


def test_one_that_is_just_slow() -> None:
    found = of(LATE, replace(SCENE, wall_s=300.0, cpu_s=18.0, throttled_s=20.0))
    assert (found.kind, found.title) == ("slow", "Timed out: beats, at request r1")


def test_a_start_that_takes_too_long() -> None:
    line = LATE | {"ready": False, "detail": "'beats' had not started within 60 s, and was ended."}
    found = of(line, replace(STARVED, wall_s=60.0, cpu_s=6.0, throttled_s=50.0))
    assert "Import less" in found.advice[1]
    hangs = of(line, replace(SCENE, wall_s=60.0, cpu_s=0.1, throttled_s=0.0))
    assert "when they are imported" in hangs.advice[0]


def test_one_thread_is_one_cpu() -> None:
    """Two CPUs don't make one thread twice as fast: it had all that it could have."""
    found = of(LATE, replace(STARVED, plan=None, wall_s=300.0, cpu_s=299.0, throttled_s=0.0))
    assert found.kind == "cpu"
    assert not any("Take a plan" in each for each in found.advice)


def test_a_refusal_for_memory_ended_nothing() -> None:
    line = {
        "event": "refused",
        "request_id": "r2",
        "route": "beats",
        "status": 503,
        "reason": "memory",
        "detail": "'beats' needs 600 MB of memory, and all that there is for functions here is "
        "380 MB.",
    }
    found = of(line)
    assert found.title == "Refused for want of memory: beats, at request r2"
    assert "Nothing was started, and nothing was ended." in "\n".join(found.facts)
    assert "'standard'" in found.advice[0]


def test_waiting_too_long() -> None:
    line = {
        "event": "refused",
        "request_id": "r2",
        "route": "beats",
        "status": 503,
        "reason": "queue_timeout",
        "detail": "It has waited for 120 s, as long as one may, and others are still before it.",
    }
    found = of(line, STARVED)
    assert found.kind == "cpu"
    assert found.title == "Waited too long, for want of CPU: beats, at request r2"
    assert of(line, replace(SCENE, wall_s=0.0)).kind == "slow"


def test_the_service_itself() -> None:
    found = verdict.of_service(-9, 1, 511.6, SCENE)
    assert found == verdict.of_service(137, 1, 511.6, SCENE)
    assert found is not None
    assert "with 512 MB of 512 MB ('free')" in found.facts[0]
    assert verdict.of_service(-9, 0, None, SCENE) is None
    assert verdict.of_service(1, 1, None, SCENE) is None


@pytest.mark.parametrize("line", [MEMORY, LATE])
def test_where_little_is_known(line: dict[str, Any]) -> None:
    found = of(line, Scene(plan=None, limit_mb=24_000))
    assert found.advice
    assert "halfgig profile NAME" in found.advice[-1] or found.kind != "memory"


@pytest.mark.parametrize(
    "line",
    [
        {"event": "report", "status": 200},
        {"event": "stopped", "why": "idle", "function": "beats"},
        {"event": "stopped", "why": "died", "function": "beats"},
        {"event": "refused", "status": 413, "reason": "too_large"},
        {"event": "refused", "status": 502, "reason": "memory"},  # Its process has said so.
        {"event": "state"},
    ],
)
def test_what_needs_no_verdict(line: dict[str, Any]) -> None:
    assert verdict.of(line, SCENE) is None
