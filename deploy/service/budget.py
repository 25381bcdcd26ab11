"""What memory there is: for the whole service, and of that for its functions. MB are 2^20 bytes."""

import os
from collections.abc import Callable
from pathlib import Path

from deploy import cgroups
from deploy.plans import Plan
from deploy.service import memory
from deploy.service.memory import MB

RESERVE = 0.15
"""The part of all memory that is kept free, for what nobody measured: the kernel's own share,
the page cache, a process that grows between two looks at it."""


def limit_mb(plan: Plan, proc: Path = cgroups.PROC) -> float:
    """The memory that the service can have: what its control groups say, or else the plan."""
    group = memory.limit_mb(proc)
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / MB
    return group if group < machine else plan.memory_mb


class Available:
    """What of `limit_mb` is left for functions: less a reserve, this process and what is idle.

    spooled : gives the bytes of the files in `folder`, which count where they are in memory
    """

    def __init__(self, limit_mb: float, folder: Path, spooled: Callable[[], int]) -> None:
        self._most_mb = limit_mb * (1 - RESERVE)
        self._spooled = spooled if in_memory(folder) else lambda: 0

    def __call__(self, templates_mb: float) -> float:
        """In MB, where templates that no function's process came from have `templates_mb`."""
        own_mb = memory.resident_mb(os.getpid()) + self._spooled() / MB
        return max(0.0, self._most_mb - own_mb - templates_mb)


def in_memory(folder: Path, mountinfo: str | None = None) -> bool:
    """Are the files of `folder` kept in memory? `mountinfo` is as in /proc/self/mountinfo."""
    if mountinfo is None:
        try:
            mountinfo = (cgroups.PROC / "mountinfo").read_text()
        except OSError:
            return False
    kind, longest = "", -1
    for line in mountinfo.splitlines():
        before, after = line.split(" - ", 1)
        mount = cgroups.unescape(before.split()[4])
        if folder.is_relative_to(mount) and len(mount) >= longest:
            kind, longest = after.split()[0], len(mount)
    return kind in ("tmpfs", "ramfs")
