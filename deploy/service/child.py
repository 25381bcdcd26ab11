"""One function's process, seen from the service: what it says, and how it ended."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from deploy.service import memory
from deploy.service.templates import Template

CHUNK = 65_536
WORDS = 2_048
"""Bytes that are kept of what it last wrote to standard error."""
COLLECT_S = 1.0


class Child:
    """A host of the function `name`, forked from a template. It is a `Forked`.

    said : called with each event that it writes; see `deploy.service.host`.
    gone : called when it has ended, all that it wrote has been read, and its `code` is known; that
        is as in `subprocess`, or None where the template has died as well.

    What it writes to standard error goes to this process's.
    """

    def __init__(
        self,
        name: str,
        said: Callable[[Child, dict[str, Any]], None],
        gone: Callable[[Child], None],
    ) -> None:
        self.name = name
        self.pid = 0
        self.code: int | None = None
        self.peak_mb = 0.0
        self._said, self._gone = said, gone
        self._line, self._words = b"", b""
        self._signal: int | None = None
        self._silent = self._orphaned = False
        self._loop = asyncio.get_running_loop()
        self._stdin = self._stdout = self._stderr = -1

    def fork(self, template: Template, **told: Any) -> None:
        """Start it. Raises OSError."""
        descriptors: list[int] = []
        try:
            for _ in range(3):
                descriptors += os.pipe()
            its_in, self._stdin, self._stdout, its_out, self._stderr, its_err = descriptors
            template.fork(self, [its_in, its_out, its_err], **told)
        except OSError:
            for descriptor in descriptors:
                os.close(descriptor)
            raise
        for descriptor in (its_in, its_out, its_err):
            os.close(descriptor)
        for descriptor in (self._stdin, self._stdout, self._stderr):
            os.set_blocking(descriptor, False)
        for descriptor, take in self._reading():
            self._loop.add_reader(descriptor, self._readable, descriptor, take)

    @property
    def words(self) -> str:
        """The last line that it wrote to standard error, or ""."""
        lines = self._words.decode("utf-8", "replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def tell(self, line: str) -> None:
        """Write a line to its standard input."""
        with suppress(OSError):  # It has ended, or its pipe is full as it has long been stuck.
            os.write(self._stdin, f"{line}\n".encode())

    def signal(self, number: int) -> None:
        """Send a signal to it, and to what it may have started."""
        self._signal = number
        if self.pid:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def forked(self, pid: int) -> None:
        self.pid = pid
        if self._signal is not None:
            self.signal(self._signal)

    def ended(self, code: int, peak_mb: float) -> None:
        self.code, self.peak_mb = code, peak_mb
        self._end()

    def orphaned(self) -> None:
        self._orphaned = True
        self.peak_mb = memory.resident_mb(self.pid)
        self.signal(signal.SIGKILL)
        if self._silent or not self.pid:
            self._end()

    def _readable(self, descriptor: int, take: Callable[[bytes], None]) -> None:
        data = _read(descriptor)
        if data:
            take(data)
        elif data is not None:
            self._loop.remove_reader(descriptor)
            if descriptor == self._stdout:
                self._silent = True
                if self._orphaned:
                    self._end()

    def _take_events(self, data: bytes) -> None:
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            self._said(self, json.loads(line))

    def _take_words(self, data: bytes) -> None:
        self._words = (self._words + data)[-WORDS:]
        with suppress(OSError):
            while data:
                data = data[os.write(2, data) :]

    def _end(self) -> None:
        for descriptor, take in self._reading():
            self._loop.remove_reader(descriptor)
            while data := _read(descriptor):
                take(data)
            os.close(descriptor)
        os.close(self._stdin)
        if self._orphaned and self.pid:
            self._loop.call_later(COLLECT_S, _collect, self.pid)
        self._gone(self)

    def _reading(self) -> Iterable[tuple[int, Callable[[bytes], None]]]:
        return (self._stdout, self._take_events), (self._stderr, self._take_words)


def _read(descriptor: int) -> bytes | None:
    """What is there to be read now: None for nothing, and b"" at the end."""
    try:
        return os.read(descriptor, CHUNK)
    except BlockingIOError:
        return None


def _collect(pid: int) -> None:
    """End the zombie of an orphan, where it has become this process's: the first of a container."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
