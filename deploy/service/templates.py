"""The templates, seen from the service: a tree of processes, and what is forked from each.

The base has imported what all functions require. A function that requires more has a template that
was forked from the one nearest to it, so that what they share is in memory once. What one of them
does is in `deploy.service.template`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any, Protocol

MESSAGE = 65_536
REAP_S = 0.02
"""How often a base that is ending is asked whether it has."""

Packages = frozenset[str]


class Forked(Protocol):
    """What is forked from a template, and told of itself."""

    def forked(self, pid: int) -> None:
        """It runs."""

    def ended(self, code: int, peak_mb: float) -> None:
        """It has ended; `code` as in `subprocess`."""

    def orphaned(self) -> None:
        """The template has died, and nobody will tell of its end."""


class Templates:
    """The tree for functions that require `requires`, in the environment `environ`."""

    def __init__(self, requires: Mapping[str, Iterable[str]], environ: Mapping[str, str]) -> None:
        self._requires = {name: Packages(its) for name, its in requires.items()}
        self._all = Packages().union(*self._requires.values())
        self._base = self._all.intersection(*self._requires.values())
        self._environ = dict(environ)
        self._living: dict[Packages, Template] = {}
        self._ending: set[int] = set()

    def of(self, name: str) -> Template:
        """The one that the function `name` is forked from; it is started if it isn't there.

        Raises OSError.
        """
        return self._get(self._requires[name])

    def kill(self, name: str) -> None:
        """End the one that `name` is forked from at once, as it doesn't do what it is told."""
        template = self._living.get(self._requires[name])
        while template is not None and not template.pid:
            template = template.parent
        if template is not None:
            with suppress(ProcessLookupError):
                os.kill(template.pid, signal.SIGKILL)

    def stop_idle(self) -> None:
        """End those that no living process of a function was forked from."""
        for each in self._idle():
            self._end(each)

    @property
    def idle_mb(self) -> float:
        """What those have resident that `stop_idle` would end."""
        return sum(each.own_mb for each in self._idle())

    def pids(self) -> dict[str, int]:
        """Those that run, as "template:…"."""
        return {each.label: each.pid for each in self._living.values() if each.pid}

    async def close(self, patience_s: float) -> None:
        """End them all; kill those that take longer than that."""
        for each in list(self._living.values()):
            self._end(each)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience_s
        while self._ending:
            if loop.time() > deadline:
                for pid in self._ending:
                    os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(REAP_S)

    def _get(self, requires: Packages) -> Template:
        if requires in self._living:
            return self._living[requires]
        without = sorted(self._all - requires)
        if requires == self._base:
            template = Template(requires, "template:base", None, self._lost)
            template.start(self._environ, without)
        else:
            sets = {self._base, *self._requires.values()}
            parent = self._get(max((each for each in sets if each < requires), key=_size))
            packages = sorted(requires - parent.requires)
            template = Template(requires, f"template:{'+'.join(packages)}", parent, self._lost)
            template.branch(packages, without)
        self._living[requires] = template
        return template

    def _idle(self) -> list[Template]:
        """Leaves first."""
        return sorted(
            (each for each in self._living.values() if each.idle),
            key=lambda each: -len(each.requires),
        )

    def _end(self, template: Template) -> list[Forked]:
        """Returns what it had forked, and is left alone."""
        del self._living[template.requires]
        if template.parent is None and template.pid:
            if not self._ending:
                asyncio.get_running_loop().call_later(REAP_S, self._reap)
            self._ending.add(template.pid)
        return template.close()

    def _lost(self, template: Template) -> None:
        for each in self._end(template):
            each.orphaned()

    def _reap(self) -> None:
        for pid in list(self._ending):
            if os.waitpid(pid, os.WNOHANG)[0]:
                self._ending.remove(pid)
        if self._ending:
            asyncio.get_running_loop().call_later(REAP_S, self._reap)


class Template:
    """One of them. But for the base it was forked itself, from its `parent`.

    lost : called when it has ended unasked.
    """

    def __init__(
        self,
        requires: Packages,
        label: str,
        parent: Template | None,
        lost: Callable[[Template], None],
    ) -> None:
        self.requires, self.label, self.parent = requires, label, parent
        self.pid = 0
        self._resident_mb = 0.0
        self._settled = asyncio.Event()
        self._lost = lost
        self._forks: dict[int, Forked] = {}
        self._ids = count()
        self._loop = asyncio.get_running_loop()

    @property
    def idle(self) -> bool:
        """Whether nothing that was forked from it lives, but for templates that are idle."""
        return all(isinstance(each, Template) and each.idle for each in self._forks.values())

    @property
    def own_mb(self) -> float:
        """What it has resident beyond what it had from its parent."""
        return max(0.0, self._resident_mb - (self.parent._resident_mb if self.parent else 0.0))

    def start(self, environ: Mapping[str, str], without: Iterable[str]) -> None:
        """Start it, as the base. Raises OSError."""
        command = [sys.executable, "-P", "-m", "deploy.service.template"]
        with self._connected() as its:
            self.pid = os.posix_spawn(
                sys.executable,
                [*command, *sorted(self.requires), "--without", *without],
                environ,
                # What is printed must not be among the lines on our standard output.
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, its.fileno(), 0),
                    (os.POSIX_SPAWN_DUP2, 2, 1),
                ],
                setpgroup=0,  # A terminal's Ctrl-C is for us, and we end it.
            )

    def branch(self, packages: Iterable[str], without: Iterable[str]) -> None:
        """Fork it from its parent, to import `packages` too. Raises OSError."""
        assert self.parent is not None
        with self._connected() as its:
            told = {"packages": list(packages), "without": list(without)}
            self.parent.fork(self, [its.fileno()], **told)

    def fork(self, what: Forked, descriptors: Iterable[int], **told: Any) -> None:
        """Fork, with these descriptors as 0, 1, …, and become what is told. Raises OSError."""
        fork = next(self._ids)
        message = json.dumps({"id": fork, **told}).encode()
        socket.send_fds(self._control, [message], list(descriptors))
        self._forks[fork] = what

    async def settled(self) -> None:
        """Return once it has imported its packages, or was ended."""
        await self._settled.wait()

    def close(self) -> list[Forked]:
        """End it, and all that it forked. Returns what of that has not ended yet."""
        self._settled.set()
        self._loop.remove_reader(self._control)
        self._control.close()
        forks = list(self._forks.values())
        self._forks.clear()
        return forks

    def forked(self, pid: int) -> None:
        self.pid = pid

    def ended(self, code: int, peak_mb: float) -> None:
        """Its own socket says so too."""

    def orphaned(self) -> None:
        self._lost(self)

    @contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        """The other end of its control socket, to be handed on."""
        self._control, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.setblocking(False)
        with its:
            try:
                yield its
            except OSError:
                self._control.close()
                raise
        self._loop.add_reader(self._control, self._hear)

    def _hear(self) -> None:
        try:
            message = self._control.recv(MESSAGE)
        except ConnectionResetError:
            message = b""
        if not message:
            self._lost(self)
            return
        told = json.loads(message)
        if "resident_mb" in told:
            self._resident_mb = told["resident_mb"]
            self._settled.set()
        elif "pid" in told:
            self._forks[told["id"]].forked(told["pid"])
        else:
            self._forks.pop(told["id"]).ended(told["code"], told["peak_mb"])


def _size(requires: Packages) -> tuple[int, list[str]]:
    return len(requires), sorted(requires)
