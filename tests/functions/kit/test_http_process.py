"""The handler in the real `functions-framework` command, with clients that stay and that leave."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

ROOT = Path(__file__).parents[3]
STEP_SECONDS = 0.3

# Twenty slow steps; it leaves a file when it ends, however it does.
SLOW = """
import time
from pathlib import Path

import functions_framework

from functions.kit import http, manifest
from functions.kit.steps import Progress

HERE = Path(__file__).parent


def steps(source):
    done = 0
    try:
        for done in range(20):
            yield Progress(f"step {done}", done / 20)
            time.sleep(0.3)
        return {"bytes": len(source.read())}
    finally:
        (HERE / "ended").write_text(str(done))


_serve = http.handler(manifest.load(HERE), steps)


@functions_framework.http
def handle(request):
    return _serve(request)
"""


class Server:
    """The command on a port of its own, with temporary files in a folder of its own."""

    def __init__(self, folder: Path, temporary: Path) -> None:
        self.folder, self.temporary = folder, temporary
        temporary.mkdir(exist_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        command = Path(sys.executable).with_name("functions-framework")
        self.process = subprocess.Popen(
            [command, "--target=handle", f"--source={folder / 'main.py'}", "--host=127.0.0.1"],
            env=os.environ
            | {"PORT": str(self.port), "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def wait(self) -> "Server":
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                assert self.request("GET", "/health")[0] == 200
                return self
            except OSError:
                assert self.process.poll() is None
                time.sleep(0.05)
        raise TimeoutError

    def request(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, str, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.headers.get_content_type(), response.read()
        finally:
            connection.close()

    def connect(self, *head: str) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        client.sendall("\r\n".join(["POST / HTTP/1.1", "Host: x", *head, "", ""]).encode())
        return client

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture
def start(folder: Path, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    servers = []

    def start(main: str | None = None) -> Server:
        mine = tmp_path / "tiny"
        mine.mkdir()
        (mine / "function.toml").write_text((folder / "function.toml").read_text())
        (mine / "main.py").write_text(main or (folder / "main.py").read_text())
        servers.append(Server(mine, tmp_path / "temporary"))
        return servers[-1].wait()

    yield start
    for server in servers:
        server.stop()


def test_answers_and_problems(
    start: Callable[..., Server],
    sound: Callable[..., NDArray[np.float32]],
    encode: Callable[..., bytes],
) -> None:
    server = start()
    song = encode(sound(5.0))
    status, kind, body = server.request("POST", "/", song, **{"Content-Type": "audio/wav"})
    assert (status, kind, json.loads(body)["seconds"]) == (200, "application/json", 5.0)

    # In chunks, of a length that is not told.
    with server.connect("Transfer-Encoding: chunked", "Connection: close") as client:
        for at in range(0, len(song), 10_000):
            chunk = song[at : at + 10_000]
            client.sendall(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        client.sendall(b"0\r\n\r\n")
        assert b'"seconds":5.0' in everything(client)

    # In chunks that are none, of each kind of body.
    for kind in ("audio/wav", "application/json", "multipart/form-data; boundary=x"):
        with server.connect(
            "Transfer-Encoding: chunked", f"Content-Type: {kind}", "Connection: close"
        ) as client:
            client.sendall(b"zz\r\nabc\r\n")
            answer = everything(client)
            assert answer.startswith(b"HTTP/1.1 400")
            assert b'"reason":"bad_body"' in answer

    for path, data, expected in (
        ("/", b"", 400),
        ("/", bytes(500_000), 413),
        ("/nowhere", song, 404),
    ):
        status, kind, body = server.request("POST", path, data)
        assert (status, kind) == (expected, "application/problem+json")
        assert json.loads(body)["status"] == expected

    # 700 MB are announced: the answer does not wait for them.
    with server.connect("Content-Length: 700000000", "Connection: close") as client:
        with suppress(ConnectionError):  # The server may have closed before all is sent.
            client.sendall(bytes(2_000_000))
        assert client.recv(100).startswith(b"HTTP/1.1 413")
    assert list(server.temporary.glob("tmp*")) == []


def test_progress_comes_at_once_and_a_client_that_leaves_ends_the_work(
    start: Callable[..., Server],
) -> None:
    server = start(SLOW)
    ended = server.folder / "ended"
    with server.connect("Accept: text/event-stream", "Content-Length: 3") as client:
        client.sendall(b"abc")
        began = time.monotonic()
        received = b""
        while b"event: progress" not in received:
            received += client.recv(1000)
        assert time.monotonic() - began < 2  # of the 6 s that the work takes
        assert b"text/event-stream" in received
    until = time.monotonic() + 5
    while not ended.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert int(ended.read_text()) < 15

    # One that leaves in the middle of its upload costs nothing, and the server goes on.
    with server.connect("Content-Length: 100000", "Content-Type: audio/wav") as client:
        client.sendall(bytes(50_000))
    assert server.request("GET", "/health")[0] == 200
    assert held(server) == []


def held(server: Server) -> list[str]:
    """The temporary files that the server and its workers still have open, or have left."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    if not children.exists():
        pytest.skip("Open files are read from /proc.")
    time.sleep(0.5)
    names = [str(path) for path in server.temporary.glob("tmp*")]
    for pid in (server.process.pid, *map(int, children.read_text().split())):
        names += [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
    # gunicorn's own heartbeat files are named wgunicorn-.
    return [
        name for name in names if name.startswith(str(server.temporary)) and "gunicorn" not in name
    ]


def everything(client: socket.socket) -> bytes:
    received = b""
    while data := client.recv(10_000):
        received += data
    return received
