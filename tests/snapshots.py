"""A made-up moment of the service, for what is made of one."""

from dataclasses import replace

from deploy.service.snapshot import FunctionState, Snapshot, State


def function(state: State = "stopped", detail: str | None = None) -> FunctionState:
    """A function in `state`, with 100 MB needed and, where it runs, 48 MB resident."""
    runs = state in ("ready", "busy")
    return FunctionState(state, "embedded" if runs else None, 100.0, 48.0 * runs, detail)


EMPTY = Snapshot(
    queue=0,
    queue_max=32,
    functions={},
    budget_mb=400.0,
    used_mb=0.0,
    limit_mb=512.0,
    draining=False,
    accepting=True,
    retry_after_s=1,
)


def of(**functions: FunctionState) -> Snapshot:
    """A service of these functions in which nobody waits."""
    used = sum(its.resident_mb for its in functions.values())
    return replace(EMPTY, functions=functions, used_mb=used)
