"""The router before clients that leave, or that stall."""

import pytest

from deploy.service import exchange, protocol
from deploy.service.places import Queued
from tests.routed import KINDS, LARGE, answer, hanging, run, saying
from tests.service import until
from tests.wire import Raw, parsed


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


def test_one_that_leaves_in_mid_upload_takes_no_place() -> None:
    with run() as it:
        with Raw(it.port) as client:
            client.post("/voice_detect", LARGE[:100_000], **KINDS, Content_Length="100001")
            until(lambda: list(it.bodies.iterdir()))
        until(lambda: not it.spool.used)
        assert it.places.log == []


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


def test_health_does_not_wait_for_any_of_them() -> None:
    with run(hanging) as it, Raw(it.port) as slow, Raw(it.port) as busy, Raw(it.port) as client:
        slow.post("/echo", b"hi", **KINDS, Content_Length="5")
        busy.post("/echo", b"hi", **KINDS, Content_Length="2")
        it.places.wait_for(1)
        client.send(b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert parsed(client.rest())[0] == 200
