"""Functions given by URL: the service in front of one that runs alone, deployed apart."""

import asyncio
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emulator import wire
from functions.kit import manifest
from tests.framework import framework
from tests.routed import ECHO, LARGE, Serve, answer, ask, hanging, head, run, saying
from tests.service import Service, running
from tests.tree import ROOT, Tree
from tests.wire import Raw

SPEECH = (ROOT / "demo" / "speech.ogg").read_bytes()
NAME = "voice_detect"


@pytest.fixture(scope="module")
def service(tree: Tree) -> Iterator[Service]:
    function = manifest.load(ROOT / "functions" / NAME)
    args = ("--target", function.target, "--source", str(function.folder / "main.py"))
    with (
        framework(Path(sys.executable), ROOT, os.environ, *args) as url,
        tempfile.TemporaryDirectory(dir="/tmp") as folder,
        running(
            tree.environ, Path(folder), settings={f"FUNCTION_{NAME.upper()}_URL": url}
        ) as service,
    ):
        yield service


def test_it_answers_as_if_it_were_here(service: Service) -> None:
    answer = service.ask("POST", f"/{NAME}", SPEECH, Content_Type="audio/ogg", X_Request_ID="7")
    assert answer.status == 200
    assert answer.json["label"] == "HUMAN"
    assert answer.headers["x-request-id"] == "7"
    assert "fn;dur=" in answer.headers["server-timing"]
    assert service.state(NAME) == "remote"


def test_its_events_too(service: Service) -> None:
    headers = {"Content_Type": "audio/ogg", "Accept": "text/event-stream"}
    body = service.ask("POST", f"/{NAME}", SPEECH, **headers).body
    *steps, (name, result) = wire.events(iter(body.splitlines(keepends=True)))
    assert {step for step, _ in steps} == {"progress"}
    assert (name, result["label"]) == ("result", "HUMAN")
    assert result["timings"]["fn_s"] > 0


def test_its_refusals_too(service: Service) -> None:
    answer = service.ask("POST", f"/{NAME}", b"These are words.", Content_Type="audio/wav")
    assert (answer.status, answer.json["reason"]) == (400, "not_audio")
    answer = service.ask("POST", "/detect", "{}", Content_Type="application/json")
    assert (answer.status, answer.json["reason"]) == (400, "bad_body")


def test_beside_one_that_is_here(service: Service) -> None:
    path = f"/analyze?functions={NAME},emotion"
    answer = service.ask("POST", path, SPEECH, Content_Type="audio/ogg")
    assert answer.json["results"].keys() == {NAME, "emotion"}


def test_a_large_body(service: Service) -> None:
    with Raw(service.port) as client:
        size = 20_000_000
        client.post(
            f"/{NAME}", Content_Type="audio/wav", Content_Length=str(size), Connection="close"
        )
        client.send(SPEECH + bytes(size - len(SPEECH)))
        assert client.rest().startswith(b"HTTP/1.1 ")


def test_it_is_ready_without_us(service: Service) -> None:
    answer = service.ask("GET", f"/warmup?functions={NAME}")
    assert answer.json == {"functions": {NAME: {"state": "remote"}}}


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


def test_a_function_at_an_address() -> None:
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


def test_when_it_says_to_ask_again() -> None:
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
def test_one_behind_tls(monkeypatch: pytest.MonkeyPatch, certificate: Path, trusted: bool) -> None:
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


def test_one_that_can_not_be_reached() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        url = f"http://me:secret@127.0.0.1:{taken.getsockname()[1]}/?code=hidden"
        with run(environ={"FUNCTION_ECHO_URL": url}) as it:
            status, _, problem = ask(it)
    assert (status, problem["reason"]) == (502, "unreachable")
    assert "'echo' is served elsewhere" in problem["detail"]
    assert "secret" not in json.dumps(problem)
    assert "hidden" not in json.dumps(problem)


def test_one_that_does_not_answer() -> None:
    functions = {"echo": replace(ECHO, timeout_s=0.1)}
    with elsewhere(hanging) as port:
        environ = {"FUNCTION_ECHO_URL": f"http://127.0.0.1:{port}"}
        with run(functions=functions, environ=environ) as it:
            status, _, problem = ask(it)
    assert (status, problem["reason"]) == (504, "timeout")
