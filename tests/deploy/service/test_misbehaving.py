"""The router before functions that break off, or answer what is no answer."""

import asyncio
import socket
from pathlib import Path

import pytest

from deploy.service import client, stream
from deploy.service.places import Lost
from tests.routed import KINDS, STREAM, Place, answer, ask, events, head, run, saying
from tests.wire import Raw


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200 O",
        b"nonsense\r\n\r\n",
        answer(b"{}")[:-2],
        answer(b"{}")[:-1],
    ],
    ids=["nothing", "half a head", "no HTTP", "no body", "half a body"],
)
def test_one_that_breaks_off_before_its_answer(said: bytes) -> None:
    with run(saying(said)) as it:
        status, _, problem = ask(it)
        assert (status, problem["reason"]) == (502, "died")
        assert it.places.wait_for(2)[-1] == ("echo", "Lost")


def test_one_that_is_not_there() -> None:
    with run() as it:
        it.places.socket = it.bodies / "nowhere"
        assert ask(it)[2]["reason"] == "died"
        assert it.places.log == [("echo", "taken"), ("echo", "Lost")] * 2


def test_one_that_was_gone_before_it_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with run() as it:
        there, it.places.socket = it.places.socket, it.bodies / "nowhere"

        async def lost(_: Place) -> Lost:
            it.places.socket = there
            return Lost("It died.", "died")

        monkeypatch.setattr(Place, "lost", lost)
        assert ask(it)[0] == 200
        ends = ["taken", "Lost", "taken", "finished"]
        assert it.places.wait_for(4) == [("echo", end) for end in ends]


def test_an_end_that_was_not_noticed_yet(tmp_path: Path) -> None:
    connections = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer.get_extra_info("socket"))
        await head(reader)
        writer.write(answer(b"{}"))
        await reader.read()
        writer.close()

    async def main() -> None:
        target = client.Socket(tmp_path / "socket")
        async with await asyncio.start_unix_server(serve, target.path):
            for _ in range(2):
                async with client.request(target, "/", [], b"") as its:
                    assert await its.read(9) == b"{}"
                connections[-1].shutdown(socket.SHUT_WR)
            target.close()
            await asyncio.sleep(0.01)  # for connections to be closed

    asyncio.run(main())
    assert len(connections) == 2


@pytest.mark.parametrize("accept", ["*/*", "text/event-stream"])
def test_one_that_breaks_off_in_its_answer(accept: str) -> None:
    whole = answer(b'"' + b"x" * 1_000_000 + b'"')
    with run(saying(whole[:-1])) as it, Raw(it.port) as client:
        client.post("/echo", b"hi", **KINDS, Content_Length="2", Accept=accept)
        _, _, body = client.rest().partition(b"\r\n\r\n")
        assert len(body) < 1_000_000  # and closed, short of its Content-Length
        assert body.strip(b"x") == b'"'


def test_one_that_answers_slowly_with_what_are_no_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_KEEP_ALIVE_S", 0.1)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        said = answer(b'["a"]', status="503 Service Unavailable")
        for part in said[:-2], said[-2:-1]:
            writer.write(part)
            await asyncio.sleep(0.3)
        writer.write(said[-1:])
        writer.close()

    with run(serve) as it:
        status, headers, document = ask(it, Accept="text/event-stream")
    assert (status, headers["content-type"], document) == (503, "application/json", ["a"])


def test_one_that_breaks_off_in_its_events() -> None:
    one = b"event: progress\ndata: {}\n\n"
    with run(saying(STREAM + b"%x\r\n%s\r\n" % (len(one), one))) as it:
        (first, _), (last, problem) = events(it)
        assert (first, last) == ("progress", "error")
        assert (problem["status"], problem["reason"]) == (502, "died")


def test_one_that_ends_its_events_without_a_word() -> None:
    with run(saying(STREAM + b"0\r\n\r\n")) as it:
        ((last, problem),) = events(it, "/analyze?functions=echo")
        assert (last, problem["reason"], problem["function"]) == ("error", "bad_answer", "echo")


@pytest.mark.parametrize(
    "said",
    [
        answer(b"Bad Gateway", "text/html", "502 Bad Gateway"),
        answer(b"", "text/plain"),
        answer(b"", "text/event-stream", "404 Not Found"),
    ],
)
def test_an_answer_that_is_no_functions(said: bytes) -> None:
    with run(saying(said)) as it:
        status, _, problem = ask(it)
        assert (status, problem["reason"]) == (502, "bad_answer")


def test_one_that_dies_costs_the_others_of_an_analysis_nothing() -> None:
    asked = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await head(reader))
        if len(asked) == 1:
            writer.write(answer(b'{"ok":true}'))
        writer.close()

    with run(serve) as it:
        status, _, document = ask(it, "/analyze")
    assert status == 200
    assert [*document["results"].values()] == [{"ok": True}]
    assert [problem["reason"] for problem in document["errors"].values()] == ["died"]
