"""A host process of one function: started, waited for, and ended, with what it used."""

import json
import os
import selectors
import signal
import site
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.service import memory
from functions.kit import keys
from functions.kit.steps import Progress

ROOT = Path(__file__).parent.parent

Start = Callable[..., "subprocess.Popen[Any]"]


def environment() -> dict[str, str]:
    """Ours, for a Python that is to find these packages where we found them."""
    environ = dict(os.environ)
    if str(ROOT) not in site.getsitepackages():  # A tree, maybe not an installed one.
        paths = [str(ROOT), environ.get("PYTHONPATH", "")]
        environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return environ


@dataclass(frozen=True)
class End:
    """How a process ended: its exit code (minus the signal's number), and what all of it took."""

    code: int
    cpu_s: float
    mem_peak_mb: float


class Child:
    """`python -m deploy.service.host NAME`, in `folder`, which also has its temporary files.

    start : what starts it, as `subprocess.Popen` does
    """

    def __init__(self, name: str, folder: Path, start: Start = subprocess.Popen) -> None:
        self.socket = folder / "socket"
        environ = {**environment(), "TMPDIR": str(folder)}
        environ.pop(keys.SETTING, None)  # Nobody but us can speak to its socket.
        self._process = start(
            [
                *(sys.executable, "-P", "-m", "deploy.service.host", name),
                *("--socket", str(self.socket), "--until-eof"),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environ,
            process_group=0,  # A terminal's Ctrl-C is for us, and we end it.
        )

    def wait_until_ready(self, progress: Callable[[Progress], None]) -> None:
        """Return once it listens. Raises EOFError where it ended instead."""
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while not selector.select(timeout=0.2):
                progress(Progress("starting", None))
        self._event()

    @property
    def resident_mb(self) -> float:
        """What it holds of memory now; 0 where the system does not say."""
        return memory.resident_mb(self._process.pid)

    def report(self, request_id: str) -> dict[str, Any]:
        """The REPORT of the invocation `request_id`. Raises EOFError where it ended first."""
        while True:
            event = self._event()
            if event.get("request_id") in (request_id, None):
                return event

    def kill(self) -> None:
        """End it at once."""
        if self._process.returncode is None:
            os.kill(self._process.pid, signal.SIGKILL)  # Popen's own would collect its exit code.

    def end(self, patience_s: float) -> End:
        """Let it end within `patience_s`, or else kill it. Returns when it has ended."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        deadline = time.monotonic() + patience_s
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() >= deadline:
                self.kill()
                _, status, usage = os.wait4(process.pid, 0)
                break
            time.sleep(0.005)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        unit = 1 if sys.platform == "darwin" else 1024
        return End(
            code=process.returncode,
            cpu_s=usage.ru_utime + usage.ru_stime,
            mem_peak_mb=usage.ru_maxrss * unit / 2**20,
        )

    def _event(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise EOFError("The host process has ended.")
        event: dict[str, Any] = json.loads(line)
        return event
