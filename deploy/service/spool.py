"""Bodies: small ones in memory, each other in one file while its request is answered."""

import errno
import os
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from functions.kit.problem import Problem

MB = 2**20
_SMALL = 65_536  # bytes that need no file: to make one and remove it takes more CPU than they do
_RETRY_S = 5  # until some of the bodies that are there have been answered


class NoRoom(Problem):
    """There is no room on the disk for a body; asked again after `retry_after_s`, there may be."""

    status, reason, title = 503, "disk", "There is no room for the body"
    retry_after_s = _RETRY_S


@dataclass(frozen=True)
class Body:
    """A body of `size` bytes, in the file at `path`, or all of it in `data` if there is none."""

    size: int
    path: Path | None = None
    data: bytes = b""


class Spool:
    """The bodies in `folder`, which have at most `cap_mb` together.

    What a client says is still to come counts only once it has: else a few clients that send
    nothing more would keep all others out.
    """

    def __init__(self, folder: Path, cap_mb: float) -> None:
        self._folder, self._cap_mb = folder, cap_mb
        self._count = 0
        self.used = 0
        """Bytes of what is in files now."""

    @asynccontextmanager
    async def body(
        self, chunks: AsyncIterable[bytes], length: int | None, cap: int, too_large: Problem
    ) -> AsyncIterator[Body]:
        """`chunks`, together; a file that they are in is gone when this is left.

        Raises `too_large` where there are more than `cap` bytes: before the first is read if
        `length` says so. Raises `NoRoom`, and what `chunks` does.
        """
        if length is not None and length > cap:
            raise too_large
        size = in_file = 0
        small: list[bytes] = []
        file: _File | None = None
        try:
            async for chunk in chunks:
                size += len(chunk)
                if size > cap:
                    raise too_large
                small.append(chunk)
                if file is None and size <= _SMALL:
                    continue
                if file is None:
                    self._count += 1
                    file = _File(self._folder / f"body-{self._count}")
                in_file += self._take(size - in_file)
                file.write(b"".join(small))
                small.clear()
            if file is None:
                yield Body(size, data=b"".join(small))
            else:
                file.close()
                yield Body(size, file.path)
        finally:
            self.used -= in_file
            if file is not None:
                file.remove()

    def _take(self, count: int) -> int:
        if self.used + count > self._cap_mb * MB:
            raise NoRoom(
                f"The bodies of all requests may have {self._cap_mb:g} MB at a time, and this one "
                f"is too much beside the others. Try again in {_RETRY_S} s."
            )
        self.used += count
        return count


class _File:
    """A new file at `path`, for us alone. Raises `NoRoom` where the disk has none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._number: int | None = None
        try:
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
            self._number = os.open(path, flags, 0o600)
        except OSError as error:
            raise _no_room(error) from error

    def write(self, data: bytes) -> None:
        """Write all of `data`: a disk that fills up may take a part."""
        assert self._number is not None
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._number, view) :]
        except OSError as error:
            raise _no_room(error) from error

    def close(self) -> None:
        """It is written."""
        if self._number is not None:
            os.close(self._number)
            self._number = None

    def remove(self) -> None:
        """It is not needed any more."""
        self.close()
        self.path.unlink(missing_ok=True)


def _no_room(error: OSError) -> NoRoom:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    what = "The disk is full" if full else f"The disk refuses it ({error.strerror})"
    return NoRoom(
        f"{what}, and the body can't be kept for the function. Try again in {_RETRY_S} s."
    )
