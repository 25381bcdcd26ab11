"""The service in a cage, from its start until nothing of it is left."""

import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from deploy.plans import Plan
from deploy.service.folder import OwnFolder
from emulator import cages, child, faults, invoke, processes, signals
from emulator.cages import Cage
from emulator.mirror import Mirror
from emulator.process import Line, NotStarted, Process, now

__all__ = ["NotStarted", "Running"]

HOST = "127.0.0.1"
DRAIN_S = 25.0
"""How long requests may take to end, unless DRAIN_SECONDS is set."""
END_S = 10.0
"""How much longer than that the service may take to end, before it is killed."""
SERVICE_FOLDER = 30
"""Letters of the folder that the service makes in ours, and more of long functions' names."""
BROKEN_OFF_S = 3.0
"""How long it may take where whoever runs it has failed."""


class Running:
    """The service of the functions `names` (none named: all), in the cage of a `plan`.

    port : where it listens; 0 takes any that is free
    record : the folder where each request is kept with its answer
    settings : the service's settings, before those in this process's environment
    heard : called with each line of `events`, in the order they come

    mirror : what it runs: a copy of the functions as they were when it was entered

    A context manager; entering returns once it listens, or raises `NotStarted`. At its end, which
    may come more than once, none of its processes, cages, sockets and files are left.
    """

    cage: Cage

    def __init__(
        self,
        names: Sequence[str],
        plan: Plan | None,
        *,
        port: int = 0,
        record: Path | None = None,
        settings: Mapping[str, str] = {},
        heard: Callable[[Line], None] = lambda line: None,
    ) -> None:
        self.plan, self.port = plan, port
        self._environ = _environ(names, plan, settings)
        self._command = [sys.executable, "-P", "-m", "emulator.served"]
        self._command += [] if plan else ["--no-plan"]
        self._command += ["--record", str(record.absolute())] if record else []
        self._heard = heard
        self._lines: queue.SimpleQueue[Line] = queue.SimpleQueue()
        self._service: Process | None = None
        self._stack = ExitStack()
        self._stopping = self._restarting = self._killing = False
        self._one_restart = threading.Lock()
        self._one_line = threading.RLock()  # A signal's handler may tell one in the midst of it.

    def __enter__(self) -> Self:
        try:
            with signals.deferred():
                temporary = OwnFolder("halfgig-", invoke.short_folder(SERVICE_FOLDER))
                self._folder = Path(self._stack.enter_context(temporary))
                self.mirror = Mirror(self._folder / "code")
                cage = self.cage = self._stack.enter_context(cages.choose(self.plan))
                self.note(
                    "cage",
                    plan=self.plan.name if self.plan else None,
                    kind=cage.kind,
                    enforces=cage.enforces,
                    not_enforced=cage.not_enforced,
                )
                service = self._launch()
            service.wait_until_it_listens()
            self.port = service.port
        except BaseException:
            self._leave(BROKEN_OFF_S)
            raise
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._leave(self._drain_s + END_S if kind is None else BROKEN_OFF_S)

    @property
    def url(self) -> str:
        """Its address."""
        host = self._environ["HOST"]
        host = {"0.0.0.0": HOST, "::": "::1"}.get(host, host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def pid(self) -> int:
        """The router's process; 0 while there is none."""
        return self._service.pid if self._service else 0

    def events(self) -> Iterator[Line]:
        """The lines of its log as they come, and those of `note`.

        What it wrote to standard error comes as {"event": "stderr", "text": …}. The last one is
        {"event": "exit", "code": …, "wanted": …}; a restart is not the end.
        """
        while True:
            line = self._lines.get()
            yield line
            if line["event"] == "exit":
                return

    def note(self, event: str, **fields: Any) -> None:
        """Have a line of `events` that the service did not write."""
        self._tell({"time": now(), "event": event, **fields})

    def tell(self, **message: Any) -> None:
        """Write a line to the service's control channel."""
        if self._service:
            self._service.tell(message)

    def stop(self) -> None:
        """Have it end what runs, and then itself; called again, have it end at once.

        Returns before it has. It may be called by a signal's handler.
        """
        self._killing = self._stopping
        self._stopping = True
        service = self._service
        if service and not service.gone.is_set():
            service.end(at_once=self._killing)
        elif not self._restarting:
            self._exit()

    def restart(self) -> None:
        """Let what runs end, and start again at the same port; returns once it listens.

        Raises `NotStarted`. It can then be restarted again.
        """
        with self._one_restart:
            self._restarting = True
            self.note("restarting")
            try:
                self._end(self._drain_s + END_S)
                if not self._stopping:
                    self._launch().wait_until_it_listens()
            finally:
                self._restarting = False
                if self._stopping and (not self._service or self._service.gone.is_set()):
                    self._exit()

    def parts(self) -> dict[str, float]:
        """The MB that each part has now: "router", "template", and functions by their names."""
        inside = set(self.cage.pids())
        names = self._service.names if self._service else {}
        parts: dict[str, float] = {}
        for process in processes.every():
            if process.pid in inside and not process.zombie:
                name = "router" if process.pid == self.pid else names.get(process.pid, "template")
                parts[name] = parts.get(name, 0.0) + processes.own_mb(process)
        return parts

    @property
    def _drain_s(self) -> float:
        try:
            return float(self._environ.get("DRAIN_SECONDS") or DRAIN_S)
        except ValueError:  # The service will say so.
            return DRAIN_S

    def _launch(self) -> Process:
        environ = {**self._environ, "PORT": str(self.port), "TMPDIR": str(self._folder)}
        paths = [str(self.mirror.folder), environ.get("PYTHONPATH", "")]
        environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        service = Process(self.cage, self._command, environ, self._tell, self._ended)
        self._service = service
        if self._stopping:  # Since before it was there.
            service.end(at_once=self._killing)
        return service

    def _ended(self) -> None:
        if not self._restarting:
            self._exit()

    def _end(self, patience_s: float) -> None:
        if self._service:
            self._service.end()
            if not self._service.gone.wait(patience_s):
                self._service.end(at_once=True)
                self._service.gone.wait()

    def _leave(self, patience_s: float) -> None:
        with signals.deferred(self.stop):
            self._stopping = True
            self._end(patience_s)
            self._stack.close()

    def _tell(self, line: Line) -> None:
        true = self.mirror.true
        line = {key: true(its) if isinstance(its, str) else its for key, its in line.items()}
        with self._one_line:
            self._heard(line)
            self._lines.put(line)

    def _exit(self) -> None:
        code = self._service.code if self._service else 0
        self.note("exit", code=code, wanted=self._stopping)


def _environ(
    names: Sequence[str], plan: Plan | None, settings: Mapping[str, str]
) -> dict[str, str]:
    """The service's environment."""
    environ = {"HOST": HOST, **child.environment(), **settings}
    if plan:
        environ["PLAN"] = plan.name
    if names:
        others = faults.manifests()[0].keys() - set(names)
        environ |= {f"DISABLE_{name.upper()}": "1" for name in others}
    return environ
