"""A real pseudo-terminal, and what would be seen on it."""

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

import pyte

PATIENCE_S = 60.0
HISTORY = 2_000


class Terminal:
    """A terminal of so many columns and rows; `slave` is the end that programs have.

    It does not break lines anew when it is resized: it cuts them, as xterm does.
    """

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        self._master, self.slave = pty.openpty()
        self._screen = pyte.HistoryScreen(columns, rows, history=HISTORY, ratio=0.5)
        self._stream = pyte.ByteStream(self._screen)
        self.written = b""
        self._tell_size(columns, rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        os.close(self.slave)
        os.close(self._master)

    def start(
        self, command: Sequence[str], environ: Mapping[str, str]
    ) -> "subprocess.Popen[bytes]":
        """A process whose terminal this is."""
        return subprocess.Popen(
            command,
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env={**environ, "TERM": "xterm-256color"},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )

    def resize(self, columns: int, rows: int) -> None:
        """Make it larger or smaller."""
        self._screen.resize(rows, columns)
        self._tell_size(columns, rows)

    def type(self, text: str) -> None:
        """Type, as a person would."""
        os.write(self._master, text.encode())

    @property
    def rows(self) -> list[str]:
        """What is seen now, less spaces at the ends of rows and empty rows at the end."""
        rows = [row.rstrip() for row in self._screen.display]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    @property
    def all(self) -> list[str]:
        """The same, with what can be scrolled back to before it."""
        past = [
            "".join(row[column].data for column in range(self._screen.columns)).rstrip()
            for row in self._screen.history.top
        ]
        return past + self.rows

    @property
    def echoes(self) -> bool:
        """Is what is typed shown?"""
        return bool(termios.tcgetattr(self.slave)[3] & termios.ECHO)

    def read(self, seconds: float = 0.0) -> None:
        """Take what is written now, or for so long."""
        deadline = time.monotonic() + seconds
        while True:
            left = max(deadline - time.monotonic(), 0.0)
            if not select.select([self._master], [], [], left)[0]:
                return
            with contextlib.suppress(OSError):
                data = os.read(self._master, 65_536)
                self.written += data
                self._stream.feed(data)

    def wait_for(self, wanted: Callable[[list[str]], object]) -> list[str]:
        """The rows once they are `wanted`."""
        deadline = time.monotonic() + PATIENCE_S
        while not wanted(self.rows):
            assert time.monotonic() < deadline, "\n".join(self.rows)
            self.read(0.05)
        return self.rows

    def _tell_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
