"""The bytes of an upload or a file, as the decoder is to see them."""

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

_CHUNK = 1 << 16


class Window:
    """A seekable stream from byte `start` on, for libsndfile's virtual I/O.

    No method raises, since an exception can't pass through libsndfile: a stream that fails reads
    as ended, and `error` keeps what it raised.

    `position` counts from `start`. `stretch` multiplies the length that the decoder is told;
    what is not there reads as the end. `patch` is read in place of what is at that offset.
    """

    def __init__(
        self,
        stream: BinaryIO,
        start: int = 0,
        stretch: int = 1,
        patch: tuple[int, bytes] = (0, b""),
    ) -> None:
        self.error: Exception | None = None
        self.position = 0
        self.start = start
        self._stream = stream
        self._patch_at, self._patch = patch
        self._told = max(0, stream.seek(0, os.SEEK_END) - start) * stretch
        # libmpg123 gives up on a file whose last 128 bytes (a tag, perhaps) can't be read.
        self._blank = self._told - 128 if stretch > 1 else self._told

    def tell(self) -> int:
        return self.position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: self._told}[whence]
        self.position = min(max(0, origin + offset), self._told)
        return self.position

    def read(self, count: int) -> bytes:
        try:
            if self.position >= self._blank:
                data = bytes(min(count, self._told - self.position))
            else:
                self._stream.seek(self.start + self.position)
                data = self._patched(self._stream.read(count))
        except Exception as error:
            self.error = error
            return b""
        self.position += len(data)
        return data

    def _patched(self, data: bytes) -> bytes:
        first = max(self._patch_at, self.position)
        last = min(self._patch_at + len(self._patch), self.position + len(data))
        if first >= last:
            return data
        patch = self._patch[first - self._patch_at : last - self._patch_at]
        return data[: first - self.position] + patch + data[last - self.position :]


def spool(stream: BinaryIO, cap: int) -> BinaryIO:
    """`copy` of `stream` in a temporary file without a name: seekable, and gone when closed."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 (the caller closes it)
    try:
        copy(stream, file, cap)
    except BaseException:
        file.close()
        raise
    return file


def copy(stream: BinaryIO, file: IO[bytes], cap: int) -> None:
    """Copy `stream` into the empty `file`, and go back to its start.

    At most `cap` + 1 bytes are copied, so that what is over `cap` can be told by its length.
    """
    left = cap + 1
    while left > 0 and (data := stream.read(min(_CHUNK, left))):
        file.write(data)
        left -= len(data)
    file.seek(0)


_output = threading.Lock()


@contextmanager
def muted() -> Iterator[None]:
    """Drop what is written to file descriptors 1 and 2 meanwhile, from whichever thread.

    On damaged files libsndfile prints to the one and the libmpg123 inside it to the other, with
    no way to ask them not to.
    """
    with _output, ExitStack() as undo:
        opened = []
        for descriptor in (1, 2):
            with suppress(OSError):  # it is closed: there is nothing to mute
                saved = os.dup(descriptor)
                undo.callback(os.close, saved)
                undo.callback(os.dup2, saved, descriptor)
                opened.append(descriptor)
        null = undo.enter_context(Path(os.devnull).open("wb"))
        for descriptor in opened:
            os.dup2(null.fileno(), descriptor)
        yield
