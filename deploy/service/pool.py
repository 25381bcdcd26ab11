"""The functions' processes, none or one each: started, watched and ended, and told of by events.

Nothing is decided here, and nothing waits: what becomes of a process is told later.
"""

import asyncio
import os
import signal
import site
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

from deploy.service import host, memory
from deploy.service.child import Child
from deploy.service.state import Broken, Ended, Exited, Started
from deploy.service.templates import Templates
from functions.kit import keys
from functions.kit.manifest import Manifest

PATIENCE_S = 2.0
"""How long a process that was asked to stop, or to cancel, may take before it is killed."""
WATCH_S = 0.1
"""How often the memory of a process that has a ceiling is looked at."""
DETAIL = 300
"""Characters of a process's last words that are told."""


@dataclass(frozen=True)
class Reported:
    """The REPORT of one invocation; see `deploy.service.report`.

    ending : the process has been told to end meanwhile, and takes no other.
    """

    function: str
    report: dict[str, Any]
    ending: bool = False


Told: TypeAlias = Started | Reported | Exited


@dataclass
class _Process:
    """A child, and what is known and was decided about it. `told` is why it is to end."""

    child: Child
    began: float
    ready: bool = False
    reported: int = 0
    ceiling_mb: float | None = None
    told: tuple[Ended | Broken, str] | None = None


class Pool:
    """Starts, watches and ends the processes of `functions`; `emit` is called with each event.

    folder : where their sockets go, their temporary files, and the bodies that requests name.
    watch : end a process that passes its `limit`; else only the kernel ends it.

    A context manager, of the event loop that calls everything here. At its end every process has
    ended and no socket is left.
    """

    def __init__(
        self,
        functions: Mapping[str, Manifest],
        folder: Path,
        emit: Callable[[Told], None],
        *,
        watch: bool = True,
    ) -> None:
        self._functions, self._folder, self._emit, self._watch = functions, folder, emit, watch
        self._sockets = {name: folder / f"{name}.socket" for name in functions}
        for name in functions:
            if len(os.fsencode(self.socket(name))) > host.SOCKET_LENGTH:
                raise ValueError(
                    f"'{self.socket(name)}' is too long for the path of a Unix socket. Set TMPDIR "
                    "to a folder with a shorter one."
                )
        self._templates = Templates(
            {name: its.requires for name, its in functions.items()}, self._environ()
        )
        self._processes: dict[str, _Process] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._oom_kills = memory.oom_kills()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._empty = asyncio.Event()
        self._empty.set()
        return self

    async def __aexit__(self, *_: object) -> None:
        for name in self._functions:
            self.stop(name)
        await self._empty.wait()
        await self._templates.close(PATIENCE_S)
        if self._timer:
            self._timer.cancel()

    def start(self, name: str) -> None:
        """Start `name`, which has no process. `Started` or `Exited` comes later."""
        if name in self._processes:
            raise RuntimeError(f"'{name}' has a process already.")
        self.socket(name).unlink(missing_ok=True)
        child = Child(name, self._said, self._gone)
        its = self._processes[name] = _Process(child, time.monotonic())
        self._empty.clear()
        try:
            child.fork(
                self._templates.of(name),
                folder=str(self._functions[name].folder),
                socket=str(self.socket(name)),
                bodies=str(self._folder),
            )
        except OSError as error:
            its.told = ("died", f"'{name}' could not be started: {error.strerror}.")
            self._loop.call_soon(self._gone, child)

    def replace(self, function: Manifest) -> None:
        """Whatever is started from now on is as `function` says, which requires what it did."""
        self._functions = {**self._functions, function.name: function}

    def stop(self, name: str, why: Ended = "stopped", detail: str = "") -> None:
        """End the process of `name`, gently at first. Nothing, where there is none."""
        if its := self._processes.get(name):
            self._end(its, why, detail or f"'{name}' was stopped.", signal.SIGTERM)
            self._loop.call_later(PATIENCE_S, self._insist, its)

    def kill(self, name: str, why: Literal["timeout", "memory", "cancelled"]) -> None:
        """End the process of `name` at once. Nothing, where there is none."""
        its = self._processes.get(name)
        if its is None:
            return
        late = f"answered after {self._functions[name].timeout_s:g} s, the timeout in function.toml"
        if not its.ready:
            late = f"started within {time.monotonic() - its.began:.0f} s"
        details = {
            "timeout": f"'{name}' had not {late}, and was ended.",
            "memory": f"'{name}' needed more memory than there is for it, and was ended.",
            "cancelled": f"'{name}' did not stop when whoever asked had left, and was ended.",
        }
        self._end(its, why, details[why], signal.SIGKILL)

    def cancel(self, name: str) -> None:
        """Stop the invocation that `name` was last sent; where that takes long, the process.

        To be called while its REPORT has not come.
        """
        if not (its := self._processes.get(name)):
            return
        reported = its.reported
        its.child.tell(f"cancel {reported}")

        def insist() -> None:
            if self._processes.get(name) is its and its.reported == reported:
                self.kill(name, "cancelled")

        self._loop.call_later(PATIENCE_S, insist)

    def socket(self, name: str) -> Path:
        """Where the process of `name` listens."""
        return self._sockets[name]

    def resident_mb(self, name: str) -> float:
        """What is resident of the process of `name` now; 0 where there is none."""
        its = self._processes.get(name)
        return memory.resident_mb(its.child.pid) if its else 0.0

    def limit(self, name: str, ceiling_mb: float | None) -> None:
        """Watch that the process of `name` has no more resident than `ceiling_mb`; None: don't."""
        if its := self._processes.get(name):
            its.ceiling_mb = ceiling_mb
            if self._watch and self._timer is None:
                self._timer = self._loop.call_later(WATCH_S, self._look)

    async def warm_template(self, name: str) -> None:
        """Have the template that `name` needs, and return once it is ready. Raises OSError."""
        await self._templates.of(name).settled()

    def stop_templates(self) -> None:
        """End the templates that no living process was forked from."""
        self._templates.stop_idle()

    @property
    def templates_mb(self) -> float:
        """What those templates have resident that `stop_templates` would end."""
        return self._templates.idle_mb

    def pids(self) -> dict[str, int]:
        """The processes: those of functions by their names, and templates as "template:…"."""
        pids = {name: its.child.pid for name, its in self._processes.items() if its.child.pid}
        return pids | self._templates.pids()

    def _environ(self) -> dict[str, str]:
        """The processes' environment."""
        environ = {**os.environ, **host.ONE_THREAD, "TMPDIR": str(self._folder)}
        environ.pop(keys.SETTING, None)  # Nobody but us can speak to their sockets.
        roots = {str(its.folder.parent.parent) for its in self._functions.values()}
        if roots - set(site.getsitepackages()):  # A tree, maybe not an installed one.
            paths = [*sorted(roots), environ.get("PYTHONPATH", "")]
            environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        return environ

    def _end(self, its: _Process, why: Ended | Broken, detail: str, number: int) -> None:
        its.told = its.told or (why, detail)
        its.child.signal(number)
        if number == signal.SIGKILL and not its.child.pid:  # Its template has not come to fork it.
            self._templates.kill(its.child.name)

    def _insist(self, its: _Process) -> None:
        if self._processes.get(its.child.name) is its:
            self._end(its, "stopped", "", signal.SIGKILL)

    def _look(self) -> None:
        """End what has passed its ceiling; look again, while anything has one."""
        limited = [its for its in self._processes.values() if its.ceiling_mb is not None]
        for its in limited:
            resident = memory.resident_mb(its.child.pid)
            if its.ceiling_mb is not None and resident > its.ceiling_mb:
                its.child.peak_mb = resident
                detail = (
                    f"'{its.child.name}' had {resident:.0f} MB resident, over its ceiling of "
                    f"{its.ceiling_mb:.0f} MB, and was ended. Send a shorter file."
                )
                self._end(its, "memory", detail, signal.SIGKILL)
        self._timer = self._loop.call_later(WATCH_S, self._look) if limited else None

    def _said(self, child: Child, event: dict[str, Any]) -> None:
        its = self._processes[child.name]
        if "ready" in event:
            its.ready = True
            self._emit(Started(child.name, time.monotonic() - its.began))
        else:
            its.reported += 1
            self._emit(Reported(child.name, event, ending=its.told is not None))

    def _gone(self, child: Child) -> None:
        its = self._processes.pop(child.name)
        self.socket(child.name).unlink(missing_ok=True)
        why, detail = its.told or self._found(child, its.ready)
        self._emit(Exited(child.name, its.ready, why, detail, child.peak_mb))
        if not self._processes:
            self._empty.set()

    def _found(self, child: Child, ready: bool) -> tuple[Broken, str]:
        """Why a process has ended that wasn't told to."""
        name, code = child.name, child.code
        if code is None:
            return "died", f"'{name}' was ended, as the process that it was forked from had died."
        if code == -signal.SIGKILL and memory.oom_kills() > self._oom_kills:
            self._oom_kills += 1
            return "memory", (
                f"The system ended '{name}' for want of memory, with {child.peak_mb:.0f} MB "
                "resident. Send a shorter file."
            )
        how = f"ended with exit code {code}" if code >= 0 else f"was ended by {_signal_name(-code)}"
        when = "before it had answered" if ready else "before it was ready"
        words = f": {self._short(child.words)}" if child.words and not ready else "."
        return "died", f"The process of '{name}' {how} {when}{words}"

    def _short(self, words: str) -> str:
        """A process's last words, without the folders of this machine."""
        roots = (str(its.folder.parent.parent) for its in self._functions.values())
        for folder in (*roots, *site.getsitepackages(), sys.prefix):
            words = words.replace(f"{folder}{os.sep}", "")
        return words[:DETAIL]


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # A real-time one.
        return f"signal {number}"
