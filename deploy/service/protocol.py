"""HTTP for uvicorn: connections parsed by llhttp, with limits on what a client may send or wait.

A connection's requests are answered one after another, each by a task of the app.
"""

import asyncio
import json
import logging
import os
from collections import deque
from functools import partial
from typing import Any, cast
from urllib.parse import unquote

import httptools
import uvicorn
from uvicorn.protocols.utils import get_local_addr, get_remote_addr
from uvicorn.server import ServerState

from deploy.service import connections, http1
from deploy.service.connections import Connections
from deploy.service.http1 import HEAD_BYTES, Headers, NotHttp, Reading
from deploy.service.request import BadHead
from deploy.service.settings import Settings
from deploy.service.turn import Turn

_HEAD_S = 30.0  # from the connection, or the first byte after an answer, to the head's end
_STALL_S, _STALL_BYTES = 30.0, 32_768  # what a client has to read of its answer in that time
_KEEP_ALIVE_S = (
    75.0  # longer than the proxies of most clouds keep a connection, so that they close it
)
_AHEAD = 16  # requests that may be sent before the one in front of them is answered

_log = logging.getLogger(__name__)


def config(app: Any, settings: Settings) -> uvicorn.Config:
    """How uvicorn is to serve `app`."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=cast(Any, partial(Protocol, Connections(connections.most()))),
        backlog=connections.BACKLOG,
        loop="none",  # It serves in one that is there.
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        # What is still running when the dispatcher has drained is told so by then.
        timeout_graceful_shutdown=int(settings.drain_seconds) + 5,
    )


class Protocol(Reading):
    """A connection. One that sends no whole head in time, or reads no answer, is closed."""

    transport: asyncio.Transport

    def __init__(
        self,
        open_: Connections,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.loop = _loop or asyncio.get_running_loop()
        self._open = open_
        self._app, self._server_state = config.loaded_app, server_state
        self._turns: deque[Turn] = deque()
        """Those whose head has come; the first is being answered."""
        self._can_write = asyncio.Event()
        self._can_write.set()
        self._is_held = self._is_deaf = self._refuses = False
        """Nothing is read for now; or ever; and what came last is to be refused."""
        self._target = b""
        self._headers: Headers = []
        self._in_head = self._is_kept = False
        """A head has begun; or none has, since an answer."""
        self._deadline: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None
        self._parse_anew()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport = cast(asyncio.Transport, transport)
        self._here, self._client = get_local_addr(transport), get_remote_addr(transport)
        self._server_state.connections.add(self)  # type: ignore[arg-type]
        self._await(_HEAD_S)
        self._open.made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server_state.connections.discard(self)
        self._open.lost(self.transport)
        for timer in (self._timer, self._stall_timer):
            if timer is not None:
                timer.cancel()
        self._is_deaf = True
        self._can_write.set()
        for turn in self._turns:
            turn.leave()
        del self._parser, self._reader  # They refer to this as well.

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        was_busy, was_kept, self._is_kept = bool(self._turns), self._is_kept, False
        try:
            self._read(data)
        except NotHttp:
            self._is_deaf = True
            self._misread()
        if self._turns:
            if len(self._turns) > 1:
                self.hold()
            if not was_busy:
                self._deadline = None
                self._open.busy(self.transport)
                self._start()
        elif was_kept:
            self._await(_HEAD_S)

    def eof_received(self) -> bool:
        """The client has gone: one that only says no more can't be told from it.

        It still gets what can be answered at once.
        """
        self.loop.call_soon(self.close)
        return True

    def pause_writing(self) -> None:
        self._can_write.clear()
        self._await_reading()

    def resume_writing(self) -> None:
        if self._stall_timer is not None and not self.transport.is_closing():
            self._stall_timer.cancel()
        self._can_write.set()

    def shutdown(self) -> None:
        """Answer what has been asked, and no more; uvicorn calls it."""
        for turn in self._turns:
            turn.keeps = False
        if not self._turns:
            self.close()

    # What a turn asks for.

    @property
    def own_headers(self) -> Headers:
        return self._server_state.default_headers

    def close(self) -> None:
        self.transport.close()
        if self.transport.get_write_buffer_size():
            self._await_reading()

    def hold(self) -> None:
        if not self._is_held:
            self._is_held = True
            self.transport.pause_reading()

    def read_on(self) -> None:
        if self._is_held and len(self._turns) < 2:
            self._is_held = False
            self.transport.resume_reading()

    async def drained(self) -> None:
        if not self._can_write.is_set():
            await self._can_write.wait()

    def answered(self) -> None:
        turn = self._turns.popleft()
        self._server_state.total_requests += 1
        if not (turn.keeps and turn.is_whole):
            self.close()
        elif self._turns:
            self._start()
            self.read_on()
        elif self._refuses:
            self._refuse()
        else:
            self._open.idle(self.transport)
            self.read_on()
            self._is_kept = not self._in_head
            self._await(_KEEP_ALIVE_S if self._is_kept else _HEAD_S)

    # What llhttp finds.

    def on_message_begin(self) -> None:
        if len(self._turns) > _AHEAD or (self._turns and not self._turns[-1].keeps):
            raise NotHttp
        self._target, self._headers, self._in_head = b"", [], True

    def on_url(self, part: bytes) -> None:
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # Else it comes after the body.
            self._headers.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        if self._parser.should_upgrade():
            return
        self._in_head = False
        self._reader.got()
        version = self._parser.get_http_version()
        _check(version, self._headers)
        path, _, query = self._target.partition(b"?")
        text = path.decode("ascii")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": version,
            "server": self._here,
            "client": self._client,
            "scheme": "http",
            "method": self._parser.get_method().decode("ascii"),
            "root_path": "",
            "path": unquote(text) if "%" in text else text,
            "raw_path": path,
            "query_string": query,
            "headers": self._headers,
        }
        keeps = version == "1.1" and self._parser.should_keep_alive()
        self._turns.append(Turn(self, scope, keeps))

    def on_body(self, part: bytes) -> None:
        self._reader.got()
        self._turns[-1].take(part)

    def on_message_complete(self) -> None:
        if not self._in_head:
            self._reader.got()
            self._turns[-1].end()

    def _parse_anew(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._reader = http1.Reader(self._parser)

    def _read(self, data: bytes) -> None:
        while data:
            try:
                self._reader.feed(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                # No other protocol is spoken here, and so the request stays as it is, in HTTP;
                # llhttp took what follows its head for that protocol.
                method = self._parser.get_method()
                if method == b"CONNECT":
                    raise NotHttp from None
                headers = [its for its in self._headers if its[0] != b"upgrade"]
                version = self._parser.get_http_version().encode()
                head = http1.head(b"%b %b HTTP/%b" % (method, self._target, version), headers)
                self._parse_anew()
                data = head + data[upgrade.args[0] :]

    def _misread(self) -> None:
        """What came last is not HTTP: refuse it, once what came before it is answered."""
        newest = self._turns[-1] if self._turns else None
        if newest is None:
            self._refuse()
        elif newest.is_whole:
            self._refuses = newest.keeps
        elif len(self._turns) > 1:
            self._turns.pop()
            self._refuses = True
        elif newest.is_started:
            self.transport.abort()
        else:
            self._turns.pop()
            newest.leave()
            self._refuse()

    def _refuse(self) -> None:
        problem = BadHead(
            f"The request is not HTTP as it is understood here, or its head has more than "
            f"{HEAD_BYTES:,} bytes."
        )
        request_id = os.urandom(16).hex()
        body = json.dumps(problem.as_dict(request_id)).encode()
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
            (b"x-request-id", request_id.encode()),
        ]
        self.transport.write(http1.head(b"HTTP/1.1 400 Bad Request", headers) + body)
        self.close()

    def _start(self) -> None:
        """Have the first turn answered."""
        tasks = self._server_state.tasks
        task = self.loop.create_task(self._turns[0].run(self._app))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def _await(self, seconds: float) -> None:
        """Close the connection unless something comes of it within so many seconds.

        The one timer is left to run when something does: most often it is needed again.
        """
        self._deadline = self.loop.time() + seconds
        if self._timer is not None and self._timer.when() > self._deadline:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self.loop.call_at(self._deadline, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._deadline is None:
            return
        now = self.loop.time()
        if now < self._deadline:
            # uvloop's clock has milliseconds, and what is due within less is no timer to it.
            self._timer = self.loop.call_at(max(self._deadline, now + 0.001), self._look)
        elif self._is_kept:
            self.close()
        else:
            self.transport.abort()

    def _await_reading(self) -> None:
        """Close the connection at once when the client reads too little of what is left for it."""
        if self._stall_timer is not None:
            self._stall_timer.cancel()
        left = self.transport.get_write_buffer_size()
        self._stall_timer = self.loop.call_later(_STALL_S, self._look_at_reading, left)

    def _look_at_reading(self, before: int) -> None:
        if self.transport.get_write_buffer_size() > before - _STALL_BYTES:
            self.transport.abort()
        else:
            self._await_reading()


def _check(version: str, headers: Headers) -> None:
    """What llhttp lets pass. Raises `NotHttp`."""
    hosts = sum(name == b"host" for name, _ in headers)
    if version not in ("1.0", "1.1") or hosts > 1 or (not hosts and version == "1.1"):
        raise NotHttp
    for name, value in headers:
        if name == b"transfer-encoding" and (version == "1.0" or value.lower() != b"chunked"):
            raise NotHttp
