"""What every cage is: a place of a plan's memory and CPU, where commands are started."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

MB = 2**20


class CageUnavailable(Exception):  # noqa: N818 (it is a state of the system, not a mistake)
    """No cage of this kind can be made here; the message says why."""


@dataclass(frozen=True)
class Reading:
    """What was counted in a cage. MB are 2^20 bytes; seconds and kills are since its beginning.

    memory_mb : what it has now
    peak_mb : the most that it had; None where that is not kept
    anon_mb : of what it has now, that which is no file's; None where that is not told
    oom_kills : processes that were ended for want of memory
    cpu_s : CPU seconds used
    throttled_s : seconds that it was denied CPU, summed over its processors
    throttled_periods : in how many periods of the share that was so
    """

    memory_mb: float
    peak_mb: float | None
    anon_mb: float | None
    oom_kills: int
    cpu_s: float
    throttled_s: float
    throttled_periods: int


class Cage(Protocol):
    """A context manager: at its end whatever still runs inside is killed.

    Entering raises `CageUnavailable` where this system or this user cannot make one.

    kind : in a few words
    enforces : what of the plan it holds to, and by what means
    not_enforced : what of the plan it does not, in words
    """

    kind: str
    enforces: str
    not_enforced: tuple[str, ...]

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def start(self, command: Sequence[str], **options: Any) -> "subprocess.Popen[Any]":
        """Start `command` inside. `options` are those of `subprocess.Popen`."""
        ...

    def pids(self) -> list[int]:
        """The processes inside."""
        ...

    def kill(self) -> None:
        """End all processes inside; return when they have ended."""
        ...

    def read(self) -> Reading:
        """What has been counted so far."""
        ...


def share(memory_mb: float, cpus: float) -> str:
    """A plan's memory and CPU, in words."""
    return f"{memory_mb:g} MB and {cpus:g} CPU"
