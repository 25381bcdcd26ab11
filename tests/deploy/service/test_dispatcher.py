"""The dispatcher, with real processes: places, what they are told, and templates that end."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from deploy.service import dispatcher
from deploy.service.dispatcher import Dispatcher
from deploy.service.metrics import Metrics
from deploy.service.places import Moment, Place, Queued, Refused, Starting
from deploy.service.state import Limits
from emulator.wire import Connection
from functions.kit import manifest
from tests.tree import Tree


@asynccontextmanager
async def desk(
    tree: Tree, budget_mb: float = 300.0, names: Sequence[str] = ("echo",)
) -> AsyncIterator[Dispatcher]:
    functions = {name: manifest.load(tree.root / "functions" / name) for name in names}
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        async with Dispatcher(
            functions,
            Path(folder),
            Limits(concurrency=1, queue_length=4, queue_s=60.0),
            Metrics(),
            cpus=1.0,
            limit_mb=512.0,
            budget_mb=lambda templates_mb: budget_mb - templates_mb,
        ) as it:
            yield it
        assert it.pids() == {}
        assert list(Path(folder).iterdir()) == []


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(60):
            await test()

    asyncio.run(limited())


async def say(place: Place, words: str) -> int:
    def ask() -> int:
        connection = Connection(place.socket)
        try:
            connection.request("POST", "/", words, {"Content-Type": "text/plain"})
            response = connection.getresponse()
            response.read()
            return response.status
        finally:
            connection.close()

    return await asyncio.to_thread(ask)


async def refused(it: Dispatcher) -> Refused:
    """Why a request is refused."""
    try:
        async with it.place("echo", "refused") as place:
            async for _ in place:
                pass
    except Refused as why:
        return why
    raise AssertionError("It was not refused.")


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


def test_a_place_is_told_where_it_stands(tree: Tree) -> None:
    async def test() -> None:
        async with desk(tree) as it:
            told: dict[str, list[Moment]] = {name: [] for name in "abc"}

            async def one(name: str) -> Place:
                async with it.place("echo", "same id") as place:
                    async for moment in place:
                        told[name].append(moment)
                    assert await say(place, "hello") == 200
                return place

            a, b, c = await asyncio.gather(one("a"), one("b"), one("c"))
            assert told["a"] == [Starting()]
            assert told["b"] == [Queued(1)]
            assert told["c"] == [Queued(2), Queued(1)]
            assert (a.start, b.start) == ("cold", "warm")
            assert a.init_s > 0
            assert b.init_s == 0.0
            assert c.queue_s > b.queue_s > 0
            await until(lambda: it.snapshot().functions["echo"].state == "ready")
            assert it.snapshot().functions["echo"].tier == "words"

    run(test)


def test_a_place_that_is_left_is_nobodys(tree: Tree) -> None:
    async def test() -> None:
        async with desk(tree) as it:
            first = it.place("echo", "1")
            async with first:
                async for _ in first:
                    pass
                async with it.place("echo", "2") as second:
                    async for moment in second:
                        assert moment == Queued(1)
                        assert it.snapshot().queue == 1
                        break
                assert it.snapshot().queue == 0
                assert await say(first, "hello") == 200

    run(test)


def test_making_ready_does_not_use_it(tree: Tree) -> None:
    async def test() -> None:
        async with desk(tree) as it:
            async with it.place("echo", "1", warm_only=True) as place:
                assert [moment async for moment in place] == [Starting()]
            assert it.snapshot().functions["echo"].state == "ready"
            assert it.snapshot().functions["echo"].tier is None

    run(test)


def test_why_the_connection_broke_off(tree: Tree) -> None:
    async def test() -> None:
        async with desk(tree) as it, it.place("echo", "1") as place:
            async for _ in place:
                pass
            with pytest.raises(OSError, match=r"closed|reset"):
                await say(place, "die")
            lost = await place.lost()
            assert (lost.status, lost.reason) == (502, "died")

    run(test)


def test_what_does_not_fit_is_refused(tree: Tree) -> None:
    async def test() -> None:
        async with desk(tree, budget_mb=50.0) as it:
            why = await refused(it)
            assert why.reason == "memory"
            assert "needs 60 MB" in why.detail
            assert why.retry_after_s >= 1

    run(test)


def test_templates_end_when_nobody_has_used_them_for_long(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "TEMPLATES_IDLE_S", 0.0)
    monkeypatch.setattr(dispatcher, "TICK_S", 0.05)
    monkeypatch.setattr(dispatcher, "IDLE_TICK_S", 0.05)

    async def test() -> None:
        async with desk(tree) as it:
            it.warm_templates()
            await until(lambda: bool(it.pids()))
            await until(lambda: not it.pids())
            async with it.place("echo", "1") as place:
                async for _ in place:
                    pass
                assert await say(place, "hello") == 200

    run(test)


def test_a_template_that_no_request_needs_waits_until_there_is_none(tree: Tree) -> None:
    base, further = "template:base", "template:numpy+onnxruntime+soundfile+soxr"

    async def test() -> None:
        async with desk(tree, names=("emotion", "echo")) as it:
            it.warm_templates()
            async with it.place("echo", "1") as place:
                async for _ in place:
                    pass
                # A template that had been forked first would be here before its process.
                assert it.pids().keys() == {base, "echo"}
                assert await say(place, "hello") == 200
                assert it.pids().keys() == {base, "echo"}
            await until(lambda: further in it.pids())

    run(test)


def test_draining_waits_for_what_runs(tree: Tree) -> None:
    async def test() -> None:
        async with desk(tree) as it:
            async with it.place("echo", "1") as place:
                async for _ in place:
                    pass
                answer = asyncio.create_task(say(place, "burn"))
                draining = asyncio.create_task(it.drain(30.0))
                assert (await refused(it)).reason == "stopping"
                assert not it.snapshot().accepting
                assert await answer == 200
            await draining
            assert it.snapshot().functions["echo"].state in ("ready", "stopping", "stopped")

    run(test)
