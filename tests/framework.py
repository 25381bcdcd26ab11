"""functions-framework's own command, and requests to it."""

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from emulator import wire


@contextmanager
def framework(python: Path, cwd: Path, environ: Mapping[str, str], *args: str) -> Iterator[str]:
    """functions-framework's command, of the environment of `python`; gives its address."""
    port = free_port()
    command = [str(python.with_name("functions-framework")), "--host", "127.0.0.1", "--port", port]
    with serving([*command, *args], port, cwd, environ) as url:
        yield url


def free_port() -> str:
    """A port of this machine that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


@contextmanager
def serving(
    command: str | Sequence[str], port: str, cwd: Path, environ: Mapping[str, str]
) -> Iterator[str]:
    """Runs a command, a text in a shell, until it is left; gives its address once it answers."""
    with subprocess.Popen(command, shell=isinstance(command, str), cwd=cwd, env=environ) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + 30
            while True:
                try:
                    with urllib.request.urlopen(f"{url}/health"):
                        break
                except OSError:
                    if time.monotonic() > deadline or process.poll() is not None:
                        raise
                    time.sleep(0.1)
            yield url
        finally:
            process.terminate()


def post(url: str, body: bytes, kind: str) -> Any:
    """The answer to `body`, read as JSON."""
    request = urllib.request.Request(url, body, {"Content-Type": kind})
    with urllib.request.urlopen(request) as response:
        return json.loads(response.read())


def refusal(url: str, body: bytes, kind: str = "application/octet-stream") -> dict[str, Any]:
    """The problem that comes of `body`."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        post(url, body, kind)
    with caught.value as answer:
        problem: dict[str, Any] = json.loads(answer.read())
        assert answer.headers.get_content_type() == "application/problem+json"
        assert problem["status"] == answer.code
    return problem


def events(url: str, body: bytes, kind: str) -> list[tuple[str, Any]]:
    """The server-sent events that come of `body`."""
    headers = {"Content-Type": kind, "Accept": "text/event-stream"}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as response:
        return list(wire.events(response))


def left(home: Path) -> list[str]:
    """What is in a home directory that was empty, but for gunicorn's own folder for its socket."""
    return [path.name for path in home.iterdir() if path.name != ".gunicorn"]
