"""Where a function's answers come from: a process of this service, or an address elsewhere."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from deploy.service import client
from deploy.service.http1 import Headers
from deploy.service.places import Lost, Moment, Places
from deploy.service.spool import Body
from deploy.service.wire import Broken, Late, Unasked
from functions.kit.manifest import Manifest
from functions.kit.problem import Problem

Told = Callable[[Moment], Awaitable[None]]


class Unreachable(Problem):
    status, reason, title = 502, "unreachable", "The function can't be reached"


class TooLate(Problem):
    status, reason, title = 504, "timeout", "The function took too long"


@dataclass(frozen=True)
class Question:
    """What a function is asked at `route`: `headers` are the caller's that it is to see."""

    route: str
    events: bool
    """Whether the answer is to be an event stream."""
    request_id: str
    headers: Headers
    key: bytes | None
    body: Body

    @property
    def all_headers(self) -> Headers:
        accept = b"text/event-stream" if self.events else b"application/json"
        return [
            (b"accept", accept),
            (b"x-request-id", self.request_id.encode()),
            *self.headers,
        ]


@dataclass(frozen=True)
class Asked:
    """A function's answer, as it comes, and what it took until it was asked."""

    answer: client.Answer
    queue_s: float = 0.0
    init_s: float = 0.0


class Origin(Protocol):
    """One function."""

    def asked(self, question: Question, told: Told) -> AbstractAsyncContextManager[Asked]:
        """The answer to `question`; meanwhile `told` is what happens until it can be asked.

        To be left without an exception only when all of the answer was read. Raises what there is
        instead of an answer, as a `Problem`, even where that turns out while it is read.
        """

    async def warm(self, request_id: str) -> dict[str, object]:
        """Make it ready to be asked, and say how it is. Raises `Problem`."""

    def close(self) -> None:
        """Keep no connection to it."""


class Here:
    """A function that `places` has a process for."""

    def __init__(self, function: Manifest, places: Places) -> None:
        self._function, self._places = function, places
        self._target: client.Socket | None = None

    @asynccontextmanager
    async def asked(self, question: Question, told: Told) -> AsyncIterator[Asked]:
        headers, body = question.all_headers, question.body
        if body.path is not None:
            headers.append((b"x-halfgig-body", str(body.path).encode()))
        asked = None
        for last in (False, True):
            try:
                async with self._places.place(self._function.name, question.request_id) as place:
                    async for moment in place:
                        await told(moment)
                    try:
                        async with client.request(
                            self._at(place.socket), question.route, headers, body.data
                        ) as answer:
                            asked = Asked(answer, place.queue_s, place.init_s)
                            yield asked
                    except Broken as broken:
                        lost = await place.lost()
                        if isinstance(lost, Lost):
                            lost.unasked = isinstance(broken, Unasked)
                        raise lost from None
                return
            except Lost as lost:
                if last or asked or not lost.unasked or lost.reason == "timeout":
                    raise
                # It was dead or dying before; another can be asked.

    async def warm(self, request_id: str) -> dict[str, object]:
        async with self._places.place(self._function.name, request_id, warm_only=True) as place:
            async for _ in place:
                pass
            return {"state": "ready", "start": place.start, "init_s": round(place.init_s, 4)}

    def close(self) -> None:
        if self._target is not None:
            self._target.close()

    def _at(self, socket: Path) -> client.Socket:
        if self._target is None or self._target.path != socket:
            self.close()
            self._target = client.Socket(socket)
        return self._target


class Elsewhere:
    """A function at an address. It needs no place; what it queues and starts, it does itself."""

    def __init__(self, function: Manifest, url: str) -> None:
        self._function, self._url = function, client.Url(url)

    @asynccontextmanager
    async def asked(self, question: Question, told: Told) -> AsyncIterator[Asked]:
        name, patience_s = self._function.name, self._function.timeout_s
        headers = question.all_headers
        if question.key is not None:  # The functions that are deployed apart share our keys.
            headers.append((b"x-api-key", question.key))
        with ExitStack() as opened:
            body: bytes | client.Upload = question.body.data
            if question.body.path is not None:
                file = opened.enter_context(question.body.path.open("rb", buffering=0))
                body = client.Upload(file, question.body.size)
            try:
                async with client.request(
                    self._url, question.route, headers, body, patience_s
                ) as answer:
                    yield Asked(answer)
            except Late:
                raise TooLate(
                    f"'{name}' is served elsewhere, and nothing came from there for "
                    f"{patience_s:g} s, the timeout in its function.toml."
                ) from None
            except Broken:
                raise Unreachable(
                    f"'{name}' is served elsewhere, and there is no connection to it, or it broke "
                    "off. Try again."
                ) from None

    async def warm(self, request_id: str) -> dict[str, object]:
        return {"state": "remote"}

    def close(self) -> None:
        pass
