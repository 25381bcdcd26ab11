"""The log of a running emulator, in a file: bounded, and read by others as it grows."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Self

MOST = 8 * 2**20
"""Bytes after which the file is put aside, in the place of the one put aside before."""
LOOK_S = 0.1
_PASSING = "state"
"""Events that only say how things are now: these are not kept."""

Line = dict[str, Any]


class Journal:
    """Writes lines to the file `path`, which only this user can read.

    A context manager: at its end the file is gone. On a disk that is full, lines are lost.
    """

    def __init__(self, path: Path, most: int = MOST) -> None:
        self._path, self._most = path, most

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
        self._path.unlink(missing_ok=True)
        aside(self._path).unlink(missing_ok=True)

    def __call__(self, line: Line) -> None:
        """Add a line. It may be called in any thread, and by a signal's handler."""
        if line["event"] == _PASSING:
            return
        text = json.dumps(line, default=str, ensure_ascii=False) + "\n"
        with suppress(OSError):
            if os.fstat(self._descriptor).st_size > self._most:
                self._turn()
            os.write(self._descriptor, text.encode())

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(self._path, flags, 0o600)

    def _turn(self) -> None:
        before = self._descriptor
        self._path.replace(aside(self._path))
        self._open()
        os.close(before)


def aside(path: Path) -> Path:
    """Where the earlier lines of the journal `path` are put."""
    return path.with_name(f"{path.name}.old")


def lines(path: Path, goes_on: Callable[[], bool] = lambda: False) -> Iterator[Line]:
    """The lines of the journal `path`, the oldest first, and those to come while it `goes_on`."""
    with suppress(FileNotFoundError), aside(path).open("rb") as file:
        yield from _whole(file)
    while path.exists():
        with path.open("rb") as file:
            ends = False
            while not ends and _is_at(file, path):
                ends = not goes_on()
                yield from _whole(file)
                if not ends:
                    time.sleep(LOOK_S)
            yield from _whole(file)
        if ends:
            return


def _is_at(file: IO[bytes], path: Path) -> bool:
    """Is it still this file that is there?"""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _whole(file: IO[bytes]) -> Iterator[Line]:
    """The lines that were written to their ends."""
    while (line := file.readline()).endswith(b"\n"):
        yield json.loads(line)
    file.seek(-len(line), os.SEEK_CUR)
