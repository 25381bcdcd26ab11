"""Bodies: where they are kept, for how long, and how many of them."""

import asyncio
import errno
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest

from deploy.service.spool import Body, NoRoom, Spool
from functions.kit.refusals import TooLarge
from tests import routed
from tests.wire import Raw

HUGE = 2**30
LARGE = [bytes([number]) * 20_000 for number in range(5)]


async def coming(parts: Sequence[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def keep(
    spool: Spool, parts: Sequence[bytes], length: int | None = None, cap: int = HUGE
) -> tuple[Body, bytes]:
    """What the spool makes of a body, and what is in it."""

    async def taking() -> tuple[Body, bytes]:
        async with spool.body(coming(parts), length, cap, TooLarge("No.")) as body:
            assert spool.used == (body.size if body.path else 0)
            return body, body.path.read_bytes() if body.path else body.data

    return asyncio.run(taking())


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path, 1.0)


@pytest.mark.parametrize("parts", [[], [b"a"], [b"ab", b"c"], LARGE[:1], LARGE, [b"".join(LARGE)]])
def test_a_body_is_kept_whole_and_not_for_longer(
    spool: Spool, tmp_path: Path, parts: list[bytes]
) -> None:
    body, content = keep(spool, parts)
    assert content == b"".join(parts)
    assert body.size == len(content)
    assert (body.path is None) == (body.size <= 65_536)
    assert (list(tmp_path.iterdir()), spool.used) == ([], 0)


def test_too_much_by_what_it_says(spool: Spool) -> None:
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("It was read.")
        yield b""

    async def taking() -> None:
        async with spool.body(never(), 11, 10, TooLarge("No.")):
            pass

    with pytest.raises(TooLarge):
        asyncio.run(taking())


def test_too_much_by_what_comes(spool: Spool, tmp_path: Path) -> None:
    assert keep(spool, [b"x" * 10], cap=10)[0].size == 10
    for cap in (10, 50_000):
        with pytest.raises(TooLarge):
            keep(spool, LARGE, cap=cap)
        assert (list(tmp_path.iterdir()), spool.used) == ([], 0)


def test_too_much_for_all_together(spool: Spool, tmp_path: Path) -> None:
    with pytest.raises(NoRoom, match="1 MB at a time"):
        keep(spool, [bytes(2**19), bytes(2**19), b"1"])
    assert (list(tmp_path.iterdir()), spool.used) == ([], 0)


def test_what_only_was_said_to_come_keeps_nobody_out(spool: Spool) -> None:
    async def taking() -> None:
        async with spool.body(coming(LARGE), 2**20, HUGE, TooLarge("No.")):
            assert spool.used == 100_000
            with pytest.raises(NoRoom):
                async with spool.body(coming([bytes(2**20)]), 2**20, HUGE, TooLarge("No.")):
                    pass
            async with spool.body(coming([bytes(2**19)]), 2**19, HUGE, TooLarge("No.")):
                assert spool.used == 100_000 + 2**19

    asyncio.run(taking())
    assert spool.used == 0


def test_what_goes_wrong_while_it_comes_leaves_nothing(spool: Spool, tmp_path: Path) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield b"".join(LARGE)
        assert len(list(tmp_path.iterdir())) == 1
        raise ConnectionError

    async def taking() -> None:
        async with spool.body(breaking(), None, HUGE, TooLarge("No.")):
            pass

    with pytest.raises(ConnectionError):
        asyncio.run(taking())
    assert (list(tmp_path.iterdir()), spool.used) == ([], 0)


def test_bodies_that_are_too_much_together() -> None:
    with routed.run(routed.hanging, environ={"SPOOL_MB": "0.4"}) as it, Raw(it.port) as first:
        first.post(
            "/voice_detect", routed.LARGE, **routed.KINDS, Content_Length=str(len(routed.LARGE))
        )
        it.places.wait_for(1)
        status, headers, problem = routed.ask(it, "/voice_detect", routed.LARGE)
        assert (status, problem["reason"]) == (503, "disk")
        assert int(headers["retry-after"]) > 0
        assert "0.4 MB" in problem["detail"]


@pytest.fixture
def tiny() -> Iterator[Path]:
    """A disk of 64 kB."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except OSError as error:
            pytest.skip(f"mount can't be run: {error}")
        if done.returncode:
            pytest.skip(f"A small disk can't be mounted: {done.stderr.strip()}")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


def test_a_disk_that_is_full(tiny: Path) -> None:
    with routed.routed(routed.FUNCTIONS, tiny, routed.OK) as it:
        for _ in range(2):
            kind = {"Content_Type": "audio/wav"}
            status, headers, problem = routed.ask(it, "/voice_detect", bytes(200_000), **kind)
            assert (status, problem["reason"]) == (503, "disk")
            assert "The disk is full" in problem["detail"]
            assert int(headers["retry-after"]) > 0
        assert routed.ask(it)[0] == 200


def test_a_disk_that_is_gone() -> None:
    with routed.run() as it:
        it.bodies.rmdir()
        status, _, problem = routed.ask(it, "/voice_detect", routed.LARGE)
        it.bodies.mkdir()
    assert (status, problem["reason"]) == (503, "disk")
    assert os.strerror(errno.ENOENT) in problem["detail"]
