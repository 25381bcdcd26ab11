"""A request to a service at an address, and its answer as it comes."""

import base64
import http.client
import os
import select
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from emulator import wire
from emulator.answers import Answer
from functions.kit.problem import Problem
from functions.kit.steps import Progress

_CONNECT_S = 20.0
_LOOK_S = 0.2


class Unreachable(Problem):
    """Nothing answers, or the answer breaks off."""

    status, reason, title = 502, "unreachable", "The service cannot be reached"


class AddressError(ValueError):
    """An address that is none; the message says what would do."""


@dataclass(frozen=True)
class Address:
    """Where a service is: http or https, maybe with a path, and a user's name and password."""

    secure: bool
    host: str
    port: int | None
    path: str
    headers: Mapping[str, str]

    @classmethod
    def read(cls, url: str) -> "Address":
        """The address `url`. Raises `AddressError`."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise AddressError("It must be an address such as https://halfgig.onrender.com.")
        headers = {}
        if parts.username is not None:
            user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            headers["Authorization"] = f"Basic {base64.b64encode(user.encode()).decode()}"
        secure = parts.scheme == "https"
        return cls(secure, parts.hostname, port, parts.path.rstrip("/"), headers)

    def __str__(self) -> str:
        """The address, less who asks."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        return f"{'https' if self.secure else 'http'}://{host}{port}{self.path}"

    def connection(self, patience_s: float) -> http.client.HTTPConnection:
        """One that is not made yet, and on which nothing may come for at most `patience_s`."""
        kind = http.client.HTTPSConnection if self.secure else http.client.HTTPConnection
        return kind(self.host, self.port, timeout=patience_s, blocksize=2**16)


def ask(
    address: Address,
    target: str,
    headers: Mapping[str, str],
    body: BinaryIO | None = None,
    *,
    method: str = "POST",
    patience_s: float = 600.0,
    progress: Callable[[Progress], None] = lambda _: None,
    heard: Callable[[str, Any], None] = lambda name, data: None,
) -> Answer:
    """The answer to a request of `target`, whose body is the rest of the file `body`.

    patience_s : how long nothing may come
    heard : told each event of an event stream, as it comes: its name and its data

    Raises `Unreachable`.
    """
    began = time.monotonic()
    connection = address.connection(_CONNECT_S)
    try:
        connection.connect()
        connection.sock.settimeout(patience_s)
        size = os.fstat(body.fileno()).st_size - body.tell() if body else 0
        every = {**address.headers, "Connection": "close", **headers, "Content-Length": str(size)}
        # It may refuse to read all of it, and have said why.
        with suppress(BrokenPipeError, ConnectionResetError):
            told = _Told(body, size, progress) if body else None
            connection.request(method, address.path + target, told, every)
        _wait(connection.sock, patience_s, progress)
        response = connection.getresponse()
        named = {name.lower(): value for name, value in response.getheaders()}
        if response.headers.get_content_type() == "text/event-stream":
            lines: list[bytes] = []
            for name, data in wire.events(_kept(response, lines)):
                heard(name, data)
            content = b"".join(lines)
        else:
            content = response.read()
        return Answer(response.status, named, content, time.monotonic() - began)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreachable(_why(address, error, patience_s)) from None
    finally:
        connection.close()


class _Told:
    """A file that says how much of it has been read."""

    def __init__(self, file: BinaryIO, size: int, progress: Callable[[Progress], None]) -> None:
        self._file, self._size, self._progress = file, size, progress
        self._read = 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._read += len(data)
        if self._size:
            self._progress(Progress("sending", min(1.0, self._read / self._size)))
        return data


def _wait(its: socket.socket, patience_s: float, progress: Callable[[Progress], None]) -> None:
    """Return once something came, or nothing did for too long: then reading says so."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline and not select.select([its], [], [], _LOOK_S)[0]:
        progress(Progress("waiting", None))


def _kept(response: http.client.HTTPResponse, lines: list[bytes]) -> Iterator[bytes]:
    for line in response:
        lines.append(line)
        yield line


def _why(address: Address, error: Exception, patience_s: float) -> str:
    match error:
        case socket.gaierror():
            return f"There is no host '{address.host}' that this machine knows. Is it spelt right?"
        case TimeoutError():
            return f"{address} did not answer in {patience_s:g} s."
        case ConnectionRefusedError():
            return f"Nothing listens at {address}. Does it run, and is the port right?"
        case OSError():
            what = error.strerror or str(error) or type(error).__name__
            return f"The connection to {address} failed: {what}."
    return f"What came from {address} breaks off, or is not HTTP. Is it the service's address?"
