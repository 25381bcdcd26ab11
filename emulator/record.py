"""Each call of a function, kept on disk as it passes through the service: the recorder.

A call that has come and was answered whole is a folder, `<time>-<function>-<id>`, with

    request.json  method, path, query and headers, less what is secret
    body          the bytes that were sent
    answer.json   status and headers
    answer        the bytes that were answered
    report.json   a list with the REPORT of each function that took it

Nothing is held in memory, and a folder is there with all of it or not at all. Once there are
`MOST_MB`, no more calls are kept, and those that are stay: nobody else knows which may go.
"""

import asyncio
import itertools
import json
import re
import shutil
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeAlias

from deploy.service import log
from deploy.service.folder import OwnFolder

Asgi: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]
Pairs: TypeAlias = Iterable[tuple[bytes, bytes]]

REQUEST, BODY, ANSWER_HEAD, ANSWER, REPORT = (
    "request.json",
    "body",
    "answer.json",
    "answer",
    "report.json",
)
SECRET = frozenset((b"x-api-key", b"authorization", b"proxy-authorization", b"cookie"))
MOST_MB = 1000
"""What a folder may hold, in a million bytes."""
_UNFINISHED = ".unfinished-"
_REPORT_S = 1.0  # for a REPORT to come once there is the answer
_REPORTS = 256  # that are remembered while calls go on


class RecordError(ValueError):
    """Nothing can be kept there; the message says why."""


class _FullError(OSError):
    """There is no room for a call."""


def wrap(folder: Path) -> Callable[[Asgi], Asgi]:
    """What makes of the service's app one whose calls are kept in `folder`.

    Raises `RecordError`.
    """
    return lambda app: Recorder(app, folder)


class Recorder:
    """`app`, whose calls are kept in `folder`."""

    def __init__(self, app: Asgi, folder: Path) -> None:
        self._app, self._folder = app, folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._unfinished = OwnFolder(_UNFINISHED, folder)
            self._room = _Room(folder)
        except OSError as error:
            raise RecordError(
                f"Nothing can be recorded in '{folder}': {error.strerror}. Name a folder that can "
                "be written to."
            ) from None
        self._count = itertools.count(1)
        self._reports: deque[Mapping[str, Any]] = deque(maxlen=_REPORTS)
        self._reported = asyncio.Event()
        log.listen(self._logged)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or self._room.is_full:
            await self._app(scope, receive, send)
            return
        place = Path(self._unfinished.name, str(next(self._count)))
        with _Recording(place, scope, self._room) as recording:

            async def received() -> Any:
                message = await receive()
                recording.asked(message)
                return message

            async def sent(message: Any) -> None:
                recording.answered(message)
                await send(message)

            await self._app(scope, received, sent)
            if recording.is_whole:
                await self._keep(recording)

    async def _keep(self, recording: "_Recording") -> None:
        """Keep what has come and was answered, if it was for a function."""
        analysis = recording.path == "/analyze"
        lost = recording.status in (502, 504)
        reports = await self._reports_of(recording.id, 0 if lost else 99 if analysis else 1)
        at_the_door = 400 <= recording.status < 500 or recording.status == 503
        if at_the_door and not reports:
            return
        by = reports[0]["function"] if reports and not analysis else recording.path
        name = f"{recording.time}-{_plain(by)}-{_plain(recording.id)}"
        kept = recording.keep(self._folder, name, reports)
        if kept is not None:
            log.emit("recorded", request_id=recording.id, folder=kept)

    async def _reports_of(self, id: str, expected: int) -> list[Mapping[str, Any]]:
        """The REPORTs of a call, once there are as many as are `expected`, or none comes."""
        found = self._found(id)
        with suppress(TimeoutError):
            async with asyncio.timeout(_REPORT_S):
                while len(found) < expected:
                    self._reported.clear()
                    await self._reported.wait()
                    found = self._found(id)
        for report in found:
            self._reports.remove(report)
        return found

    def _found(self, id: str) -> list[Mapping[str, Any]]:
        return [report for report in self._reports if report["request_id"] == id]

    def _logged(self, line: Mapping[str, Any]) -> None:
        if line["event"] == "report":
            self._reports.append({key: line[key] for key in line if key not in ("time", "event")})
            self._reported.set()


class _Room:
    """What there is room for in `folder`, by what is there and what is being recorded."""

    def __init__(self, folder: Path) -> None:
        self.is_full = False
        self._folder = folder
        sizes = (path.stat().st_size for path in folder.rglob("*") if path.is_file())
        self._left = MOST_MB * 10**6 - sum(sizes)

    def take(self, size: int) -> None:
        """Have room for so many bytes. Raises `_FullError`, and tells of the first time."""
        if size > self._left and not self.is_full:
            self.is_full = True
            log.emit(
                "record_full",
                detail=f"No more calls are kept: '{self._folder}' has {MOST_MB} MB of them, the "
                "most that it may. Remove some and start again, or name another folder.",
            )
        if self.is_full:
            raise _FullError
        self._left -= size

    def give_back(self, size: int) -> None:
        self._left += size


class _Recording:
    """One call, in `folder` until it is kept elsewhere; at the end that folder is gone.

    A disk that refuses ends the recording, never the call.
    """

    def __init__(self, folder: Path, scope: Any, room: _Room) -> None:
        now = datetime.now(UTC)
        self.time = f"{now:%Y%m%dT%H%M%S}.{now.microsecond // 1000:03}Z"
        self.path: str = scope["path"]
        self.id = ""
        self.status = 0
        self._folder, self._room, self._size = folder, room, 0
        self._head = {
            "time": now.isoformat(timespec="milliseconds"),
            "method": scope["method"],
            "path": self.path,
            "query": scope["query_string"].decode("latin-1"),
            "headers": _readable(scope["headers"]),
        }
        headers = dict(scope["headers"])
        self._asked = (
            headers.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in headers
        )
        """Whether all of the body has come."""
        self._answered = False
        self._answer_head: dict[str, Any] = {}
        self._files: dict[str, BinaryIO] = {}
        self._error: OSError | None = None

    def __enter__(self) -> Self:
        try:
            self._folder.mkdir(mode=0o700)
            for name in (BODY, ANSWER):
                self._files[name] = (self._folder / name).open("wb")
        except OSError as error:
            self._fail(error)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._close()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._room.give_back(self._size)

    @property
    def is_whole(self) -> bool:
        """Whether all has come, and all was answered."""
        return self._asked and self._answered

    def asked(self, message: Any) -> None:
        """What the client sends."""
        if message["type"] == "http.request" and not self._asked:
            self._write(BODY, message.get("body", b""))
            self._asked = not message.get("more_body", False)

    def answered(self, message: Any) -> None:
        """What the service sends."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = message["headers"]
            self._answer_head = {"status": self.status, "headers": _readable(headers)}
            ids = (value for name, value in headers if name == b"x-request-id")
            self.id = next(ids, b"").decode("latin-1")
        elif message["type"] == "http.response.body":
            self._write(ANSWER, message.get("body", b""))
            self._answered = not message.get("more_body", False)

    def keep(self, folder: Path, name: str, reports: Iterable[Mapping[str, Any]]) -> str | None:
        """Put it into `folder`. Gives the name that it has there, None where that can't be."""
        try:
            self._close()
            if self._error is not None:
                raise self._error
            for file, value in (
                (REQUEST, self._head),
                (ANSWER_HEAD, self._answer_head),
                (REPORT, list(reports)),
            ):
                text = json.dumps(value, indent=1, ensure_ascii=False, default=str)
                data = f"{text}\n".encode()
                self._take(len(data))
                (self._folder / file).write_bytes(data)
            kept = self._rename(folder, name)
            self._size = 0
            return kept
        except _FullError:
            return None
        except OSError as error:
            self._fail(error)
            log.emit(
                "record_failed",
                request_id=self.id,
                detail=f"The call could not be recorded in '{folder}': {error.strerror}.",
            )
            return None

    def _rename(self, folder: Path, name: str) -> str:
        """A folder's name is its own: one that asks under the same id at once has another."""
        for unique in itertools.chain((name,), (f"{name}-{n}" for n in itertools.count(2))):
            if not (folder / unique).exists():
                self._folder.rename(folder / unique)
                return unique
        raise AssertionError

    def _write(self, name: str, data: bytes) -> None:
        if self._error is None:
            try:
                self._take(len(data))
                self._files[name].write(data)
            except OSError as error:
                self._fail(error)

    def _take(self, size: int) -> None:
        self._room.take(size)
        self._size += size

    def _close(self) -> None:
        for file in self._files.values():
            try:
                file.close()
            except OSError as error:
                self._error = self._error or error
        self._files = {}

    def _fail(self, error: OSError) -> None:
        self._error = error
        self._close()


def _readable(headers: Pairs) -> list[list[str]]:
    """Headers as JSON, less those that are secret."""
    return [
        [name.decode("latin-1"), value.decode("latin-1")]
        for name, value in headers
        if name.lower() not in SECRET
    ]


def _plain(text: str) -> str:
    """`text` as a part of a folder's name."""
    return re.sub(r"[^A-Za-z0-9_]+", "-", text).strip("-")[:40] or "call"
