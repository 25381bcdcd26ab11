"""What this process has of memory: its peak, and its limit. MB are 2^20 bytes."""

import os
import sys
from pathlib import Path

from deploy import cgroups

MB = 2**20


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
