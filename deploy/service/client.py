"""An HTTP request to a function, in its process (Unix socket) or elsewhere (TCP, TLS)."""

import asyncio
import base64
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote_to_bytes, urlsplit

from deploy.service import http1
from deploy.service.http1 import Headers
from deploy.service.wire import Broken, Unasked, Wire

_CONNECT_S = 10.0
_IDLE_S = 60.0  # that a connection is kept for the next request; a host closes it after 120


@dataclass(frozen=True)
class Upload:
    """A request's body: what `file`, unbuffered, has from its start, which is `size` bytes."""

    file: FileIO
    size: int


class Socket:
    """A function that listens at the Unix socket `path`; one connection to it is kept."""

    headers: ClassVar[Headers] = [(b"host", b"localhost")]

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kept: Wire | None = None
        self._kept_at = 0.0

    def at(self, route: str) -> bytes:
        """The request target for `route`."""
        return route.encode()

    async def connect(self) -> "Wire":
        """A connection, the one that was kept if it is still of use."""
        loop = asyncio.get_running_loop()
        kept, self._kept = self._kept, None
        if kept is not None and kept.is_idle() and loop.time() - self._kept_at < _IDLE_S:
            return kept
        if kept is not None:
            kept.close()
        return (await loop.create_unix_connection(Wire, str(self.path)))[1]

    def keep(self, wire: "Wire") -> None:
        """Have this connection, which is ready for a request, for the next one."""
        self.close()
        self._kept, self._kept_at = wire, asyncio.get_running_loop().time()

    def close(self) -> None:
        """Close the connection that was kept."""
        if self._kept is not None:
            self._kept.close()


class Url:
    """A function at an address: http or https, maybe with a path, a query and a user."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._secure = ssl.create_default_context() if parts.scheme == "https" else None
        self._name = parts.hostname or ""
        self._port = parts.port or (443 if self._secure else 80)
        self._path, self._query = parts.path.rstrip("/"), parts.query
        self.headers: Headers = [
            (b"host", parts.netloc.rpartition("@")[2].encode()),
            (b"connection", b"close"),
        ]
        if parts.username is not None:
            user = unquote_to_bytes(f"{parts.username}:{parts.password or ''}")
            self.headers.append((b"authorization", b"Basic " + base64.b64encode(user)))

    def at(self, route: str) -> bytes:
        """The request target for `route` under the address."""
        query = f"?{self._query}" if self._query else ""
        return f"{self._path}{route}{query}".encode()

    async def connect(self) -> "Wire":
        """A connection."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_CONNECT_S):
            end = await loop.create_connection(Wire, self._name, self._port, ssl=self._secure)
            return end[1]

    def keep(self, wire: "Wire") -> None:
        """No connection is kept: who knows for how long the other end does."""
        wire.close()


class Answer:
    """An answer: its status and headers, and its body as it comes."""

    def __init__(self, wire: Wire, status: int, headers: Headers, patience_s: float | None) -> None:
        self._wire, self._patience_s = wire, patience_s
        self.status, self.headers = status, headers  # with names in lower case

    def header(self, name: bytes) -> bytes | None:
        """The value of the first header called `name`, in lower case."""
        return next((value for its, value in self.headers if its == name), None)

    @property
    def media_type(self) -> bytes:
        """Its Content-Type, without parameters."""
        return (self.header(b"content-type") or b"").partition(b";")[0].strip().lower()

    async def part(self) -> bytes | None:
        """The next part of the body, None at its end. Raises `Broken` where it breaks off."""
        return await self._wire.part(self._patience_s)

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """The body's parts. Raises `Broken` where it breaks off."""
        while (part := await self.part()) is not None:
            yield part

    async def read(self, most: int) -> bytes:
        """The whole body. Raises `Broken` where it breaks off, or is more than `most` bytes."""
        parts = []
        while (part := await self.part()) is not None:
            parts.append(part)
            most -= len(part)
            if most < 0:
                raise Broken("The answer is too long.")
        return b"".join(parts)


@asynccontextmanager
async def request(
    target: Socket | Url,
    route: str,
    headers: Headers,
    body: bytes | Upload,
    patience_s: float | None = None,
) -> AsyncIterator[Answer]:
    """The answer to a POST to `target` at `route`.

    Left without an exception once all of the answer was read, the connection may be kept.
    Raises `Broken`: `Unasked` where that is certain, `Late` where nothing comes for `patience_s`;
    never OSError.
    """
    try:
        wire = await target.connect()
    except OSError as error:  # TimeoutError is one
        raise Unasked(f"It can't be connected to: {error}") from error
    size = body.size if isinstance(body, Upload) else len(body)
    length = (b"content-length", b"%d" % size)
    sending = None
    try:
        head = http1.head(
            b"POST %b HTTP/1.1" % target.at(route), [*target.headers, length, *headers]
        )
        if isinstance(body, Upload):
            wire.ask(head)
            sending = asyncio.create_task(wire.send(body.file))
        else:
            wire.ask(head + body)
        yield Answer(wire, *await wire.head(patience_s), patience_s)
    except BaseException as error:
        wire.close()
        # Linux says so of a Unix socket only if something was unread, or unsent, when it closed.
        if isinstance(error, Broken) and isinstance(target, Socket) and wire.was_reset:
            raise Unasked("It ended before it had read the request.") from error
        raise
    finally:
        if sending is not None:
            sending.cancel()
    if wire.starts_anew():
        target.keep(wire)
    else:
        wire.close()
