"""No cage: what is started has all of this machine, but is counted, and ended with the rest."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Self

from emulator import processes
from emulator.cages.cage import Reading
from emulator.processes import Process

PATIENCE_S = 5.0


class Free:
    """Sessions of processes, limited in nothing; see `Cage`.

    What leaves its session and whose parent has ended is not found again.
    """

    kind = "none"
    enforces = "no limits: all memory and CPU of this machine"
    not_enforced: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._leaders: dict[int, subprocess.Popen[Any]] = {}
        self._lock = threading.Lock()
        self._cpu_s: dict[int, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self, command: Sequence[str], **options: Any) -> "subprocess.Popen[Any]":
        options = {**options, "start_new_session": True, "process_group": None}
        process = subprocess.Popen(command, **options)
        self._leaders[process.pid] = process
        return process

    def pids(self) -> list[int]:
        return [each.pid for each in self._inside()]

    def kill(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while (inside := self._inside()) and time.monotonic() < deadline:
            for each in inside:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(each.pid, signal.SIGKILL)
            time.sleep(0.01)

    def read(self) -> Reading:
        memory_mb = together_mb(self._inside())
        return Reading(
            memory_mb=memory_mb,
            peak_mb=None,
            anon_mb=None,
            oom_kills=0,
            cpu_s=sum(self._cpu_s.values()),
            throttled_s=0.0,
            throttled_periods=0,
        )

    def _inside(self) -> list[Process]:
        """The processes that run, of which the CPU seconds are noted."""
        inside = []
        with self._lock:
            for pid, leader in list(self._leaders.items()):
                has_ended = leader.returncode is not None  # Its end is its starter's to collect.
                found = processes.of_session(pid, has_ended)
                # What has ended and was collected is in its parent's count.
                cpu_s = sum(each.cpu_s for each in found)
                self._cpu_s[pid] = max(cpu_s, self._cpu_s.get(pid, 0.0))
                running = [each for each in found if not each.zombie]
                if has_ended and not running:
                    del self._leaders[pid]
                inside += running
        return inside


def together_mb(inside: Iterable[Process]) -> float:
    """What they have resident together, each page counted once."""
    return sum(processes.own_mb(each) for each in inside)
