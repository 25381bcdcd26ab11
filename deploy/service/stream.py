"""An event stream to a client: begun when there is something to tell, and kept alive."""

import asyncio
import time
from types import TracebackType
from typing import Self

from deploy.service import events
from deploy.service.exchange import Exchange, Headers

_KEEP_ALIVE_S = 15.0
_HEADERS: Headers = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class Stream:
    """The stream that `exchange` is answered with, if anything is sent while this is entered."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._sent = time.monotonic()
        self.begun = False
        """Whether anything was sent: if not, the answer can still be another."""

    async def __aenter__(self) -> Self:
        self._keeping = asyncio.create_task(self._keep_alive())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._keeping.cancel()

    def give_up(self) -> None:
        """The answer is another: nothing is sent to keep a stream alive."""
        self._keeping.cancel()

    async def send(self, event: bytes) -> None:
        """Send a whole event, or some."""
        self._sent = time.monotonic()
        if not self.begun:
            self.begun = True
            await self._exchange.start(200, _HEADERS)
        await self._exchange.write(event)

    async def _keep_alive(self) -> None:
        while True:
            left = self._sent + _KEEP_ALIVE_S - time.monotonic()
            if left <= 0:
                await self.send(events.KEEP_ALIVE)
            else:
                await asyncio.sleep(left)
