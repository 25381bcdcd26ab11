"""The router before functions and clients that stall, break off, talk nonsense or leave."""

import asyncio
import errno
import json
import os
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deploy.service import client, exchange, protocol, stream
from deploy.service.places import Lost, Queued, Refused, Starting
from emulator import wire as sse
from functions.kit import manifest
from tests.routed import Place, Routed, Serve, routed
from tests.tree import ROOT
from tests.wire import Raw, parsed

ECHO = manifest.load(ROOT / "tests" / "fourth" / "echo")
VOICE = manifest.load(ROOT / "functions" / "voice_detect")
FUNCTIONS = {"echo": ECHO, "voice_detect": VOICE}
KINDS = {"Content_Type": "text/plain"}


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


Run = Callable[..., AbstractContextManager[Routed]]


@pytest.fixture
def run() -> Run:
    @contextmanager
    def running(serve: Serve = OK, **options: Any) -> Iterator[Routed]:
        with (
            tempfile.TemporaryDirectory(dir="/tmp") as folder,
            routed(options.pop("functions", FUNCTIONS), Path(folder), serve, **options) as it,
        ):
            yield it

    return running


def ask(it: Routed, path: str = "/echo", body: bytes = b"hi", **headers: str) -> Any:
    """The status, headers and body of an answer to a POST."""
    with Raw(it.port) as client:
        length = {"Content-Length": str(len(body))}
        client.post(path, body, **{**KINDS, **length, **headers}, Connection="close")
        return parsed(client.rest())


def events(it: Routed, path: str = "/echo", count: int = 99) -> list[tuple[str, Any]]:
    """The events that come, until their end or so many."""
    with Raw(it.port) as client:
        client.post(path, b"hi", **KINDS, Content_Length="2", Accept="text/event-stream")
        lines = client.socket.makefile("rb")
        while lines.readline() != b"\r\n":
            pass
        found = []
        for event in sse.events(chunks(lines)):
            found.append(event)
            if len(found) == count:
                break
        return found


def chunks(lines: Any) -> Iterator[bytes]:
    """The lines of a chunked body."""
    while size := int(lines.readline(), 16):
        yield from lines.read(size).splitlines(keepends=True)
        lines.readline()


# What the function sees


LARGE = bytes(range(256)) * 1000


def test_a_large_body_is_a_file_and_the_headers_are_few(run: Run) -> None:
    seen: dict[str, Any] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.update(await head(reader))
        path = Path(seen["x-halfgig-body"])
        seen["body"], seen["mode"] = path.read_bytes(), path.stat().st_mode & 0o777
        writer.write(answer(b"{}"))
        writer.close()

    with run(serve) as it:
        headers = {"X_Request_ID": "7", "Cookie": "a", "Accept": "*/*"}
        ask(it, "/voice_detect", LARGE, X_Halfgig_Body="/etc/passwd", **headers)
        assert Path(seen["x-halfgig-body"]).parent == it.bodies
    assert (seen["body"], seen["mode"]) == (LARGE, 0o600)
    assert seen[""] == "POST / HTTP/1.1"
    assert seen["accept"] == "application/json"
    assert seen["x-request-id"] == "7"
    assert seen["content-length"] == "0"
    assert "cookie" not in seen


def test_a_small_body_needs_none(run: Run) -> None:
    seen: dict[str, Any] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.update(await head(reader))
        seen["body"] = await reader.readexactly(2)
        writer.write(answer(b"{}"))
        writer.close()

    with run(serve) as it:
        ask(it, X_Halfgig_Body="/etc/passwd")
    assert "x-halfgig-body" not in seen
    assert (seen["content-length"], seen["body"]) == ("2", b"hi")


@pytest.mark.parametrize("name", ["Content_Type", "tracestate"])
@pytest.mark.parametrize("value", ["a=\x01b", "a=b\x7f"])
def test_a_header_that_the_functions_server_would_not_take(run: Run, name: str, value: str) -> None:
    with run() as it:
        status, _, problem = ask(it, "/echo", b"hi", **{name: value})
        assert (status, problem["reason"]) == (400, "bad_request")
        assert it.places.log == []
        assert ask(it, tracestate="a=\xff\tb,\r\ntracestate:")[0] == 200


def test_every_function_is_switched_off(run: Run) -> None:
    with run(environ={"DISABLE_ECHO": "1", "DISABLE_VOICE_DETECT": "1"}) as it:
        status, _, problem = ask(it, "/analyze")
        assert (status, problem["reason"]) == (404, "disabled")
        with Raw(it.port) as client:
            client.send(b"GET /warmup HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert parsed(client.rest())[0] == 404


def test_one_connection_will_do_for_many_requests(run: Run) -> None:
    connections = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        for _ in range(3):
            await head(reader)
            await reader.readexactly(2)
            writer.write(answer(b"{}"))
        writer.close()

    with run(serve) as it:
        assert [ask(it)[0] for _ in range(5)] == [200] * 5
    assert len(connections) == 2


def test_a_contracts_route_is_the_functions_too(run: Run) -> None:
    seen = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await head(reader))[""])
        writer.write(answer(b"{}"))
        writer.close()

    with run(serve) as it:
        ask(it, "/api/voice-detection")
        assert it.places.wait_for(2) == [("voice_detect", "taken"), ("voice_detect", "finished")]
    assert seen == ["POST /api/voice-detection HTTP/1.1"]


def test_what_is_said_of_the_connection_is_not_passed_on(run: Run) -> None:
    own = "application/json\r\nServer: waitress\r\nX-Other: yes\r\nServer-Timing: fn;dur=2.0"
    with run(saying(answer(b"{}", own))) as it:
        status, headers, body = ask(it)
    assert (status, body) == (200, {})
    assert "server" not in headers
    assert headers["x-other"] == "yes"
    assert headers["server-timing"] == "queue;dur=250.0, init;dur=500.0, fn;dur=2.0"


# Functions that break off


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
def test_one_that_breaks_off_before_its_answer(run: Run, said: bytes) -> None:
    with run(saying(said)) as it:
        status, _, problem = ask(it)
        assert (status, problem["reason"]) == (502, "died")
        assert it.places.wait_for(2)[-1] == ("echo", "Lost")


def test_one_that_is_not_there(run: Run) -> None:
    with run() as it:
        it.places.socket = it.bodies / "nowhere"
        assert ask(it)[2]["reason"] == "died"
        assert it.places.log == [("echo", "taken"), ("echo", "Lost")] * 2


def test_one_that_was_gone_before_it_was_asked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_one_that_breaks_off_in_its_answer(run: Run) -> None:
    whole = answer(b'"' + b"x" * 1_000_000 + b'"')
    with run(saying(whole[:-1])) as it, Raw(it.port) as client:
        client.post("/echo", b"hi", **KINDS, Content_Length="2")
        assert client.rest().count(b"x") < 1_000_000  # and closed, short of its Content-Length


def test_one_that_breaks_off_in_its_events(run: Run) -> None:
    one = b"event: progress\ndata: {}\n\n"
    with run(saying(STREAM + b"%x\r\n%s\r\n" % (len(one), one))) as it:
        (first, _), (last, problem) = events(it)
        assert (first, last) == ("progress", "error")
        assert (problem["status"], problem["reason"]) == (502, "died")


def test_one_that_ends_its_events_without_a_word(run: Run) -> None:
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
def test_an_answer_that_is_no_functions(run: Run, said: bytes) -> None:
    with run(saying(said)) as it:
        status, _, problem = ask(it)
        assert (status, problem["reason"]) == (502, "bad_answer")


def test_one_that_dies_costs_the_others_of_an_analysis_nothing(run: Run) -> None:
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


# Places


def test_a_refusal_says_when_to_ask_again(run: Run) -> None:
    refused = Refused("There are too many that wait.", "queue_full", 7)
    with run(refused=refused) as it:
        status, headers, problem = ask(it)
        assert (status, headers["retry-after"]) == (503, "7")
        assert (problem["reason"], problem["retry_after_s"]) == ("queue_full", 7)
        status, headers, document = ask(it, "/api/voice-detection")
        assert (status, headers["retry-after"]) == (503, "7")
        assert document == {"status": "error", "message": "There are too many that wait."}
        status, headers, document = ask(it, "/analyze")
        assert (status, headers["retry-after"]) == (503, "7")
        with Raw(it.port) as client:
            client.send(b"GET /warmup HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            status, headers, document = parsed(client.rest())
        assert (status, headers["retry-after"]) == (503, "7")
        assert document["functions"]["echo"]["reason"] == "queue_full"


def test_a_refusal_before_the_first_event_has_its_own_status(run: Run) -> None:
    with run(refused=Refused("No.", "queue_full", 7)) as it:
        assert ask(it, Accept="text/event-stream")[0] == 503


def test_a_refusal_after_it_is_an_event(run: Run) -> None:
    refused = Refused("It took too long.", "queue_timeout", 7)
    with run(refused=refused, moments=[Queued(2), Queued(1)]) as it:
        assert [name for name, _ in events(it)] == ["queued", "queued", "error"]
        (problem,) = [data for name, data in events(it) if name == "error"]
        assert (problem["reason"], problem["retry_after_s"]) == ("queue_timeout", 7)


def test_the_events_while_it_waits(run: Run) -> None:
    moments = [Queued(2), Queued(1), Starting()]
    with run(moments=moments) as it:
        assert events(it) == [
            ("queued", {"place": 2}),
            ("queued", {"place": 1}),
            ("starting", {}),
            ("result", {"ok": True}),
        ]


def test_a_plain_refusal_of_the_function_is_an_event_once_there_were_some(run: Run) -> None:
    said = answer(b'{"status":413}', "application/problem+json", "413 Too Large")
    with run(saying(said), moments=[Starting()]) as it:
        assert events(it) == [("starting", {}), ("error", {"status": 413})]
    with run(saying(said)) as it:
        assert ask(it, Accept="text/event-stream")[0] == 413


def test_an_event_in_pieces(run: Run) -> None:
    text = b'event: result\ndata: {"a":"\xc3\xa9"}\n\n'

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(STREAM)
        for byte in text:
            writer.write(b"1\r\n%c\r\n" % byte)
            await asyncio.sleep(0.001)
        writer.write(b"0\r\n\r\n")
        writer.close()

    with run(serve) as it:
        ((name, result),) = events(it)
    assert name == "result"
    assert result["a"] == "é"
    assert result["timings"]["queue_s"] == 0.25


def test_a_stream_is_kept_alive(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_KEEP_ALIVE_S", 0.05)
    with run(hanging) as it, Raw(it.port) as client:
        client.post("/echo", b"hi", **KINDS, Content_Length="2", Accept="text/event-stream")
        assert client.until(b": keep-alive").startswith(b"HTTP/1.1 200 ")
        client.until(b": keep-alive")


# Clients that leave


@pytest.mark.parametrize("accept", ["*/*", "text/event-stream"])
@pytest.mark.parametrize("path", ["/echo", "/analyze?functions=echo"])
def test_one_that_leaves_while_it_waits(run: Run, path: str, accept: str) -> None:
    with run(moments=[Queued(1), 60.0]) as it:
        with Raw(it.port) as client:
            client.post(path, b"hi", **KINDS, Content_Length="2", Accept=accept)
            it.places.wait_for(1)
        assert it.places.wait_for(2)[1][1] in ("CancelledError", "GeneratorExit")


@pytest.mark.parametrize("accept", ["*/*", "text/event-stream"])
def test_one_that_leaves_while_the_function_works(run: Run, accept: str) -> None:
    with run(hanging) as it:
        with Raw(it.port) as client:
            client.post("/echo", b"hi", **KINDS, Content_Length="2", Accept=accept)
            it.places.wait_for(1)
        assert it.places.wait_for(2)[1] == ("echo", "CancelledError")
        deadline = time.monotonic() + 60
        while b'status="499"' not in it.metrics.text(it.places.now):
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_one_that_leaves_in_mid_upload_takes_no_place(run: Run) -> None:
    with run() as it:
        with Raw(it.port) as client:
            client.post("/voice_detect", LARGE[:100_000], **KINDS, Content_Length="100001")
            while not list(it.bodies.iterdir()):
                time.sleep(0.01)
        while it.spool.used:
            time.sleep(0.01)
        assert it.places.log == []


# Clients that stall


def test_one_that_sends_nothing_more(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "_SILENCE_S", 0.1)
    monkeypatch.setattr(exchange, "_LINGER_S", 0.1)
    with run() as it, Raw(it.port) as client:
        client.post("/echo", b"hi", **KINDS, Content_Length="5")
        status, headers, problem = parsed(client.rest())
    assert (status, problem["reason"]) == (408, "slow_body")
    assert headers["connection"] == "close"


@pytest.mark.parametrize("sent", [b"", b"POST /echo HTT", b"GET /health HTTP/1.1\r\nHost: a\r\n"])
def test_one_that_sends_no_head(run: Run, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(protocol, "_HEAD_S", 0.1)
    with run() as it, Raw(it.port) as client:
        client.send(sent)
        assert client.rest() == b""


def test_one_that_sends_half_a_head_after_an_answer(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "_HEAD_S", 0.2)
    with run() as it, Raw(it.port) as client:
        client.send(b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")
        client.until(b"}")
        client.send(b"GET /readyz HTTP/1.1\r\nHo")
        assert client.rest() == b""


def test_one_that_does_not_read_its_answer(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "_STALL_S", 0.1)
    large = answer(b'"' + bytes(30_000_000) + b'"')
    with run(saying(large)) as it, Raw(it.port) as client:
        client.post("/echo", b"hi", **KINDS, Content_Length="2")
        assert it.places.wait_for(2)[1] == ("echo", "CancelledError")
        assert len(client.rest()) < len(large)


def test_health_does_not_wait_for_any_of_them(run: Run) -> None:
    with run(hanging) as it, Raw(it.port) as slow, Raw(it.port) as busy, Raw(it.port) as client:
        slow.post("/echo", b"hi", **KINDS, Content_Length="5")
        busy.post("/echo", b"hi", **KINDS, Content_Length="2")
        it.places.wait_for(1)
        client.send(b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert parsed(client.rest())[0] == 200


# Disk


def test_bodies_that_are_too_much_together(run: Run) -> None:
    with run(hanging, environ={"SPOOL_MB": "0.4"}) as it, Raw(it.port) as first:
        first.post("/voice_detect", LARGE, **KINDS, Content_Length=str(len(LARGE)))
        it.places.wait_for(1)
        status, headers, problem = ask(it, "/voice_detect", LARGE)
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
    with routed(FUNCTIONS, tiny, OK) as it:
        for _ in range(2):
            kind = {"Content_Type": "audio/wav"}
            status, headers, problem = ask(it, "/voice_detect", bytes(200_000), **kind)
            assert (status, problem["reason"]) == (503, "disk")
            assert "The disk is full" in problem["detail"]
            assert int(headers["retry-after"]) > 0
        assert ask(it)[0] == 200


def test_a_disk_that_is_gone(run: Run) -> None:
    with run() as it:
        it.bodies.rmdir()
        status, _, problem = ask(it, "/voice_detect", LARGE)
        it.bodies.mkdir()
    assert (status, problem["reason"]) == (503, "disk")
    assert os.strerror(errno.ENOENT) in problem["detail"]


# Elsewhere


@contextmanager
def elsewhere(serve: Serve, secure: ssl.SSLContext | None = None) -> Iterator[int]:
    """A TCP port at which a function is."""
    ports: list[int] = []
    ready, done = threading.Event(), threading.Event()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=secure)
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()
        async with server:
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    try:
        ready.wait()
        yield ports[0]
    finally:
        done.set()
        thread.join()


def test_a_function_at_an_address(run: Run) -> None:
    seen: dict[str, Any] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.update(await head(reader))
        seen["body"] = await reader.readexactly(int(seen["content-length"]))
        writer.write(answer(b'{"far":true}'))
        writer.close()

    with elsewhere(serve) as port:
        url = f"http://me:pass%20word@127.0.0.1:{port}/under/?code=1"
        with run(environ={"FUNCTION_VOICE_DETECT_URL": url}) as it:
            for body in (b"hi there", LARGE):
                assert ask(it, "/voice_detect", body, x_api_key="mine")[2] == {"far": True}
                assert seen["body"] == body
            assert it.places.log == []
    assert seen[""] == "POST /under/?code=1 HTTP/1.1"
    assert seen["host"] == f"127.0.0.1:{port}"
    assert seen["authorization"] == "Basic bWU6cGFzcyB3b3Jk"
    assert seen["x-api-key"] == "mine"
    assert "x-halfgig-body" not in seen


def test_when_it_says_to_ask_again(run: Run) -> None:
    kind = "application/problem+json\r\nRetry-After: 7"
    said = answer(b'{"status":503}', kind, "503 Service Unavailable")
    with elsewhere(saying(said)) as port:
        environ = {"FUNCTION_ECHO_URL": f"http://127.0.0.1:{port}"}
        with run(environ=environ) as it:
            status, headers, _ = ask(it, "/analyze?functions=echo")
    assert (status, headers["retry-after"]) == (503, "7")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of localhost, signed by itself, and its key."""
    path = tmp_path / "both.pem"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    try:
        subprocess.run(
            [*request, *names, "-keyout", path, "-out", tmp_path / "cert.pem"],
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"No certificate can be made: {error}")
    path.write_text(path.read_text() + (tmp_path / "cert.pem").read_text())
    return path


@pytest.mark.parametrize("trusted", [True, False])
def test_one_behind_tls(
    run: Run, monkeypatch: pytest.MonkeyPatch, certificate: Path, trusted: bool
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = int((await head(reader))["content-length"])
        writer.write(answer(b'{"bytes":%d}' % len(await reader.readexactly(length))))
        writer.close()

    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secure.load_cert_chain(certificate)
    with elsewhere(serve, secure) as port:
        environ = {"FUNCTION_VOICE_DETECT_URL": f"https://localhost:{port}"}
        with run(environ=environ) as it:
            status, _, document = ask(it, "/voice_detect", LARGE)
    if trusted:
        assert document == {"bytes": len(LARGE)}
    else:
        assert (status, document["reason"]) == (502, "unreachable")


def test_one_that_can_not_be_reached(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        url = f"http://me:secret@127.0.0.1:{taken.getsockname()[1]}/?code=hidden"
        with run(environ={"FUNCTION_ECHO_URL": url}) as it:
            status, _, problem = ask(it)
    assert (status, problem["reason"]) == (502, "unreachable")
    assert "'echo' is served elsewhere" in problem["detail"]
    assert "secret" not in json.dumps(problem)
    assert "hidden" not in json.dumps(problem)


def test_one_that_does_not_answer(run: Run) -> None:
    functions = {"echo": replace(ECHO, timeout_s=0.1)}
    with elsewhere(hanging) as port:
        environ = {"FUNCTION_ECHO_URL": f"http://127.0.0.1:{port}"}
        with run(functions=functions, environ=environ) as it:
            status, _, problem = ask(it)
    assert (status, problem["reason"]) == (504, "timeout")


def test_two_functions_at_one_path(run: Run) -> None:
    functions = {"health": replace(ECHO, name="health")}
    said = "'health' would answer at '/health', where 'health' does"
    with pytest.raises(ValueError, match=said), run(functions=functions):
        pass
