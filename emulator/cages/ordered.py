"""A cage that another program makes, one for each command that is started; see `Cage`."""

import math
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Self

from emulator.cages.cage import CageUnavailable, Reading, share
from emulator.cages.made import Made, Tally, around

PATIENCE_S = 20.0
"""How long that program may take to make one."""
KILL_S = 5.0
TRIAL = "import sys; print('in', flush=True); sys.stdin.read()"


class Ordered:
    """What `systemd-run` and `docker` have in common. Entering tries one, and looks what it holds.

    Each command that is started has the memory and the CPU for itself.
    """

    kind: str

    def __init__(self, memory_mb: float, cpus: float) -> None:
        self._memory_mb, self._cpus = memory_mb, cpus
        self._started: dict[str, subprocess.Popen[Any]] = {}
        self._made: dict[str, Made] = {}
        self._tally = Tally()
        self.enforces = f"{share(memory_mb, cpus)}, enforced by the kernel"
        self.not_enforced: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        try:
            self._prepare()
            self._try()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self, command: Sequence[str], **options: Any) -> "subprocess.Popen[Any]":
        name = f"halfgig-{os.getpid()}-{os.urandom(3).hex()}"
        process = subprocess.Popen([*self._order(name, options), *command], **options)
        self._started[name] = process
        return process

    def pids(self) -> list[int]:
        return [pid for made in self._look() for pid in made.pids()]

    def kill(self) -> None:
        deadline = time.monotonic() + KILL_S
        while self._started and time.monotonic() < deadline:
            for made in self._look():
                made.kill()
            for name, process in list(self._started.items()):
                if process.poll() is not None and not self._is_there(name):
                    del self._started[name]
            time.sleep(0.01)

    def read(self) -> Reading:
        return self._tally.read(self._look())

    def _prepare(self) -> None:
        """Raises `CageUnavailable` where it is clear that none can be made."""
        if shutil.which(self.kind) is None:
            raise CageUnavailable(f"There is no command '{self.kind}'.")

    def _order(self, name: str, options: Mapping[str, Any]) -> list[str]:
        """The words before a command by which it runs in a cage called `name`."""
        raise NotImplementedError

    def _find(self, name: str, process: "subprocess.Popen[Any]") -> tuple[int, str]:
        """A process in that cage, 0 where none is known yet, and what its groups are called."""
        return process.pid, name

    def _is_there(self, name: str) -> bool:
        """Is there still something in that cage?"""
        return name in self._made and bool(self._made[name].pids())

    def _look(self) -> list[Made]:
        """The control groups of those that are there."""
        for name, process in self._started.items():
            if name not in self._made and process.returncode is None:
                pid, called = self._find(name, process)
                made = around(pid) if pid else None
                # Else it is not in there yet, and these are whose we must not touch.
                if made and called in made.memory.name:
                    self._made[name] = made
        return [self._made[name] for name in self._started if name in self._made]

    def _try(self) -> None:
        trial = self.start(
            [sys.executable, "-S", "-c", TRIAL],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with trial:
            assert trial.stdin is not None
            assert trial.stdout is not None
            assert trial.stderr is not None
            try:
                ready, _, _ = select.select([trial.stdout], [], [], PATIENCE_S)
                if not ready or trial.stdout.readline() != "in\n":
                    trial.kill()
                    raise CageUnavailable(self._failed(trial.stderr.read(), in_time=bool(ready)))
                made = self._look()
                self._check(made[0] if made else None)
            finally:
                with suppress(OSError):
                    trial.stdin.close()
                self.kill()

    def _failed(self, words: str, in_time: bool) -> str:
        last = next((line.strip() for line in reversed(words.splitlines()) if line.strip()), "")
        if not in_time:
            last = f"It had started nothing within {PATIENCE_S:g} s. {last}".strip()
        return f"{self.kind}: {last or 'It ended, and said nothing.'}"

    def _check(self, made: Made | None) -> None:
        if made is None or not math.isclose(made.memory_mb, self._memory_mb, abs_tol=0.1):
            raise CageUnavailable(f"{self.kind} does not hold to a memory limit here.")
        if not math.isclose(made.cpus, self._cpus, rel_tol=0.05):
            self.enforces = f"{self._memory_mb:g} MB, enforced by the kernel"
            self.not_enforced = (f"the share of {self._cpus:g} CPU",)
