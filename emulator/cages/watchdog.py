"""A cage without the kernel: a thread that looks at the memory and ends what takes too much."""

import os
import signal
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from emulator import processes
from emulator.cages.cage import MB, Reading
from emulator.cages.free import Free, together_mb
from emulator.processes import Process

LOOK_S = 0.1
BACKSTOP = 2
"""No one process may map more than this many times the memory for its data, whatever it touches:
between two looks it could else take all of this machine's."""

# Sets the limit in kB, where this system has it, then becomes the command after it.
LIMIT = 'ulimit -d "$1" 2>/dev/null; shift; exec "$@"'


class Watchdog(Free):
    """Ends the largest process, functions' first, when all have more than `memory_mb`; see `Cage`.

    It looks ten times a second: what takes its memory faster can have more for a moment.
    """

    kind = "a watchdog"

    def __init__(self, memory_mb: float, cpus: float) -> None:
        super().__init__()
        self._memory_mb = memory_mb
        self.enforces = f"{memory_mb:g} MB, by looking ten times a second"
        self.not_enforced = (f"the share of {cpus:g} CPU",)
        self._peak_mb = 0.0
        self._oom_kills = 0
        self._end = threading.Event()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        super().__exit__()

    def start(self, command: Sequence[str], **options: Any) -> "subprocess.Popen[Any]":
        limit = str(round(self._memory_mb * BACKSTOP * MB / processes.KB))
        return super().start(["/bin/sh", "-c", LIMIT, "sh", limit, *command], **options)

    def read(self) -> Reading:
        reading = super().read()
        peak_mb = max(reading.memory_mb, self._peak_mb)
        return replace(reading, peak_mb=peak_mb, oom_kills=self._oom_kills)

    def _watch(self) -> None:
        while not self._end.wait(LOOK_S):
            inside = self._inside()
            # What is shared is counted more than once, but at little cost.
            tells_mb = min(self._peak_mb, self._memory_mb)  # More is a new peak, or too much.
            if sum(each.resident_mb for each in inside) <= tells_mb:
                continue
            memory_mb = together_mb(inside)
            self._peak_mb = max(self._peak_mb, memory_mb)
            if memory_mb > self._memory_mb:
                self._end_one(inside)

    def _end_one(self, inside: Sequence[Process]) -> None:
        """As the kernel would: of those that are the first to go, the largest."""
        leaders = {each.pid for each in inside if each.pid == each.session}
        chosen = max(
            inside,
            key=lambda each: (_first_to_go(each.pid), each.pid not in leaders, each.resident_mb),
        )
        with suppress(ProcessLookupError):
            os.kill(chosen.pid, signal.SIGKILL)
            self._oom_kills += 1


def _first_to_go(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/oom_score_adj").read_text())
    except OSError:
        return 0
