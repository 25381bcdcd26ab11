"""The pool, with real processes: what becomes of one is told, and nothing is left of any."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from deploy.service.pool import Event, Exited, Pool, Reported, Started
from emulator.wire import Connection
from functions.kit import manifest
from tests.tree import Tree


class Box:
    """A pool of one tree's functions, and the events that it told."""

    def __init__(self, tree: Tree, folder: Path, **options: Any) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        functions = manifest.discover(tree.root / "functions")
        self.pool = Pool(functions, folder, self.events.put_nowait, **options)

    async def next(self) -> Event:
        return await asyncio.wait_for(self.events.get(), 60)

    async def started(self, name: str = "echo") -> Started:
        self.pool.start(name)
        event = await self.next()
        assert isinstance(event, Started), event
        return event

    async def ask(self, words: str, name: str = "echo", **headers: str) -> tuple[int, Any]:
        """The answer to a file with these words in it; None where none came."""
        return await asyncio.to_thread(self._ask, self.pool.socket(name), words, headers)

    @staticmethod
    def _ask(path: Path, words: str, headers: dict[str, str]) -> tuple[int, Any]:
        connection = Connection(path)
        try:
            connection.request("POST", "/", words, {"Content-Type": "text/plain", **headers})
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        except OSError:
            return 0, None
        finally:
            connection.close()


@asynccontextmanager
async def pool(tree: Tree, **options: Any) -> AsyncIterator[Box]:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        box = Box(tree, Path(folder), **options)
        async with box.pool:
            yield box
        assert box.pool.pids() == {}
        assert list(Path(folder).iterdir()) == []


def run(test: Callable[[], Any]) -> None:
    asyncio.run(test())


def test_a_function_is_started_asked_and_stopped(tree: Tree) -> None:
    async def test() -> None:
        async with pool(tree) as box:
            started = await box.started()
            assert started.name == "echo"
            assert started.init_s > 0
            status, answer = await box.ask("hello", **{"X-Request-ID": "one"})
            assert (status, answer["words"]) == (200, ["hello"])
            assert answer["pid"] == box.pool.pids()["echo"]
            reported = await box.next()
            assert isinstance(reported, Reported)
            assert (reported.report["request_id"], reported.report["status"]) == ("one", 200)
            assert box.pool.resident_mb("echo") > 5
            box.pool.stop("echo")
            exited = await box.next()
            assert isinstance(exited, Exited)
            assert (exited.name, exited.ready, exited.why) == ("echo", True, "stopped")
            assert exited.peak_mb > 5
            assert box.pool.resident_mb("echo") == 0
            assert "echo" not in box.pool.pids()

    run(test)
