"""Floods: of connections that ask nothing, and of requests that don't end."""

import sys
import threading
from asyncio import Transport
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from deploy.service import connections
from deploy.service.connections import Connections
from tests.routed import KINDS, ask, hanging, run
from tests.service import Service, descriptors, running, until
from tests.tree import Tree
from tests.wire import Raw, parsed

DESCRIPTORS = 256
LIMITED = ("/bin/sh", "-c", f'ulimit -n {DESCRIPTORS}; exec "$@"', "sh", sys.executable, "-P")
ALONE = {"DISABLE_BEATS": "1", "DISABLE_EMOTION": "1", "DISABLE_VOICE_DETECT": "1"}
IDLE = [b"", b"POST /echo HTT", b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"]


@pytest.fixture
def service(tree: Tree) -> Iterator[Service]:
    """One that may have few descriptors."""
    with (
        TemporaryDirectory(dir="/tmp") as folder,
        running(
            tree.environ, Path(folder), command=(*LIMITED, "-m", "deploy.service"), settings=ALONE
        ) as it,
    ):
        yield it


@pytest.mark.parametrize("sent", IDLE, ids=["nothing", "half a head", "a request before"])
def test_connections_that_ask_nothing_give_way(service: Service, sent: bytes) -> None:
    assert service.say("hello").status == 200
    before = descriptors(service.process.pid)
    with ExitStack() as stack:
        for number in range(2 * DESCRIPTORS):
            client = stack.enter_context(Raw(service.port))
            client.send(sent)
            if number % 50 == 0:
                assert service.say("hello").status == 200
        assert descriptors(service.process.pid) < DESCRIPTORS // 2
        assert service.say("hello").status == 200
    until(lambda: descriptors(service.process.pid) <= before)
    assert [line for line in service.lines if line["event"] == "log"] == []


def test_one_whose_request_is_on_the_way_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST", 8)
    before = Connections.made
    full, comes, said = threading.Event(), threading.Event(), threading.Event()

    def made(self: Connections, its: Transport) -> None:
        if full.is_set():
            comes.set()
            said.wait(60)
        before(self, its)

    monkeypatch.setattr(Connections, "made", made)
    with run() as it, ExitStack() as stack:
        kept = [stack.enter_context(Raw(it.port)) for _ in range(8)]
        for each in kept:
            each.send(IDLE[2])
            each.until(b"}")
        full.set()
        stack.enter_context(Raw(it.port))
        assert comes.wait(60)
        kept[0].send(IDLE[2])
        said.set()
        assert kept[0].until(b"}").startswith(b"HTTP/1.1 200 ")
        assert kept[1].rest() == b""


def test_too_many_requests_are_refused_in_our_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST", 8)
    with run(hanging) as it, ExitStack() as stack:
        for _ in range(6):
            client = stack.enter_context(Raw(it.port))
            client.post("/echo", b"hi", **KINDS, Content_Length="2")
        it.places.wait_for(6)
        status, headers, problem = ask(it)
        assert (status, problem["reason"]) == (503, "queue_full")
        assert int(headers["retry-after"]) >= 1
        assert problem["detail"] == "6 requests are here already, as many as there may be."
        assert ask(it, "/detect")[2]["detail"] == problem["detail"]
        with Raw(it.port) as client:
            client.send(b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert parsed(client.rest())[0] == 200
