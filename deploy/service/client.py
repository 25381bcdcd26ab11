"""An HTTP request to a function, in its process (Unix socket) or elsewhere (TCP, TLS)."""

import asyncio
import base64
import select
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import ClassVar, cast
from urllib.parse import unquote_to_bytes, urlsplit

import h11

Headers = list[tuple[bytes, bytes]]

_CHUNK = 65_536
_CONNECT_S = 10.0
_IDLE_S = 60.0  # that a connection is kept for the next request; a host closes it after 120


class Broken(Exception):  # noqa: N818 (said of the connection)
    """There is no connection, or it broke off, or what came over it is no answer."""


class Unasked(Broken):
    """Not all of the request was read at the other end, and so nobody worked on it."""


class Late(Broken):
    """Nothing came for too long."""


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
        self._kept: _Wire | None = None
        self._kept_at = 0.0

    def at(self, route: str) -> bytes:
        """The request target for `route`."""
        return route.encode()

    async def connect(self) -> "_Wire":
        """A connection, the one that was kept if it is still of use."""
        loop = asyncio.get_running_loop()
        kept, self._kept = self._kept, None
        if kept is not None and kept.is_idle() and loop.time() - self._kept_at < _IDLE_S:
            return kept
        if kept is not None:
            kept.close()
        return (await loop.create_unix_connection(_Wire, str(self.path)))[1]

    def keep(self, wire: "_Wire") -> None:
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

    async def connect(self) -> "_Wire":
        """A connection."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_CONNECT_S):
            end = await loop.create_connection(_Wire, self._name, self._port, ssl=self._secure)
            return end[1]

    def keep(self, wire: "_Wire") -> None:
        """No connection is kept: who knows for how long the other end does."""
        wire.close()


class Answer:
    """An answer: its status and headers, and its body as it comes."""

    def __init__(self, wire: "_Wire", head: h11.Response, patience_s: float | None) -> None:
        self._wire, self._patience_s = wire, patience_s
        self.status: int = head.status_code
        self.headers: Headers = list(head.headers)  # with names in lower case

    def header(self, name: bytes) -> bytes | None:
        """The value of the first header called `name`, in lower case."""
        return next((value for its, value in self.headers if its == name), None)

    @property
    def media_type(self) -> bytes:
        """Its Content-Type, without parameters."""
        return (self.header(b"content-type") or b"").partition(b";")[0].strip().lower()

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """The body's parts. Raises `Broken` where it breaks off."""
        while isinstance(event := await self._wire.next(self._patience_s), h11.Data):
            yield bytes(event.data)

    async def read(self, most: int) -> bytes:
        """The whole body. Raises `Broken` where it breaks off, or is more than `most` bytes."""
        parts = []
        async for part in self.parts():
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
        wire.begin(target.at(route), [*target.headers, length, *headers])
        if isinstance(body, Upload):
            sending = asyncio.create_task(wire.send_file(body.file))
        else:
            wire.finish(body)
        yield Answer(wire, await wire.head(patience_s), patience_s)
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


class _Wire(asyncio.Protocol):
    """An HTTP/1.1 connection, from the client's side."""

    def __init__(self) -> None:
        self._http = h11.Connection(h11.CLIENT)
        self._transport: asyncio.Transport
        self._came: asyncio.Future[None] | None = None
        self._unread = 0
        self._can_write = asyncio.Event()
        self._can_write.set()
        self.is_open = True
        self.was_reset = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._http.receive_data(data)
        self._unread += len(data)
        if self._unread > _CHUNK:
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        self.was_reset = isinstance(exc, ConnectionError)
        self._end()
        self._can_write.set()

    def pause_writing(self) -> None:
        self._can_write.clear()

    def resume_writing(self) -> None:
        self._can_write.set()

    def begin(self, target: bytes, headers: Headers) -> None:
        """Send the head of a POST, with its body, or else to be followed by that."""
        self._head = self._http.send(h11.Request(method=b"POST", target=target, headers=headers))

    def finish(self, body: bytes) -> None:
        """Send the head and all of the body."""
        data = self._http.send(h11.Data(data=body)) if body else b""
        self._transport.write((self._head or b"") + (data or b""))
        self._http.send(h11.EndOfMessage())

    async def send_file(self, file: FileIO) -> None:
        """Send the head and `file`; nothing is said of what goes wrong, as the answer tells."""
        self._transport.write(self._head or b"")
        try:
            while self.is_open and (part := file.read(_CHUNK)):
                self._transport.write(self._http.send(h11.Data(data=part)) or b"")
                await self._can_write.wait()
            self._http.send(h11.EndOfMessage())
        except (OSError, h11.LocalProtocolError):
            return

    async def head(self, patience_s: float | None) -> h11.Response:
        """The answer's head."""
        while True:
            event = await self.next(patience_s)
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise Broken("It ended before it answered.")

    async def next(self, patience_s: float | None) -> object:
        """The next thing that has come. Raises `Late` if nothing does for `patience_s`."""
        event: object
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                if self._unread > _CHUNK:
                    self._transport.resume_reading()
                self._unread = 0
                self._came = asyncio.get_running_loop().create_future()
                if patience_s is None:
                    await self._came
                else:
                    await asyncio.wait_for(self._came, patience_s)
        except h11.RemoteProtocolError as error:
            raise Broken(f"What came is not HTTP: {error}") from error
        except TimeoutError as error:
            raise Late("Nothing comes.") from error
        return event

    def is_idle(self) -> bool:
        """Whether it is open, and not even its end has come, noticed yet or not."""
        if not self.is_open:
            return False
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not poll.poll(0)

    def starts_anew(self) -> bool:
        """Whether the next request may go over it, the last one being answered."""
        if not self.is_open or self._http.their_state is not h11.DONE:
            return False
        try:
            self._http.start_next_cycle()
        except h11.LocalProtocolError:
            return False
        return True

    def close(self) -> None:
        """Close it, whatever is still to be sent."""
        self._transport.abort()

    def _end(self) -> None:
        if self.is_open:
            self.is_open = False
            self._http.receive_data(b"")
            self._wake()

    def _wake(self) -> None:
        if self._came is not None and not self._came.done():
            self._came.set_result(None)
