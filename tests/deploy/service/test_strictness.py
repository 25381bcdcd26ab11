"""HTTP at the service's port and at the functions': what is refused, and what is understood."""

import asyncio
import re

import pytest

from tests.routed import KINDS, ask, hanging, head, run, saying
from tests.wire import Raw, parsed

POST = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
LAST = b"GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
READY = b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: h2c\r\n"

REFUSED = {
    "both lengths": POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "lengths both": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
    "list of lengths": POST + b"Content-Length: 2, 2\r\n\r\nhi",
    "signed length": POST + b"Content-Length: +2\r\n\r\nhi",
    "endless length": POST + b"Content-Length: 99999999999999999999\r\n\r\nhi",
    "two encodings": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "another encoding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n0\r\n\r\n",
    "chunked in 1.0": b"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked in 1.0 that would be another": b"POST /echo HTTP/1.0\r\nHost: a\r\n"
    + UPGRADE
    + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "line feeds": b"GET /readyz HTTP/1.1\nHost: a\n\n",
    "a line feed": b"GET /readyz HTTP/1.1\r\nHost: a\r\nX: b\n\r\n",
    "a carriage return": b"GET /readyz HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n",
    "a null": b"GET /readyz HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n",
    "a folded header": b"GET /readyz HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n",
    "a space in a name": POST + b"Content-Length : 2\r\n\r\nhi",
    "no host": b"GET /readyz HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /readyz HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
    "a space in a target": b"GET /readyz now HTTP/1.1\r\nHost: a\r\n\r\n",
    "bytes in a target": b"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n",
    "no version": b"GET /readyz\r\n\r\n",
    "version 0.9": b"GET /readyz HTTP/0.9\r\n\r\n",
    "version 2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a tunnel": b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n",
    "a signed chunk": CHUNKED + b"+2\r\nhi\r\n0\r\n\r\n",
    "a prefixed chunk": CHUNKED + b"0x2\r\nhi\r\n0\r\n\r\n",
    "an endless chunk": CHUNKED + b"fffffffffffffffff\r\nhi\r\n0\r\n\r\n",
    "a chunk that is longer": CHUNKED + b"2\r\nhi!\r\n0\r\n\r\n",
    "a chunk's line feed": CHUNKED + b"2\nhi\r\n0\r\n\r\n",
    "a flood of extensions": CHUNKED + b"2;" + b"x" * 200_000,
    "a flood of trailers": CHUNKED + b"2\r\nhi\r\n0\r\n" + b"x: y\r\n" * 40_000,
    "a trailer": CHUNKED + b"2\r\nhi\r\n0\r\nx: " + b"y" * 200_000,
}


@pytest.mark.parametrize("sent", REFUSED.values(), ids=[*REFUSED])
def test_what_is_refused(sent: bytes) -> None:
    with run() as it, Raw(it.port) as client:
        client.send(sent)
        status, headers, problem = parsed(client.rest())
        assert (status, problem["reason"]) == (400, "bad_request")
        assert headers["connection"] == "close"
        assert it.places.log == []


def test_a_body_in_chunks() -> None:
    seen = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await head(reader)
        seen.append((asked, await reader.readexactly(5)))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}")
        writer.close()

    with run(serve) as it, Raw(it.port) as client:
        trailers = b"0\r\nX-Request-ID: trailer\r\n\r\n"
        client.send(CHUNKED + b"3;name=value\r\nhel\r\n2\r\nlo\r\n" + trailers + LAST)
        first, _, second = client.rest().partition(b"HTTP/1.1 ")[2].partition(b"HTTP/1.1 ")
    asked, body = seen[0]
    assert (asked["content-length"], body) == ("5", b"hello")
    assert asked["x-request-id"] != "trailer"
    assert first.startswith(b"200 ")
    assert second.startswith(b"200 ")


@pytest.mark.parametrize("kept", [b"", b"Connection: keep-alive\r\n", UPGRADE])
def test_the_earlier_version(kept: bytes) -> None:
    said = saying(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}")
    with run(said) as it, Raw(it.port) as client:
        client.send(b"POST /echo HTTP/1.0\r\nContent-Length: 2\r\n" + kept + b"\r\nhi")
        status, headers, document = parsed(client.rest())
    assert (status, document) == (200, {})
    assert "transfer-encoding" not in headers
    assert headers["connection"] == "close"


def test_no_other_protocol_is_gone_over_to() -> None:
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"
    with run() as it, Raw(it.port) as client:
        client.send(POST + upgrade + b"Content-Length: 2\r\n\r\nh")
        it_waits = READY.replace(b"\r\n\r\n", b"\r\n" + upgrade + b"\r\n")
        client.send(b"i" + it_waits + LAST)
        statuses = re.findall(rb"HTTP/1.1 (\d+)", client.rest())
        assert statuses == [b"200"] * 3
        assert it.places.wait_for(2) == [("echo", "taken"), ("echo", "finished")]


@pytest.mark.parametrize("target", [b"*", b"http://a/readyz"])
def test_a_target_that_is_no_path(target: bytes) -> None:
    with run() as it, Raw(it.port) as client:
        client.send(LAST.replace(b"/readyz", target))
        assert parsed(client.rest())[0] == 404


def test_requests_that_are_sent_at_once_are_answered_in_turn() -> None:
    with run() as it, Raw(it.port) as client:
        post = POST + b"Content-Length: 2\r\n\r\nhi"
        client.send(b"\r\n" + post + READY + post[:-1])
        client.send(post[-1:] + LAST + READY)
        answers = client.rest()
    assert re.findall(rb"HTTP/1.1 (\d+)", answers) == [b"200"] * 4
    assert answers.count(b"server-timing") == 2
    assert answers.index(b"server-timing") < answers.index(b'"ready"')


def test_one_whose_body_comes_after_another_answer() -> None:
    post = POST + b"Content-Length: 2\r\n\r\n"
    with run() as it, Raw(it.port) as client:
        client.send(READY + post)
        client.until(b"}")
        client.send(b"hi" + LAST)
        assert re.findall(rb"HTTP/1.1 (\d+)", client.rest()) == [b"200"] * 2


@pytest.mark.parametrize(
    "then", [b"nonsense\r\n\r\n", READY * 1_000, POST + b"Content-Length: x\r\n\r\n"]
)
def test_what_came_before_is_answered(then: bytes) -> None:
    with run() as it, Raw(it.port) as client:
        client.send(POST + b"Content-Length: 2\r\n\r\nhi" + then)
        first, *others, last = client.rest().split(b"HTTP/1.1 ")[1:]
    assert first.startswith(b"200 ")
    assert last.startswith(b"400 ")
    assert len(others) < 20


def test_what_is_wrong_later_does_not_disturb_what_runs() -> None:
    with run(hanging) as it, Raw(it.port) as client:
        client.post("/echo", b"hi", **KINDS, Content_Length="2")
        it.places.wait_for(1)
        client.send(b"nonsense\r\n\r\n")
        assert it.places.log == [("echo", "taken")]
    assert it.places.wait_for(2)[1] == ("echo", "CancelledError")


JSON = b"Content-Type: application/json\r\n"


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\n" + JSON + b"\r\n{}",
        b"HTTP/1.0 200 OK\r\n" + JSON + b"Content-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\n"
        + JSON
        + b"Content-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 102 Processing\r\n\r\n" * 10_000
        + b"HTTP/1.1 200 OK\r\n"
        + JSON
        + b"Content-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n" + JSON + b"Transfer-Encoding: chunked\r\n\r\n"
        b"1\r\n{\r\n1\r\n}\r\n0\r\nContent-Type: text/html\r\n\r\n",
    ],
    ids=["until it closes", "1.0", "something first", "much first", "chunks"],
)
def test_how_a_function_may_answer(said: bytes) -> None:
    with run(saying(said)) as it:
        for _ in range(2):
            with Raw(it.port) as client:
                client.send(POST.replace(b"1.1", b"1.0") + b"Content-Length: 2\r\n\r\nhi")
                status, headers, document = parsed(client.rest())
            assert (status, document) == (200, {})
            assert headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\n" + JSON + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n" + JSON + b"X: " + b"y" * 200_000,
        b"HTTP/1.1 200 OK\r\n" + JSON + b"x: y\r\n" * 40_000,
        b"HTTP/1.1 200 OK\r\n" + JSON + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n2\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n{}",
    ],
    ids=["two lengths", "header", "headers", "half a body", "another protocol"],
)
def test_how_it_may_not(said: bytes) -> None:
    with run(saying(said)) as it:
        status, _, problem = ask(it)
    assert (status, problem["reason"]) == (502, "died")


def test_more_than_an_answer_is_no_answer_to_the_next() -> None:
    said = b"HTTP/1.1 200 OK\r\n" + JSON + b"Content-Length: 2\r\n\r\n"
    connections = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await head(reader)
        await reader.readexactly(2)
        writer.write(said + b"{}" + said + b'""')
        await reader.read()
        writer.close()

    with run(serve) as it:
        assert [ask(it)[::2] for _ in range(2)] == [(200, {})] * 2
    assert len(connections) == 2
