"""One request on a connection and its answer, as an ASGI app's `scope`, `receive` and `send`."""

import asyncio
import http
import logging
from collections.abc import Callable
from typing import Any, Protocol

from deploy.service import http1
from deploy.service.http1 import Headers

LEAVING = "halfgig.leaving"
"""Among the scope's extensions: takes what is to be called, once, when the client leaves."""
_HELD_BYTES = 16_384  # of a body that nobody has asked for; then nothing is read for a while

_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}".encode() for status in http.HTTPStatus
}

_log = logging.getLogger(__name__)


class Connection(Protocol):
    """What a turn has to do with."""

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop

    @property
    def own_headers(self) -> Headers:
        """What each answer has."""

    def close(self) -> None:
        """Close it, once the client has read what it was sent."""

    def hold(self) -> None:
        """Read nothing for now."""

    def read_on(self) -> None:
        """Read again, unless other requests wait."""

    async def drained(self) -> None:
        """Return once the client reads what it was sent."""

    def answered(self) -> None:
        """The answer is at its end."""


class Turn:
    """The request of `scope`, whose body comes by `take` and `end`; and its answer.

    keeps : whether another request may follow it on its connection
    """

    def __init__(self, connection: Connection, scope: dict[str, Any], keeps: bool) -> None:
        self.scope, self.keeps = scope, keeps
        self.is_whole = self.is_started = self.is_answered = False
        """The request is; the answer is begun, and at its end."""
        self._connection = connection
        self._parts: list[bytes] = []
        self._held = 0
        self._is_told_end = self._has_left = False
        self._came: asyncio.Future[None] | None = None
        self._leaving: Callable[[], object] | None = None
        self._head: bytes | None = None
        self._is_chunked = self._is_bodyless = False
        self._waits = scope["http_version"] == "1.1" and any(
            name == b"expect" and value.lower() == b"100-continue"
            for name, value in scope["headers"]
        )
        scope["extensions"] = {LEAVING: self._tell_leaving}

    def take(self, part: bytes) -> None:
        """A part of the body has come."""
        if self.is_answered:
            return
        self._waits = False
        self._parts.append(part)
        self._held += len(part)
        if self._held > _HELD_BYTES:
            self._connection.hold()
        self._wake()

    def end(self) -> None:
        """All of the request has come."""
        self.is_whole = True
        self._wake()

    def leave(self) -> None:
        """The client has gone, or is sent nothing more."""
        self._has_left = True
        self._wake()
        if self._leaving is not None:
            self._leaving()

    async def run(self, app: Any) -> None:
        """Have `app` answer."""
        try:
            await app(self.scope, self.receive, self.send)
        except Exception:
            _log.exception("The app failed.")
        finally:
            if not self.is_answered:
                self._connection.close()
            self._leaving = None
            self.scope.pop("extensions", None)  # They refer to this.

    async def receive(self) -> dict[str, Any]:
        if self._waits and not self._has_left:
            self._waits = False
            self._connection.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while not (self._has_left or self.is_answered):
            if self._parts or (self.is_whole and not self._is_told_end):
                body = b"".join(self._parts)
                self._parts.clear()
                self._held = 0
                self._is_told_end = self.is_whole
                self._connection.read_on()  # If only to notice that the client leaves.
                return {"type": "http.request", "body": body, "more_body": not self.is_whole}
            self._connection.read_on()
            self._came = self._connection.loop.create_future()
            await self._came
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._waits = False
            self._head = self._begin(message["status"], message["headers"])
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        await self._connection.drained()
        if self._has_left:
            return
        parts = [self._head] if self._head else []
        self._head = None
        if self._is_chunked:
            if body:
                parts += (b"%x\r\n" % len(body), body, b"\r\n")
            if not more:
                parts.append(b"0\r\n\r\n")
        elif not self._is_bodyless:
            parts.append(body)
        self.is_started = True
        self._connection.transport.write(b"".join(parts))
        if not more:
            self.is_answered = True
            self._wake()
            self._connection.answered()

    def _begin(self, status: int, headers: Headers) -> bytes:
        """The head of an answer, which goes out with the first part of the body."""
        headers = [*self._connection.own_headers, *headers]
        self._is_bodyless = self.scope["method"] == "HEAD" or status in (204, 304)
        if (b"connection", b"close") in headers:
            self.keeps = False
        elif not self.keeps:
            headers.append((b"connection", b"close"))
        if not self._is_bodyless and not any(name == b"content-length" for name, _ in headers):
            if self.scope["http_version"] == "1.1":
                self._is_chunked = True
                headers.append((b"transfer-encoding", b"chunked"))
            elif self.keeps:
                self.keeps = False
                headers.append((b"connection", b"close"))
        return http1.head(_STATUS_LINES.get(status) or b"HTTP/1.1 %d " % status, headers)

    def _tell_leaving(self, leaving: Callable[[], object] | None) -> None:
        self._leaving = leaving
        if leaving is not None and self._has_left:
            self._connection.loop.call_soon(leaving)

    def _wake(self) -> None:
        if self._came is not None and not self._came.done():
            self._came.set_result(None)
