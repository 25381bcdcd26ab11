"""A pool of real processes, and what it tells."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any

from deploy.service.pool import Pool, Reported, Told
from deploy.service.state import Exited, Started
from emulator.wire import Connection
from functions.kit import manifest
from tests.service import until
from tests.tree import Tree


class Box:
    """A pool of one tree's functions, and the events that it told."""

    def __init__(self, tree: Tree, folder: Path, **options: Any) -> None:
        self.events: asyncio.Queue[Told] = asyncio.Queue()
        self.folder = folder
        functions = manifest.discover(tree.root / "functions")
        self.pool = Pool(functions, folder, self.events.put_nowait, **options)

    async def next(self) -> Told:
        return await asyncio.wait_for(self.events.get(), 60)

    async def started(self, name: str = "echo") -> int:
        """Start it; its process."""
        self.pool.start(name)
        event = await self.next()
        assert isinstance(event, Started), event
        assert (event.function, event.seconds > 0) == (name, True)
        return self.pool.pids()[name]

    async def exited(self, name: str = "echo") -> Exited:
        event = await self.next()
        assert isinstance(event, Exited), event
        assert event.function == name
        return event

    async def reported(self) -> dict[str, Any]:
        event = await self.next()
        assert isinstance(event, Reported), event
        return event.report

    async def hanging(self, mark: Path) -> "asyncio.Task[tuple[int, Any]]":
        """Have `echo` hang in a request; the answer to that. `mark` is a file that there isn't."""
        answer = asyncio.create_task(self.ask(f"mark={mark} hang"))
        await is_made(mark)
        return answer

    async def ask(self, words: str, name: str = "echo", **headers: str) -> tuple[int, Any]:
        """The answer to a file with these words in it; (0, None) where none came."""
        return await asyncio.to_thread(ask, self.pool.socket(name), words, headers)


def ask(path: Path, words: str, headers: dict[str, str]) -> tuple[int, Any]:
    connection = Connection(path)
    try:
        connection.request("POST", "/", words, {"Content-Type": "text/plain", **headers})
        response = connection.getresponse()
        body = response.read()
        is_json = response.headers.get_content_subtype().endswith("json")
        return response.status, json.loads(body) if is_json else body
    except (OSError, HTTPException):
        return 0, None
    finally:
        connection.close()


@asynccontextmanager
async def pooled(tree: Tree, **options: Any) -> AsyncIterator[Box]:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        box = Box(tree, Path(folder), **options)
        async with box.pool:
            yield box
        assert box.pool.pids() == {}
        assert list(Path(folder).iterdir()) == []


def run(tree: Tree, test: Callable[[Box], Awaitable[None]], **options: Any) -> None:
    async def pool() -> None:
        async with pooled(tree, **options) as box:
            await test(box)

    asyncio.run(pool())


def is_there(pid: int) -> bool:
    """Whether the process runs; not, where it is a zombie that somebody else is to collect."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


async def is_made(mark: Path) -> None:
    """Wait until a function has made its progress to the word `mark=` with this file."""
    await asyncio.to_thread(until, mark.exists)
