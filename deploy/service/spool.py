"""Bodies on disk: each in one file while its request is answered, and not longer."""

import errno
import os
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from functions.kit.problem import Problem

MB = 2**20
_RETRY_S = 5  # until some of the bodies that are there have been answered


class NoRoom(Problem):
    """There is no room on the disk for a body; asked again after `retry_after_s`, there may be."""

    status, reason, title = 503, "disk", "There is no room for the body"
    retry_after_s = _RETRY_S


@dataclass(frozen=True)
class Body:
    """A body in the file at `path`, of `size` bytes."""

    path: Path
    size: int


class Spool:
    """The bodies in `folder`, which have at most `cap_mb` together."""

    def __init__(self, folder: Path, cap_mb: float) -> None:
        self._folder, self._cap_mb = folder, cap_mb
        self._count = 0
        self.used = 0
        """Bytes that are taken, or promised to bodies whose length is known."""

    @asynccontextmanager
    async def body(
        self, chunks: AsyncIterable[bytes], length: int | None, cap: int, too_large: Problem
    ) -> AsyncIterator[Body]:
        """`chunks`, in a file that is gone when this is left.

        Raises `too_large` where there are more than `cap` bytes: before the first is read if
        `length` says so. Raises `NoRoom`, and what `chunks` does.
        """
        if length is not None and length > cap:
            raise too_large
        self._count += 1
        path = self._folder / f"body-{self._count}"
        promised = size = 0
        try:
            with _as_problems():
                file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            try:
                promised = self._take(length or 0)
                async for chunk in chunks:
                    size += len(chunk)
                    if size > cap:
                        raise too_large
                    promised += self._take(max(0, size - promised))
                    with _as_problems():
                        _write(file, chunk)
            finally:
                os.close(file)
            yield Body(path, size)
        finally:
            self.used -= promised
            path.unlink(missing_ok=True)

    def _take(self, count: int) -> int:
        if self.used + count > self._cap_mb * MB:
            raise NoRoom(
                f"The bodies of all requests may have {self._cap_mb:g} MB at a time, and this one "
                f"is too much beside the others. Try again in {_RETRY_S} s."
            )
        self.used += count
        return count


class _as_problems:  # noqa: N801 (used as a function; a generator would cost more a chunk)
    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            what = "The disk is full" if full else f"The disk refuses it ({error.strerror})"
            raise NoRoom(
                f"{what}, and the body can't be kept for the function. Try again in {_RETRY_S} s."
            ) from error


def _write(file: int, data: bytes) -> None:
    """Write all of `data`: a disk that fills up may take a part."""
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
