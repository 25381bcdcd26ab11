"""Files, one after another, through one process of a function."""

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from deploy.service import memory
from deploy.service.report import Report
from emulator import wire
from emulator.child import Child, End, Start
from functions.kit.manifest import Manifest
from functions.kit.problem import Problem
from functions.kit.steps import Progress


class Died(Problem):
    """The process ended before it answered."""

    status = 502
    reason = "died"
    title = "The function's process died"


class TimedOut(Problem):
    """The function was ended at its time limit."""

    status = 504
    reason = "timeout"
    title = "The function took too long"


@dataclass(frozen=True)
class Answer:
    """What came of one file: a result, or an error (problem+json); and what it took.

    A file that could not be read has no report: nothing was invoked.
    """

    result: Any
    error: dict[str, Any] | None
    report: Report | None


class Invoker:
    """Invokes `function`, in a process that the first `invoke` starts, and the one after a death.

    A context manager: at its end the process has ended and its `folder` is gone.

    ready : called once a process listens, before it has done anything
    start : what starts a process, as `subprocess.Popen` does
    limit_mb : the memory that it has, where that is known better than by the process itself
    """

    def __init__(
        self,
        function: Manifest,
        ready: Callable[[Child], None] = lambda _: None,
        start: Start = subprocess.Popen,
        limit_mb: float | None = None,
    ) -> None:
        self._function, self._ready = function, ready
        self._start, self._limit_mb = start, limit_mb
        self._child: Child | None = None
        self._reported_cpu_s = 0.0

    def __enter__(self) -> Self:
        self._temporary = tempfile.TemporaryDirectory(prefix="halfgig-", dir=short_folder())
        self.folder = Path(self._temporary.name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self._child is not None:
            self._child.end(patience_s=0.0 if error else 1.0)
        self._temporary.cleanup()

    def invoke(self, audio: BinaryIO, progress: Callable[[Progress], None]) -> Answer:
        """The function's answer to `audio`, a file open at its start."""
        began = time.monotonic()
        request_id = os.urandom(8).hex()
        cold = self._child is None
        child = self._child = self._child or Child(self._function.name, self.folder, self._start)
        late = threading.Event()

        def end() -> None:
            late.set()
            child.kill()

        watch = threading.Timer(self._function.timeout_s, end)
        watch.daemon = True
        watch.start()
        try:
            if cold:
                child.wait_until_ready(progress)
                self._ready(child)
            result, error = wire.post(child.socket, audio, request_id, progress)
            report = child.report(request_id)
        except (OSError, EOFError, HTTPException, ValueError):
            # Whatever broke off between us, the process is of no use now.
            watch.cancel()
            self._child = None
            how = child.end(patience_s=0.2)
            problem = self._late() if late.is_set() else self._dead(how)
            wall = time.monotonic() - began
            return self._failed(problem, how, wall, cold, request_id)
        finally:
            watch.cancel()
        self._reported_cpu_s += report["cpu_s"]
        if self._limit_mb is not None:
            report["mem_limit_mb"] = self._limit_mb
        return Answer(result, error, Report(**report))

    def _late(self) -> Problem:
        return TimedOut(
            f"'{self._function.name}' had not answered after {self._function.timeout_s:g} s, "
            "the timeout in its function.toml, and was ended."
        )

    def _dead(self, how: End) -> Problem:
        what = f"The process of '{self._function.name}'"
        if how.code == -signal.SIGKILL:
            return Died(
                f"{what} was killed (SIGKILL) with {how.mem_peak_mb:.0f} MB resident, as the "
                "system does where memory runs out. Give it a shorter file, or more memory."
            )
        if how.code < 0:
            return Died(f"{what} was ended by {signal.Signals(-how.code).name}.")
        if how.code == 0:  # It was still there, and ended when told to.
            return Died(f"{what} broke off before its answer was whole.")
        return Died(f"{what} ended with exit code {how.code} before it had answered.")

    def _failed(
        self, problem: Problem, how: End, wall_s: float, cold: bool, request_id: str
    ) -> Answer:
        """The answer where the process could not report: the kernel's count stands in."""
        cpu_s = how.cpu_s if cold else how.cpu_s - self._reported_cpu_s
        self._reported_cpu_s = 0.0
        report = Report(
            function=self._function.name,
            start="cold" if cold else "warm",
            queue_s=0.0,
            init_s=0.0,
            duration_s=wall_s,
            cpu_s=max(cpu_s, 0.0),
            mem_peak_mb=how.mem_peak_mb,
            mem_peak_exact=cold,
            mem_limit_mb=memory.limit_mb() if self._limit_mb is None else self._limit_mb,
            tier=None,
            status=problem.status,
            request_id=request_id,
        )
        return Answer(None, problem.as_dict(request_id), report)


def short_folder(more: int = 0) -> Path:
    """Where temporary folders go, unless its path is too long for a Unix socket's.

    more : letters by which the socket is deeper than in the folder itself
    """
    usual = tempfile.gettempdir()
    return Path(usual if len(usual) + more < 70 else "/tmp")
