"""Control groups that others made for our commands: what they enforce, and have counted."""

import math
import os
import signal
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from deploy import cgroups
from emulator.cages import groups
from emulator.cages.cage import MB, Reading

NOTHING = Reading(0.0, None, None, 0, 0.0, 0.0, 0)


@dataclass(frozen=True)
class Made:
    """The folders of the groups that a process is in, of `version`."""

    version: int
    memory: Path
    cpu: Path
    count: Path

    @property
    def memory_mb(self) -> float:
        """Its limit; infinite where there is none."""
        name = "memory.limit_in_bytes" if self.version == 1 else "memory.max"
        return _number(self.memory / name) / MB

    @property
    def cpus(self) -> float:
        """Its share in CPU seconds a second; infinite where there is none."""
        if self.version == 1:
            quota = _number(self.cpu / "cpu.cfs_quota_us")
            return quota / _number(self.cpu / "cpu.cfs_period_us") if quota > 0 else math.inf
        with suppress(OSError, ValueError):
            quota_us, period_us = (self.cpu / "cpu.max").read_text().split()
            return int(quota_us) / int(period_us)
        return math.inf

    def pids(self) -> list[int]:
        """The processes inside."""
        with suppress(OSError):
            return groups.pids(self.memory)
        return []

    def kill(self) -> None:
        """Send a SIGKILL to each process inside, which must be ours."""
        for pid in self.pids():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def around(pid: int) -> Made | None:
    """The groups that the process `pid` is in, if it is there and they can be seen."""
    proc = Path(f"/proc/{pid}")
    memory, cpu = (cgroups.own(kind, proc, cgroups.PROC) for kind in ("memory", "cpu"))
    if memory is None or cpu is None or memory.version != cpu.version:
        return None
    count = cgroups.own("cpuacct", proc, cgroups.PROC) if cpu.version == 1 else cpu
    return Made(cpu.version, memory.folder, cpu.folder, count.folder) if count else None


class Tally:
    """What all of them have counted together, those included that are gone."""

    def __init__(self) -> None:
        self._readings: dict[Made, Reading] = {}

    def read(self, made: list[Made]) -> Reading:
        """As far as it can be known now."""
        for each in self._readings:
            self._readings[each] = replace(self._readings[each], memory_mb=0.0, anon_mb=0.0)
        for each in made:
            with suppress(OSError):
                self._readings[each] = groups.read(*_folders(each))
        all_of_them = list(self._readings.values()) or [NOTHING]
        return Reading(
            memory_mb=sum(each.memory_mb for each in all_of_them),
            peak_mb=max((each.peak_mb for each in all_of_them if each.peak_mb), default=None),
            anon_mb=sum(each.anon_mb or 0.0 for each in all_of_them),
            oom_kills=sum(each.oom_kills for each in all_of_them),
            cpu_s=sum(each.cpu_s for each in all_of_them),
            throttled_s=sum(each.throttled_s for each in all_of_them),
            throttled_periods=sum(each.throttled_periods for each in all_of_them),
        )


def _folders(made: Made) -> tuple[int, Path, Path, Path]:
    return made.version, made.memory, made.cpu, made.count


def _number(path: Path) -> float:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # No such file; or "max".
        return math.inf
