"""What memory there is: for the whole service, and of that for its functions. MB are 2^20 bytes."""

import os
from pathlib import Path

from deploy import cgroups
from deploy.plans import Plan
from deploy.service import memory

RESERVE = 0.15
"""The part of all memory that is kept free, for what nobody measured: the kernel's own share,
the page cache, a process that grows between two looks at it."""


def limit_mb(plan: Plan, proc: Path = cgroups.PROC) -> float:
    """The memory that the service can have: what its control groups say, or else the plan."""
    group = memory.limit_mb(proc)
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / memory.MB
    return group if group < machine else plan.memory_mb


def for_functions_mb(limit_mb: float, own_mb: float) -> float:
    """What is left for functions where the service itself, templates included, has `own_mb`."""
    return max(0.0, limit_mb * (1 - RESERVE) - own_mb)


def in_memory(folder: Path, mountinfo: str) -> bool:
    """Are the files of `folder` kept in memory? `mountinfo` is as in /proc/self/mountinfo."""
    kind, longest = "", -1
    for line in mountinfo.splitlines():
        before, after = line.split(" - ", 1)
        mount = cgroups.unescape(before.split()[4])
        if folder.is_relative_to(mount) and len(mount) >= longest:
            kind, longest = after.split()[0], len(mount)
    return kind in ("tmpfs", "ramfs")
