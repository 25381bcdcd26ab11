"""The service's state at one moment, as whoever tells of it needs it. MB are 2^20 bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

State: TypeAlias = Literal["stopped", "starting", "ready", "busy", "stopping", "failed"]


@dataclass(frozen=True)
class FunctionState:
    """One function's process: what it is doing, and what it has and needs of memory.

    `tier` is the one that answered last, None before that. `need_mb` is what a start of it must
    find free. `detail` is a sentence that says why it is as it is, where that takes one.
    """

    state: State
    tier: str | None
    need_mb: float
    resident_mb: float
    detail: str | None


@dataclass(frozen=True)
class Snapshot:
    """The queue, the functions and the memory.

    `limit_mb` is what the whole service may have, `budget_mb` the part of it that is for
    functions, and `used_mb` what of that is taken. `retry_after_s` is what a refusal would say.
    """

    queue: int
    queue_max: int
    functions: Mapping[str, FunctionState]
    budget_mb: float
    used_mb: float
    limit_mb: float
    draining: bool
    accepting: bool
    retry_after_s: int
