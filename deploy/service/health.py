"""`/health` and `/readyz`: how the service is, made of a snapshot; never queued, and cheap."""

from collections.abc import Iterable
from typing import Any

from deploy.service.snapshot import Snapshot

STRATEGIES = (
    "one process a function, started when it is needed and ended when the memory is",
    "no start before what the function was measured to need is free",
    "a router that loads no model and no numpy",
    "uploads on disk",
)
"""What keeps the service within its memory, in words."""


def document(
    snapshot: Snapshot,
    *,
    mode: str,
    disabled: Iterable[str],
    remote: Iterable[str],
    uptime_s: float,
) -> dict[str, Any]:
    """What `/health` answers.

    mode : the setting MEMORY_MODE
    disabled, remote : functions that are switched off, and that are forwarded to elsewhere
    """
    functions: dict[str, Any] = {}
    for name, its in snapshot.functions.items():
        functions[name] = {
            "state": its.state,
            "tier": its.tier,
            "need_mb": round(its.need_mb, 1),
            "resident_mb": round(its.resident_mb, 1),
        } | ({"detail": its.detail} if its.detail else {})
    functions |= {name: {"state": "remote"} for name in remote}
    functions |= {name: {"state": "disabled"} for name in disabled}
    failed = [its for its in snapshot.functions.values() if its.state == "failed"]
    running = [its for its in snapshot.functions.values() if its.state in ("ready", "busy")]
    status = "stopping" if snapshot.draining else "degraded" if failed else "ok"
    return {
        "status": status,
        "uptime_s": round(uptime_s, 1),
        "functions": dict(sorted(functions.items())),
        "memory": {
            "mode": mode,
            "limit_mb": round(snapshot.limit_mb, 1),
            "budget_mb": round(snapshot.budget_mb, 1),
            "used_mb": round(snapshot.used_mb, 1),
        },
        "queue": {
            "length": snapshot.queue,
            "limit": snapshot.queue_max,
            "retry_after_s": snapshot.retry_after_s,
        },
        # As the earlier services had it.
        "model_loaded": bool(running),
        "model_optimization": mode,
        "memory_strategies": STRATEGIES,
        "startup_error": next((its.detail for its in failed), None),
    }


def readiness(snapshot: Snapshot) -> dict[str, Any]:
    """What `/readyz` answers: 200 where it is `ready`, else 503."""
    reason = "stopping" if snapshot.draining else "queue_full" if not snapshot.accepting else None
    return {"ready": reason is None, "reason": reason}
