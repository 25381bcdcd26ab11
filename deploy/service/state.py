"""What the scheduler knows, what it is told, and what it asks for: values, and nothing else."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, TypeAlias

Why: TypeAlias = Literal["queue_full", "queue_timeout", "memory", "start_failed", "stopping"]
"""Why a request is rejected."""
Ended: TypeAlias = Literal["idle", "evicted", "stopping", "replaced", "stopped"]
"""Why a process is ended with which nothing is wrong; `stopped` as the service itself ends."""
Broken: TypeAlias = Literal["memory", "timeout", "cancelled", "died"]
"""What was wrong with one that has ended."""


class Phase(Enum):
    """What a process is at."""

    STARTING = "starting"
    READY = "ready"
    BUSY = "busy"
    STOPPING = "stopping"


@dataclass(frozen=True)
class Limits:
    """How many requests run at once, how many wait, and for how long."""

    concurrency: int
    queue_length: int
    queue_s: float


@dataclass(frozen=True)
class Function:
    """A function: what it declares, and what was learnt of it. Times are means of the latest."""

    declared_mb: float
    timeout_s: float
    idle_stop_s: float
    run_s: float
    start_s: float
    peaks_mb: tuple[float, ...] = ()
    failures: int = 0
    """Starts that failed, in a row."""
    failed_until: float = -math.inf
    detail: str = ""
    """What the last of them said."""

    @property
    def need_mb(self) -> float:
        """The memory to keep for it."""
        return max(self.peaks_mb, default=self.declared_mb)

    def within_mb(self, budget_mb: float) -> float:
        """The memory to keep for it, where there is so much for all functions.

        One that once took more than it declares, and more than there is, gets all there is.
        """
        return min(self.need_mb, max(budget_mb, self.declared_mb))


@dataclass(frozen=True)
class Process:
    """A function's process: in its phase since when, and what was set aside for it."""

    phase: Phase
    since: float
    need_mb: float
    replaced: bool = False
    """Its code is not the function's any more: what it runs is its last."""


@dataclass(frozen=True)
class Request:
    """One that waits or runs. A `warm_only` one wants the process to be ready, and no more."""

    id: str
    function: str
    arrived: float
    warm_only: bool = False
    overtaken: int = 0
    forwarded: bool = False
    """The function's process has it."""
    left: bool = False
    """Its client has gone, and it has been told to stop."""


@dataclass(frozen=True)
class State:
    """All there is to know: `active` has the request that each process runs or starts for."""

    limits: Limits
    budget_mb: float
    functions: Mapping[str, Function]
    processes: Mapping[str, Process] = field(default_factory=dict)
    queue: tuple[Request, ...] = ()
    active: Mapping[str, Request] = field(default_factory=dict)
    draining: bool = False

    @property
    def used_mb(self) -> float:
        """What is set aside for all processes."""
        return sum(process.need_mb for process in self.processes.values())

    def need_mb(self, name: str) -> float:
        """What to set aside for the function's process."""
        return self.functions[name].within_mb(self.budget_mb)


@dataclass(frozen=True)
class Arrived:
    id: str
    function: str
    warm_only: bool = False


@dataclass(frozen=True)
class Left:
    """The client of a request has gone."""

    id: str


@dataclass(frozen=True)
class Started:
    """The function's process listens, `seconds` after its start."""

    function: str
    seconds: float


@dataclass(frozen=True)
class Finished:
    """The function's process has answered, and can take the next request.

    `peak_mb` is the most it held, None where that was not measured.
    """

    function: str
    peak_mb: float | None


@dataclass(frozen=True)
class Exited:
    """The function's process has ended, and its memory is free.

    ready : whether it ever listened.
    detail : a sentence for who waits for it.
    peak_mb : the most it had resident since its last invocation began, as far as is known.
    """

    function: str
    ready: bool
    why: Ended | Broken
    detail: str
    peak_mb: float


@dataclass(frozen=True)
class Replace:
    """The function has other code now, and declares this; nothing that was learnt of it holds."""

    function: str
    declared_mb: float
    timeout_s: float
    idle_stop_s: float


@dataclass(frozen=True)
class Budget:
    """There is now so much memory for functions."""

    mb: float


@dataclass(frozen=True)
class Tick:
    """Time has passed."""


@dataclass(frozen=True)
class Drain:
    """Answer what runs; take nothing more."""


Event: TypeAlias = Arrived | Left | Started | Finished | Exited | Replace | Budget | Tick | Drain


@dataclass(frozen=True)
class Start:
    function: str


@dataclass(frozen=True)
class Stop:
    """Let the function's process end, which is idle or starts."""

    function: str
    why: Ended


@dataclass(frozen=True)
class Kill:
    """End the function's process, which is over its time."""

    function: str


@dataclass(frozen=True)
class Forward:
    """The function's process is this request's now."""

    id: str
    function: str


@dataclass(frozen=True)
class Cancel:
    """Tell the function's process to stop its work: nobody waits for it."""

    function: str


@dataclass(frozen=True)
class Reject:
    """Answer the request that it can't be done now; `retry_after_s` is when to ask again."""

    id: str
    function: str
    why: Why
    detail: str
    retry_after_s: int


@dataclass(frozen=True)
class Lose:
    """The process went away under the request."""

    id: str
    function: str
    why: Literal["memory", "timeout", "died"]
    detail: str


Effect: TypeAlias = Start | Stop | Kill | Forward | Cancel | Reject | Lose
