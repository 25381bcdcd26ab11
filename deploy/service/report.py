"""The REPORT: what one invocation really took."""

import dataclasses
import os
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from deploy.service import memory


@dataclass(frozen=True)
class Report:
    """One invocation: seconds of wall clock and CPU, MB (2^20 bytes) of resident memory.

    A cold invocation's CPU and peak count from the start of its process, imports included.
    `mem_peak_exact` is False where the system cannot start the peak anew: then a warm
    invocation's `mem_peak_mb` is that of the process so far, which is no less than its own.
    `mem_limit_mb` is the tightest limit of the control groups, or else the machine's memory.
    """

    function: str
    start: Literal["cold", "warm"]
    queue_s: float
    init_s: float
    duration_s: float
    cpu_s: float
    mem_peak_mb: float
    mem_peak_exact: bool
    mem_limit_mb: float
    tier: str | None
    status: int
    request_id: str | None

    def line(self) -> str:
        """The line that a person reads."""
        return (
            f"REPORT fn={self.function} start={self.start} queue={self.queue_s:.2f}s "
            f"init={self.init_s:.2f}s duration={self.duration_s:.2f}s cpu={self.cpu_s:.2f}s "
            f"mem_peak{'=' if self.mem_peak_exact else '<='}{self.mem_peak_mb:.0f}MB "
            f"mem_limit={self.mem_limit_mb:.0f}MB tier={self.tier or '-'} status={self.status}"
        )

    def as_dict(self) -> dict[str, Any]:
        """The same for machines."""
        return {
            key: round(value, 4) if isinstance(value, float) else value
            for key, value in dataclasses.asdict(self).items()
        }


class Meter:
    """Measures a process's invocations, one at a time; the first is the cold one."""

    def __init__(self, function: str) -> None:
        self._function = function
        self._limit_mb = _limit_mb()
        self._started = _process_start()
        self._cold = True
        self.init_s = 0.0

    def ready(self) -> None:
        """The process can take its first invocation."""
        self.init_s = time.clock_gettime(_CLOCK) - self._started

    def begin(self) -> None:
        """An invocation starts."""
        self._exact = self._cold or memory.reset_peak()
        self._cpu = 0.0 if self._cold else time.process_time()
        self._wall = time.perf_counter()

    def end(self, status: int, tier: str | None, request_id: str | None) -> Report:
        """The invocation that began last has ended."""
        report = Report(
            function=self._function,
            start="cold" if self._cold else "warm",
            queue_s=0.0,
            init_s=self.init_s if self._cold else 0.0,
            duration_s=time.perf_counter() - self._wall,
            cpu_s=time.process_time() - self._cpu,
            mem_peak_mb=memory.peak_mb(),
            mem_peak_exact=self._exact,
            mem_limit_mb=self._limit_mb,
            tier=tier,
            status=status,
            request_id=request_id,
        )
        self._cold = False
        return report


@cache
def _limit_mb() -> float:
    """What it was at first, in this process or in the one that it was forked from."""
    return memory.limit_mb()


_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def _process_start() -> float:
    """When this process started, on `_CLOCK`, to 10 ms; now, where the system does not say."""
    now = time.clock_gettime(_CLOCK)
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return now
    start = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return start if 0 < start < now else now
