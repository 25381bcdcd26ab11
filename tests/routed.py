"""The router alone, under a real server, before functions that do as they are told.

What functions say, and what clients ask, is said byte by byte.
"""

import asyncio
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import uvicorn
import uvloop

from deploy.service import protocol, settings
from deploy.service.metrics import Metrics
from deploy.service.places import Lost, Moment, Refused
from deploy.service.router import App
from deploy.service.snapshot import Snapshot
from deploy.service.spool import Spool
from emulator import wire as sse
from functions.kit import manifest
from functions.kit.manifest import Manifest
from tests import snapshots
from tests.tree import ROOT
from tests.wire import Raw, parsed

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

ECHO = manifest.load(ROOT / "tests" / "fourth" / "echo")
FUNCTIONS = {"echo": ECHO, "voice_detect": manifest.load(ROOT / "functions" / "voice_detect")}
KINDS = {"Content_Type": "text/plain"}
LARGE = bytes(range(256)) * 1000


async def head(reader: asyncio.StreamReader) -> dict[str, str]:
    """A request's headers, and its first line as ''."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().rstrip().split("\r\n")
    return {"": first} | dict(line.split(": ", 1) for line in lines)


def saying(answer: bytes) -> Serve:
    """A function that says this, whatever it is asked, and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(answer)
        writer.close()

    return serve


def answer(body: bytes, kind: str = "application/json", status: str = "200 OK") -> bytes:
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


OK = saying(answer(b'{"ok":true}'))
STREAM = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


async def hanging(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A function that does not answer while the router is there."""
    await head(reader)
    await reader.read()
    writer.close()


@dataclass
class Place:
    """One place, whose request hears `moments` and then has the function, or is refused."""

    socket: Path
    moments: list[Moment | float]
    refused: Refused | None
    start: Literal["cold", "warm"] = "cold"
    queue_s: float = 0.25
    init_s: float = 0.5

    async def __aiter__(self) -> AsyncIterator[Moment]:
        for moment in self.moments:
            if isinstance(moment, float):
                await asyncio.sleep(moment)
            else:
                yield moment
        if self.refused:
            raise self.refused

    async def lost(self) -> Lost:
        return Lost("The function's process died.", "died")


@dataclass
class Places:
    """A dispatcher without a scheduler. `log` has each place taken, and how it was left."""

    socket: Path
    moments: list[Moment | float] = field(default_factory=list)
    refused: Refused | None = None
    log: list[tuple[str, str]] = field(default_factory=list)
    now: Snapshot = snapshots.EMPTY

    def __post_init__(self) -> None:
        self._changed = threading.Condition()

    @asynccontextmanager
    async def place(
        self, function: str, request_id: str, *, warm_only: bool = False
    ) -> AsyncIterator[Place]:
        self._add(function, "warm" if warm_only else "taken")
        try:
            yield Place(self.socket, self.moments, self.refused)
        except BaseException as error:
            self._add(function, type(error).__name__)
            raise
        self._add(function, "finished")

    def snapshot(self) -> Snapshot:
        return self.now

    def wait_for(self, count: int) -> list[tuple[str, str]]:
        """The log, once it has so many lines."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.log) >= count, 60), self.log
        return self.log

    def _add(self, function: str, what: str) -> None:
        with self._changed:
            self.log.append((function, what))
            self._changed.notify_all()


@dataclass(frozen=True)
class Routed:
    """A router that answers at `port`, whose bodies are in `bodies`."""

    port: int
    places: Places
    spool: Spool
    bodies: Path
    app: App
    metrics: Metrics


@contextmanager
def routed(
    functions: Mapping[str, Manifest],
    folder: Path,
    serve: Serve,
    environ: Mapping[str, str] | None = None,
    **of_places: object,
) -> Iterator[Routed]:
    """Runs a router of `functions`, all of which are `serve`; at the end nothing is left of it."""
    socket, bodies = folder / "socket", folder / "bodies"
    bodies.mkdir()
    its = settings.load({"PORT": "0", "HOST": "127.0.0.1", **(environ or {})}, functions)
    places = Places(socket, **of_places)  # type: ignore[arg-type]
    metrics, spool = Metrics(), Spool(bodies, its.spool_mb)
    app = App(its, functions, places, metrics, spool)
    server = uvicorn.Server(protocol.config(app, its))
    started = threading.Event()
    ports: list[int] = []
    connections: list[asyncio.StreamWriter] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await serve(reader, writer)

    async def main() -> None:
        child = await asyncio.start_unix_server(connected, str(socket))
        async with child:
            serving = asyncio.create_task(server.serve())
            while not server.started:
                await asyncio.sleep(0.005)
            ports.append(server.servers[0].sockets[0].getsockname()[1])
            started.set()
            await serving
        app.close()
        for each in connections:
            each.transport.abort()
        await asyncio.sleep(0.01)  # for connections to be closed

    thread = threading.Thread(target=uvloop.run, args=(main(),), daemon=True)
    thread.start()
    try:
        assert started.wait(60)
        yield Routed(ports[0], places, spool, bodies, app, metrics)
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive()
    assert (list(bodies.iterdir()), spool.used) == ([], 0)


@contextmanager
def run(
    serve: Serve = OK, functions: Mapping[str, Manifest] = FUNCTIONS, **options: Any
) -> Iterator[Routed]:
    """Runs a router, its files in a folder of its own."""
    with (
        tempfile.TemporaryDirectory(dir="/tmp") as folder,
        routed(functions, Path(folder), serve, **options) as it,
    ):
        yield it


def ask(it: Routed, path: str = "/echo", body: bytes = b"hi", **headers: str) -> Any:
    """The status, headers and body of an answer to a POST."""
    with Raw(it.port) as client:
        length = {"Content-Length": str(len(body))}
        client.post(path, body, **{**KINDS, **length, **headers}, Connection="close")
        return parsed(client.rest())


def events(it: Routed, path: str = "/echo") -> list[tuple[str, Any]]:
    """The events that come, until their end."""
    with Raw(it.port) as client:
        client.post(path, b"hi", **KINDS, Content_Length="2", Accept="text/event-stream")
        lines = client.socket.makefile("rb")
        while lines.readline() != b"\r\n":
            pass
        return list(sse.events(_chunks(lines)))


def _chunks(lines: Any) -> Iterator[bytes]:
    """The lines of a chunked body."""
    while size := int(lines.readline(), 16):
        yield from lines.read(size).splitlines(keepends=True)
        lines.readline()
