"""HTTP spoken byte by byte, for what no client library would say."""

import json
import socket
from typing import Any, Self


class Raw:
    """A connection to a port of this machine."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def post(self, path: str, body: bytes = b"", **headers: str) -> None:
        """Send a POST with these headers, whatever they say of `body`."""
        headers = {"Host": "test", **headers}
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send("\r\n".join([f"POST {path} HTTP/1.1", *lines, "", ""]).encode() + body)

    def until(self, mark: bytes) -> bytes:
        """What comes, up to `mark` at least."""
        data = b""
        while mark not in data:
            part = self.socket.recv(65_536)
            if not part:
                raise AssertionError(f"It was closed, and {mark!r} had not come: {data!r}")
            data += part
        return data

    def rest(self) -> bytes:
        """All that comes until the other end closes it."""
        parts = []
        try:
            while part := self.socket.recv(65_536):
                parts.append(part)
        except ConnectionResetError:
            pass
        return b"".join(parts)


def parsed(answer: bytes) -> tuple[int, dict[str, str], Any]:
    """The status, the headers and the JSON of an answer that is complete."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(first.split()[1]), headers, json.loads(body)
