"""Two headers that libsndfile takes at their word, to the loss of the audio behind them."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

_TO_THE_END = {b"RIFF": b"\xff" * 4, b"caff": b"\xff" * 8}
_LITTLE = 4_096  # bytes behind an empty data chunk that may be tags and no audio


class Mend(NamedTuple):
    """Bytes to be read in place of those at `offset`, and the data bytes `said` and `held`.

    `said` is 0 where the header didn't know.
    """

    offset: int
    data: bytes
    said: int
    held: int


def mend(head: bytes, size: int) -> Mend | None:
    """What to change in a file of `size` bytes that begins with `head`, or None.

    A WAV whose recorder died before it wrote the length has a data chunk of 0 bytes, and
    libsndfile decodes none; a CAF that was cut has one that ends past the file's end, and
    libsndfile refuses it. Both are made to say that the data go on to the file's end.
    """
    for name, field, said, start in _chunks(head):
        if name != b"data":
            continue
        held = size - start
        unknown = head.startswith(b"RIFF") and said == 0 and held > _LITTLE
        cut = head.startswith(b"caff") and 0 < held < said
        if unknown or cut:
            return Mend(field, _TO_THE_END[head[:4]], said, held)
    return None


def _chunks(head: bytes) -> Iterator[tuple[bytes, int, int, int]]:
    """The chunks of a WAV or CAF: name, where its size stands, its size, where its data start."""
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        position, size_field = 12, "<I"
    elif head.startswith(b"caff"):
        position, size_field = 8, ">q"
    else:
        return
    while (start := position + 4 + struct.calcsize(size_field)) <= len(head):
        (size,) = struct.unpack_from(size_field, head, position + 4)
        yield head[position : position + 4], position + 4, size, start
        if size < 0:
            return
        position = start + size + (size & 1 if size_field == "<I" else 0)
