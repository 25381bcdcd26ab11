"""uvicorn's HTTP, with time limits for clients that stall, and refusals in this service's words."""

import asyncio
import json
import os
from functools import partial
from typing import Any, cast

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from deploy.service import connections
from deploy.service.connections import Connections
from deploy.service.request import BadHead
from deploy.service.settings import Settings

_HEAD_BYTES = 32_768
_READ_BYTES = 32_768  # at a time; asyncio's own 256 kB, of many uploads at once, are 100 MB
_HEAD_S = 30.0  # from the connection, or the first byte after an answer, to the head's end
_STALL_S = 30.0  # for a client that doesn't read its answer
_KEEP_ALIVE_S = (
    75  # longer than the proxies of most clouds keep a connection, so that they close it
)


def config(app: Any, settings: Settings) -> uvicorn.Config:
    """How uvicorn is to serve `app`."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=cast(Any, partial(Protocol, Connections(connections.most()))),
        backlog=connections.BACKLOG,
        loop="asyncio",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        # What is still running when the dispatcher has drained is told so by then.
        timeout_graceful_shutdown=int(settings.drain_seconds) + 5,
        h11_max_incomplete_event_size=_HEAD_BYTES,
    )


class Protocol(H11Protocol):
    """A connection. One that sends no whole head in time, or reads no answer, is closed."""

    _head_timer: asyncio.TimerHandle | None = None
    _stall_timer: asyncio.TimerHandle | None = None

    def __init__(self, open_: Connections, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._open = open_

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.max_size = _READ_BYTES  # type: ignore[attr-defined]
        self._await_head()
        self._open.made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._has_head()
        self._reads_on()
        self._open.lost(self.transport)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._has_head()
            if not self.cycle.response_complete:
                self._open.busy(self.transport)
        elif self.conn.their_state is h11.IDLE and self._head_timer is None:
            self._await_head()

    def on_response_complete(self) -> None:
        before = self.cycle
        super().on_response_complete()
        if self.cycle is before and not self.transport.is_closing():  # Else the next has come.
            self._open.idle(self.transport)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall_timer = self.loop.call_later(_STALL_S, self.transport.abort)

    def resume_writing(self) -> None:
        self._reads_on()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer a request that is no HTTP, unless an answer has begun."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.abort()
            return
        problem = BadHead(
            f"The request is not HTTP as it is understood here, or its head has more than "
            f"{_HEAD_BYTES:,} bytes."
        )
        request_id = os.urandom(16).hex()
        body = json.dumps(problem.as_dict(request_id)).encode()
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            (b"x-request-id", request_id.encode()),
        ]
        for event in (
            h11.Response(status_code=problem.status, headers=headers, reason=b"Bad Request"),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _should_upgrade(self) -> bool:
        """Other protocols are not spoken here, which is no reason for a line in the log."""
        return False

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(_HEAD_S, self.transport.abort)

    def _has_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _reads_on(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None
