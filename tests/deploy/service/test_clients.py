"""The router before clients that leave, or that stall."""

import asyncio
import gc
import os
import socket
import time

import pytest

from deploy.service import exchange, protocol
from deploy.service.places import Queued
from deploy.service.protocol import Protocol
from tests.routed import KINDS, LARGE, answer, hanging, run, saying
from tests.service import descriptors, until
from tests.wire import Raw, parsed

READY = b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system holds little of what a client is sent."""
    before = Protocol.connection_made

    def made(self: Protocol, transport: asyncio.BaseTransport) -> None:
        its = transport.get_extra_info("socket")
        its.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        before(self, transport)

    monkeypatch.setattr(Protocol, "connection_made", made)


def reluctant(port: int) -> socket.socket:
    """A client's end that holds little of what comes."""
    client = socket.socket()
    client.settimeout(60)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port))
    return client


@pytest.mark.parametrize("accept", ["*/*", "text/event-stream"])
@pytest.mark.parametrize("path", ["/echo", "/analyze?functions=echo"])
def test_one_that_leaves_while_it_waits(path: str, accept: str) -> None:
    with run(moments=[Queued(1), 60.0]) as it:
        with Raw(it.port) as client:
            client.post(path, b"hi", **KINDS, Content_Length="2", Accept=accept)
            it.places.wait_for(1)
        assert it.places.wait_for(2)[1][1] in ("CancelledError", "GeneratorExit")


@pytest.mark.parametrize("accept", ["*/*", "text/event-stream"])
def test_one_that_leaves_while_the_function_works(accept: str) -> None:
    with run(hanging) as it:
        with Raw(it.port) as client:
            client.post("/echo", b"hi", **KINDS, Content_Length="2", Accept=accept)
            it.places.wait_for(1)
        assert it.places.wait_for(2)[1] == ("echo", "CancelledError")
        until(lambda: b'status="499"' in it.metrics.text(it.places.now))


def test_one_that_leaves_and_had_asked_before() -> None:
    with run(hanging) as it:
        with Raw(it.port) as client:
            client.send(READY + b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            it.places.wait_for(1)
        assert it.places.wait_for(2)[1] == ("echo", "CancelledError")


def test_one_that_says_no_more_has_what_is_answered_at_once() -> None:
    for count in (1, 3):
        with run() as it, Raw(it.port) as client:
            client.send(READY * count)
            client.socket.shutdown(socket.SHUT_WR)
            assert client.rest().count(b"HTTP/1.1 200 ") == count


def test_one_that_leaves_in_mid_upload_takes_no_place() -> None:
    with run() as it:
        with Raw(it.port) as client:
            client.post("/voice_detect", LARGE[:100_000], **KINDS, Content_Length="100001")
            until(lambda: list(it.bodies.iterdir()))
        until(lambda: not it.spool.used)
        assert it.places.log == []


def test_what_a_refused_one_sent_is_not_kept() -> None:
    part = bytes(30_000)
    try:
        with run() as it:
            gc.collect()
            gc.disable()
            with Raw(it.port) as client:
                body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(part), part)
                client.post("/echo", body, Transfer_Encoding="chunked", Connection="close")
                assert client.rest().startswith(b"HTTP/1.1 413 ")
            until(lambda: b'status="413"' in it.metrics.text(it.places.now))
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
            held = [each for its in gc.garbage for each in gc.get_referents(its)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert [each for each in held if isinstance(each, bytes) and len(each) > 10_000] == []


def test_one_that_sends_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "_SILENCE_S", 0.1)
    monkeypatch.setattr(exchange, "_LINGER_S", 0.1)
    with run() as it, Raw(it.port) as client:
        client.post("/echo", b"hi", **KINDS, Content_Length="5")
        status, headers, problem = parsed(client.rest())
    assert (status, problem["reason"]) == (408, "slow_body")
    assert headers["connection"] == "close"


@pytest.mark.parametrize("sent", [b"", b"POST /echo HTT", b"GET /health HTTP/1.1\r\nHost: a\r\n"])
def test_one_that_sends_no_head(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(protocol, "_HEAD_S", 0.1)
    with run() as it, Raw(it.port) as client:
        client.send(sent)
        assert client.rest() == b""


def test_one_that_sends_half_a_head_after_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with run() as it, Raw(it.port) as client:
        client.send(b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")
        client.until(b"}")
        monkeypatch.setattr(protocol, "_HEAD_S", 0.1)
        client.send(b"GET /readyz HTTP/1.1\r\nHo")
        assert client.rest() == b""


def test_one_that_does_not_read_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "_STALL_S", 0.1)
    large = answer(b'"' + bytes(30_000_000) + b'"')
    with run(saying(large)) as it, Raw(it.port) as client:
        client.post("/echo", b"hi", **KINDS, Content_Length="2")
        assert it.places.wait_for(2)[1] == ("echo", "CancelledError")
        assert len(client.rest()) < len(large)


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("its_end", ["close", "keep-alive", "shut"])
def test_one_that_does_not_read_the_end_of_it(
    monkeypatch: pytest.MonkeyPatch, its_end: str
) -> None:
    monkeypatch.setattr(protocol, "_STALL_S", 0.1)
    monkeypatch.setattr(protocol, "_KEEP_ALIVE_S", 60.0 if its_end == "shut" else 0.1)
    # Little enough that nothing says that it is too much.
    with run(saying(answer(b'"' + bytes(60_000) + b'"'))) as it:
        before = descriptors(os.getpid())
        with reluctant(it.port) as client:
            kept = b"close" if its_end == "close" else b"keep-alive"
            client.sendall(
                b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"
                b"Connection: " + kept + b"\r\n\r\n"
            )
            assert it.places.wait_for(2)[1] == ("echo", "finished")
            if its_end == "shut":
                client.shutdown(socket.SHUT_WR)
            until(lambda: descriptors(os.getpid()) <= before + 1)


@pytest.mark.usefixtures("narrow")
def test_one_that_reads_its_answer_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "_STALL_S", 1.0)
    large = answer(b'"' + bytes(10_000_000) + b'"')
    with run(saying(large)) as it, Raw(it.port) as client:
        client.post("/analyze?functions=echo", Content_Length="0", Connection="close")
        began, count = time.monotonic(), 0
        while part := client.socket.recv(65_536):
            count += len(part)
            if time.monotonic() < began + 2.5:
                time.sleep(0.02)
        assert time.monotonic() > began + 2
        assert count > 10_000_000


def test_health_does_not_wait_for_any_of_them() -> None:
    with run(hanging) as it, Raw(it.port) as slow, Raw(it.port) as busy, Raw(it.port) as client:
        slow.post("/echo", b"hi", **KINDS, Content_Length="5")
        busy.post("/echo", b"hi", **KINDS, Content_Length="2")
        it.places.wait_for(1)
        client.send(b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert parsed(client.rest())[0] == 200
