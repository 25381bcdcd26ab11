"""One HTTP/1.1 connection from the client's side, parsed by llhttp."""

import asyncio
import select
from collections import deque
from contextlib import suppress
from io import FileIO
from typing import cast

import httptools

from deploy.service import http1
from deploy.service.http1 import Headers, NotHttp, Reading

CHUNK = 65_536


class Broken(Exception):  # noqa: N818 (said of the connection)
    """There is no connection, or it broke off, or what came over it is no answer."""


class Unasked(Broken):
    """Not all of the request was read at the other end, and so nobody worked on it."""


class Late(Broken):
    """Nothing came for too long."""


class Wire(Reading):
    """A connection that one request after another goes over, and their answers come."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._reader = http1.Reader(self._parser)
        self._transport: asyncio.Transport
        self._came: asyncio.Future[None] | None = None
        self._is_patient = True
        self._unread = 0
        self._can_write = asyncio.Event()
        self._can_write.set()
        self._fault: NotHttp | None = None
        self.is_open = True
        self.was_reset = False
        # Of the answer that comes.
        self._status = 0
        self._headers: Headers = []
        self._in_head = self._has_head = False
        self._parts: deque[bytes] = deque()
        self._is_whole = True
        self._is_framed = self._keeps = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._unread += len(data)
        if is_full := self._unread > CHUNK:
            self._transport.pause_reading()
        try:
            self._reader.feed(data)
        except NotHttp as fault:
            self._fault = fault
        except httptools.HttpParserUpgrade:
            self._fault = NotHttp("It speaks another protocol.")
        # A head alone is no reason to look, unless something had to come.
        if self._parts or self._is_whole or self._fault or is_full or not self._is_patient:
            self._wake()

    def eof_received(self) -> None:
        self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        self.was_reset = isinstance(exc, ConnectionError)
        self._end()
        self._can_write.set()
        del self._parser, self._reader  # They refer to this as well.

    def pause_writing(self) -> None:
        self._can_write.clear()

    def resume_writing(self) -> None:
        self._can_write.set()

    # What llhttp finds.

    def on_message_begin(self) -> None:
        if self._is_whole:
            raise NotHttp("More came than was asked for.")
        self._in_head, self._headers = True, []

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # Else it comes after the body.
            self._headers.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        self._reader.got()
        self._in_head = False
        self._status = self._parser.get_status_code()
        self._has_head = self._status >= 200
        self._is_framed = any(
            name in (b"content-length", b"transfer-encoding") for name, _ in self._headers
        )

    def on_body(self, part: bytes) -> None:
        self._reader.got()
        self._parts.append(part)

    def on_message_complete(self) -> None:
        self._reader.got()
        self._is_whole = self._has_head
        self._keeps = self._parser.should_keep_alive()

    # What is asked, and what is answered.

    def ask(self, request: bytes) -> None:
        """Send a request, or its beginning."""
        self._has_head = self._is_whole = False
        self._transport.write(request)

    async def send(self, file: FileIO) -> None:
        """Send `file` as its body; nothing is said of what goes wrong, as the answer tells."""
        with suppress(OSError):
            while self.is_open and (part := file.read(CHUNK)):
                self._transport.write(part)
                await self._can_write.wait()

    async def head(self, patience_s: float | None) -> tuple[int, Headers]:
        """The answer's status and headers, their names in lower case.

        Where nothing is said of patience, some of the body, or its end, has come as well.
        Raises `Broken`; `Late` if nothing comes for `patience_s`.
        """
        while not (self._has_head and (self._parts or self._is_whole or patience_s is not None)):
            await self._more(patience_s)
        return self._status, self._headers

    async def part(self, patience_s: float | None) -> bytes | None:
        """The next part of the body, None at its end. Raises as `head` does."""
        while not self._parts:
            if self._is_whole:
                return None
            await self._more(patience_s)
        return self._parts.popleft()

    def is_idle(self) -> bool:
        """Whether it is open, and not even its end has come, noticed yet or not."""
        if not self.is_open or self._fault:
            return False
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not poll.poll(0)

    def starts_anew(self) -> bool:
        """Whether the next request may go over it, the last one being answered."""
        return self.is_open and self._is_whole and self._keeps and not self._parts

    def close(self) -> None:
        """Close it, whatever is still to be sent."""
        self._transport.abort()

    async def _more(self, patience_s: float | None) -> None:
        """Wait for something to come."""
        if self._fault:
            raise Broken(f"What came is not HTTP: {self._fault}") from self._fault
        if not self.is_open:
            raise Broken("It ended before it had answered.")
        if self._unread > CHUNK:
            self._transport.resume_reading()
        self._unread = 0
        self._is_patient = patience_s is None
        self._came = asyncio.get_running_loop().create_future()
        if patience_s is None:
            await self._came
            return
        try:
            async with asyncio.timeout(patience_s):
                await self._came
        except TimeoutError as error:
            raise Late("Nothing comes.") from error

    def _end(self) -> None:
        if self.is_open:
            self.is_open = False
            if self._has_head and not self._is_framed:
                self._is_whole = True
            self._keeps = False
            self._wake()

    def _wake(self) -> None:
        if self._came is not None and not self._came.done():
            self._came.set_result(None)
