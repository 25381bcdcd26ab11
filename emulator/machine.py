"""How much CPU this machine has, gives to everyone, and keeps one waiting for."""

import os
from contextlib import suppress
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def cpus() -> int:
    """Its processors."""
    return os.cpu_count() or 1


def worked_s() -> float | None:
    """The seconds for which its processors have worked so far; None where that is not told."""
    try:
        first = Path("/proc/stat").read_text().partition("\n")[0].split()
    except OSError:
        return None
    user, nice, system, _, _, interrupts, soft, steal = map(int, first[1:9])
    return (user + nice + system + interrupts + soft + steal) / _TICK


def waited_s(pid: int) -> float:
    """For how long the threads of a process were ready to run and had no processor.

    Time for which CPU was denied them is in it. 0 where that is not told.
    """
    waited = 0
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                waited += int((thread / "schedstat").read_text().split()[1])
    return waited / 1e9
