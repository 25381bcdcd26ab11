"""An HTTP request to a function, in its process (Unix socket) or elsewhere (TCP, TLS)."""

import asyncio
import base64
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

import h11

Headers = list[tuple[bytes, bytes]]

_CHUNK = 65_536
_CONNECT_S = 10.0


class Broken(Exception):  # noqa: N818 (said of the connection)
    """There is no connection, or it broke off, or what came over it is no answer."""


class Late(Broken):
    """Nothing came for too long."""


@dataclass(frozen=True)
class Upload:
    """A request's body: what `file`, unbuffered, has from its start, which is `size` bytes."""

    file: FileIO
    size: int


@dataclass(frozen=True)
class Socket:
    """A function that listens at a Unix socket."""

    path: Path
    host = b"localhost"
    headers = ()

    def at(self, route: str) -> bytes:
        return route.encode()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_unix_connection(str(self.path))


class Url:
    """A function at an address: http or https, maybe with a path, a query and a user."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._secure = parts.scheme == "https"
        self._name = parts.hostname or ""
        self._port = parts.port or (443 if self._secure else 80)
        self._path, self._query = parts.path.rstrip("/"), parts.query
        self.host = parts.netloc.rpartition("@")[2].encode()
        self.headers: tuple[tuple[bytes, bytes], ...] = ()
        if parts.username is not None:
            user = unquote_to_bytes(f"{parts.username}:{parts.password or ''}")
            self.headers = ((b"authorization", b"Basic " + base64.b64encode(user)),)

    def at(self, route: str) -> bytes:
        """The request target for `route` under the address."""
        query = f"?{self._query}" if self._query else ""
        return f"{self._path}{route}{query}".encode()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        secure = None
        if self._secure:
            import ssl

            secure = ssl.create_default_context()
        async with asyncio.timeout(_CONNECT_S):
            return await asyncio.open_connection(self._name, self._port, ssl=secure)


class Answer:
    """An answer: its status and headers, and its body as it comes."""

    def __init__(self, wire: "_Wire", head: h11.Response) -> None:
        self._wire = wire
        self.status: int = head.status_code
        self.headers: Headers = [(name.lower(), value) for name, value in head.headers]

    def header(self, name: bytes) -> bytes | None:
        """The value of the first header called `name`, in lower case."""
        return next((value for its, value in self.headers if its == name), None)

    @property
    def media_type(self) -> bytes:
        """Its Content-Type, without parameters."""
        return (self.header(b"content-type") or b"").partition(b";")[0].strip().lower()

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """The body's parts. Raises `Broken` where it breaks off."""
        while isinstance(event := await self._wire.next(), h11.Data):
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
    upload: Upload | None = None,
    patience_s: float | None = None,
) -> AsyncIterator[Answer]:
    """The answer to a POST to `target` at `route`.

    The connection is closed when this is left. Raises `Broken`, and `Late` where nothing comes
    for `patience_s`; never OSError.
    """
    try:
        reader, writer = await target.connect()
    except (OSError, TimeoutError) as error:
        raise Broken(f"It can't be connected to: {error}") from error
    try:
        wire = _Wire(reader, writer, patience_s)
        every = [(b"host", target.host), (b"connection", b"close"), *target.headers]
        length = (b"content-length", str(upload.size if upload else 0).encode())
        wire.begin(target.at(route), [*every, length, *headers])
        sending = asyncio.create_task(wire.send(upload.file)) if upload else None
        try:
            yield Answer(wire, await wire.head())
        finally:
            if sending is not None:
                sending.cancel()
    finally:
        writer.transport.abort()


class _Wire:
    """An HTTP/1.1 connection, from the client's side."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        patience_s: float | None,
    ) -> None:
        self._reader, self._writer, self._patience_s = reader, writer, patience_s
        self._http = h11.Connection(h11.CLIENT)

    def begin(self, target: bytes, headers: Headers) -> None:
        """Send the head of a POST."""
        self._write(h11.Request(method=b"POST", target=target, headers=headers))

    async def send(self, body: FileIO) -> None:
        """Send all of `body`; nothing is said of what goes wrong, as the answer tells."""
        try:
            while part := body.read(_CHUNK):
                self._write(h11.Data(data=part))
                await self._writer.drain()
            self._write(h11.EndOfMessage())
        except (OSError, h11.LocalProtocolError):
            return

    async def head(self) -> h11.Response:
        """The answer's head."""
        while True:
            event = await self.next()
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise Broken("It ended before it answered.")

    async def next(self) -> object:
        """The next thing that has come."""
        event: object
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                async with asyncio.timeout(self._patience_s):
                    data = await self._reader.read(_CHUNK)
                self._http.receive_data(data)
        except TimeoutError as error:
            raise Late("Nothing comes.") from error
        except h11.RemoteProtocolError as error:
            raise Broken(f"What came is not HTTP: {error}") from error
        except OSError as error:
            raise Broken(f"It broke off: {error}") from error
        return event

    def _write(self, event: h11.Event) -> None:
        if data := self._http.send(event):
            self._writer.write(data)
