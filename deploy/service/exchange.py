"""One request and its answer, over ASGI; and the client, who may leave at any time."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from deploy.service.request import Request, Scope
from deploy.service.turn import LEAVING
from functions.kit.problem import Problem

Headers = list[tuple[bytes, bytes]]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

_SILENCE_S = 30.0  # in the middle of a body
_SETTLE_BYTES, _SETTLE_S = 65_536, 1.0  # of a refused body, so that the connection can go on
_LINGER_BYTES, _LINGER_S = 2**20, 2.0  # of one before the connection is closed


class Left(Exception):  # noqa: N818 (said of the client)
    """The client has gone."""


class TooSlow(Problem):
    status, reason, title = 408, "slow_body", "The body did not come"


class Exchange:
    """A request whose body can be read, and which can be answered, once.

    `extra` are headers that every answer to it has.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.request = Request(scope)
        self.extra: Headers = [(b"x-request-id", self.request.id.encode())]
        if self.request.traceparent:
            self.extra.append((b"traceparent", self.request.traceparent))
        self.status = 0
        """Of the answer; of what went wrong after it began, where something did."""
        self.started = self.finished = False
        self._receive, self._send = receive, send
        self._tell_leaving = scope["extensions"][LEAVING]
        self._unread = self.request.length != 0
        self._is_told_to_send = not self.request.waits_for_continue

    async def body(self) -> AsyncIterator[bytes]:
        """The parts of the body. Raises `Left`, and `TooSlow` if none comes for too long."""
        while self._unread:
            self._is_told_to_send = True  # by the server, when it is asked for the next part
            try:
                async with asyncio.timeout(_SILENCE_S):
                    message = await self._receive()
            except TimeoutError:
                raise TooSlow(
                    f"Nothing of the body came for {_SILENCE_S:g} s, and it is not at its end. "
                    "Send it again."
                ) from None
            if message["type"] == "http.disconnect":
                raise Left
            self._unread = message.get("more_body", False)
            if part := message.get("body"):
                yield part

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Raises `Left` in what is done under this, when the client does. The body is read."""
        task = asyncio.current_task()
        assert task is not None
        is_watched, left = True, False

        def leave() -> None:
            nonlocal left
            if is_watched and not self.finished:
                left = True
                task.cancel()

        self._tell_leaving(leave)
        try:
            yield
        except asyncio.CancelledError:
            if left and not task.uncancel():
                raise Left from None
            raise
        finally:
            is_watched = False

    async def start(self, status: int, headers: Headers) -> None:
        """Begin the answer."""
        self.status, self.started = status, True
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [*headers, *self.extra],
            }
        )

    async def write(self, data: bytes) -> None:
        """Send a part of the answer's body. Waits while the client doesn't read."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        """Send the last part of the answer's body."""
        self.finished = True
        await self._send({"type": "http.response.body", "body": data})

    async def answer(
        self, status: int, kind: str | None, body: bytes, headers: Headers | None = None
    ) -> None:
        """Answer all of `body`, of the media type `kind`; None where there is none.

        A client that is still sending gets it, and then its connection is closed.
        """
        settled = await self._settle()
        all_headers = list(headers or [])
        if kind is not None:
            all_headers.append((b"content-type", kind.encode()))
            all_headers.append((b"content-length", str(len(body)).encode()))
        if not settled:
            all_headers.append((b"connection", b"close"))
        await self.start(status, all_headers)
        if settled:
            await self.end(body)
            return
        await self.write(body)
        await self._linger()
        await self.end()

    async def answer_json(
        self, status: int, document: object, headers: Headers | None = None
    ) -> None:
        """Answer `document`."""
        await self.answer(status, "application/json", dumps(document), headers)

    async def _settle(self) -> bool:
        """Read what is left of the body, if it is little. Whether it is at its end."""
        length = self.request.length
        little = length is not None and length <= _SETTLE_BYTES
        if self._unread and little and self._is_told_to_send:
            with suppress(TimeoutError, TooSlow):
                async with asyncio.timeout(_SETTLE_S):
                    async for _ in self.body():
                        pass
        return not self._unread

    async def _linger(self) -> None:
        """Read some of what a client still sends: closed upon, it would not read its answer."""
        if not self._is_told_to_send:
            return
        left = _LINGER_BYTES
        with suppress(TimeoutError, TooSlow, Left):
            async with asyncio.timeout(_LINGER_S):
                async for part in self.body():
                    left -= len(part)
                    if left <= 0:
                        return


def dumps(document: object) -> bytes:
    """`document` as JSON."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
