"""What processes have of memory, at the peak and now, and their limit. MB are 2^20 bytes."""

import os
import sys
from pathlib import Path

from deploy import cgroups

MB = 2**20
_PAGE = os.sysconf("SC_PAGE_SIZE")


def reset_peak(proc: Path = cgroups.PROC) -> bool:
    """Start the peak anew from what is resident now. False where the system cannot."""
    try:
        (proc / "clear_refs").write_text("5")
    except OSError:
        return False
    return True


def peak_mb(proc: Path = cgroups.PROC) -> float:
    """The most that was resident since the start, or since `reset_peak` where that works."""
    try:
        status = (proc / "status").read_text()
    except OSError:
        import resource

        # In kB on Linux and the BSDs, in bytes on macOS.
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MB
    return int(status.split("VmHWM:", 1)[1].split(None, 1)[0]) * 1024 / MB


def resident_mb(pid: int) -> float:
    """What is resident of process `pid` now; 0 where there is no such process, or no /proc."""
    try:
        with open(f"/proc/{pid}/statm", "rb", 0) as file:  # noqa: PTH123 (a Path takes far longer)
            statm = file.read()
    except OSError:
        return 0.0
    return int(statm.split()[1]) * _PAGE / MB


def oom_kills(proc: Path = cgroups.PROC) -> int:
    """How many processes of this one's control group the kernel has ended for want of memory."""
    group = cgroups.own("memory", proc)
    if group is None:
        return 0
    file = group.folder / ("memory.oom_control" if group.version == 1 else "memory.events")
    try:
        counts = dict(line.split() for line in file.read_text().splitlines())
    except OSError:
        return 0
    return int(counts.get("oom_kill", 0))


def limit_mb(proc: Path = cgroups.PROC) -> float:
    """The memory this process can have: its control groups' tightest limit, or the machine's all.

    A limit above the machine's memory limits nothing, and is not the answer.
    """
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    group = cgroups.own("memory", proc)
    if group is not None:
        name = "memory.limit_in_bytes" if group.version == 1 else "memory.max"
        for folder in group.upwards():
            try:
                limits.append(int((folder / name).read_text()))
            except (OSError, ValueError):  # No such file at the top of version 2; or "max".
                continue
    return min(limits) / MB
