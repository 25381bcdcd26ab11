"""Two headers that libsndfile takes at their word, to the loss of the audio behind them."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

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
    libsndfile decodes none. A CAF may say -1 for the same, and one that was cut says more than
    there is; libsndfile refuses both. All are made to say what the file holds.
    """
    for name, field, said, start in _chunks(head):
        held = size - start
        if name != b"data" or held <= 0:
            continue
        if head.startswith(b"RIFF") and said == 0 and _LITTLE < held < 1 << 32:
            return Mend(field, struct.pack("<I", held), 0, held)
        if head.startswith(b"caff") and (said == -1 or said > held):
            return Mend(field, struct.pack(">q", held), max(said, 0), held)
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
