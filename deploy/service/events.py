"""Server-sent events: made, told apart, and added to, without a look at what they say."""

import json
from collections.abc import AsyncGenerator, AsyncIterable

from deploy.service.wire import Broken

KEEP_ALIVE = b": keep-alive\n\n"
_MOST_BYTES = 64 * 2**20
_DATA = b"data: {"


def event(name: str, data: object) -> bytes:
    """The event `name` with `data`, as JSON."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"event: {name}\ndata: {text}\n\n".encode()


async def whole(chunks: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    """The events in a stream, each in one piece. Comments, and an event cut off, are left out."""
    text = bytearray()
    async for chunk in chunks:
        searched = max(0, len(text) - 1)
        text += chunk
        while (end := text.find(b"\n\n", searched)) != -1:
            one = bytes(text[: end + 2])
            del text[: end + 2]
            searched = 0
            if not one.startswith(b":"):
                yield one
        if len(text) > _MOST_BYTES:
            raise Broken("An event is too long.")


def name(one: bytes) -> str:
    """What an event is called."""
    first = one.partition(b"\n")[0]
    return first.removeprefix(b"event:").strip().decode() if first[:6] == b"event:" else "message"


def extended(one: bytes, members: dict[str, object]) -> bytes:
    """An event whose data, an object, has `members` before its own."""
    if not members or _DATA not in one:
        return one
    before, _, after = one.partition(_DATA)
    text = json.dumps(members, ensure_ascii=False, separators=(",", ":"))[1:-1].encode()
    comma = b"" if after.startswith(b"}") else b","
    return before + _DATA + text + comma + after
