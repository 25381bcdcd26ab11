"""A request to a host over its Unix socket, and its answer as it streams in."""

import contextlib
import json
import os
import socket
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any, BinaryIO

from functions.kit.steps import Progress


class Connection(HTTPConnection):
    """HTTP on the Unix socket at `path`."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", blocksize=2**16)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(str(self._path))


def post(
    path: Path, audio: BinaryIO, request_id: str, progress: Callable[[Progress], None]
) -> tuple[Any, dict[str, Any] | None]:
    """Send `audio`, a file open at its start, and return (result, problem); one of them is None.

    Raises OSError, HTTPException or ValueError where the answer breaks off.
    """
    connection = Connection(path)
    try:
        # It may refuse to read all of it, and have said why.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.request(
                "POST",
                "/",
                audio,
                {
                    "Accept": "text/event-stream, application/json;q=0.5",
                    "Content-Length": str(os.fstat(audio.fileno()).st_size),
                    "Content-Type": "application/octet-stream",
                    "X-Request-ID": request_id,
                },
            )
        return _answer(connection.getresponse(), progress)
    finally:
        connection.close()


def _answer(
    response: HTTPResponse, progress: Callable[[Progress], None]
) -> tuple[Any, dict[str, Any] | None]:
    kind = response.headers.get_content_type()
    if kind == "text/event-stream":
        for event, data in events(response):
            if event == "progress":
                progress(Progress(**data))
            elif event == "result":
                return data, None
            elif event == "error":
                return None, data
        raise ValueError("The stream ended before its result.")
    body = response.read()
    if response.status < 400:
        return json.loads(body), None
    if kind == "application/problem+json":
        return None, json.loads(body)
    text = body.decode("utf-8", "replace").strip()
    return None, {
        "type": "about:blank",
        "title": response.reason,
        "status": response.status,
        "detail": text[:500] or response.reason,
        "reason": f"http_{response.status}",
    }


def events(lines: Iterator[bytes] | HTTPResponse) -> Iterator[tuple[str, Any]]:
    """The server-sent events in `lines`, each as (its name, its data read as JSON)."""
    name, data = "message", b""
    for line in lines:
        field, _, value = line.rstrip(b"\r\n").partition(b":")
        value = value.removeprefix(b" ")
        if field == b"event":
            name = value.decode()
        elif field == b"data":
            data += value + b"\n"
        elif not field and not value and line[:1] != b":":
            if data:
                yield name, json.loads(data)
            name, data = "message", b""
