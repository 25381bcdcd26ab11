"""A service in a cage to try calls on, with what each of them took."""

import functools
import json
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from deploy.plans import Plan
from emulator import client
from emulator.answers import Answer
from emulator.client import Address, Unreachable
from emulator.running import Running
from functions.kit.steps import Progress

REPORT_S = 3.0
"""How long a REPORT may take once there is the answer."""
RELOAD_S = 120.0
"""How long a function may take to have no process any more: it lets a request end."""
_TICK_S = 0.2
_WORDS = 50
_END_S = 1.0  # for its end to be known once a connection broke off
_OWN_SETTINGS = {"API_KEYS": "", "RATE_PER_MINUTE": "0"}
"""Nobody else can call it, and who calls it is not to be kept out."""

Ticks = Callable[[Progress], None]
Line = Mapping[str, Any]


class BedError(Exception):
    """The service does not do what it must for a trial; the message says what."""


@dataclass(frozen=True)
class Done:
    """A call: its answer, and the REPORT of each function that took it to its end."""

    answer: Answer
    reports: Sequence[Mapping[str, Any]]


class Bed:
    """The service of the functions `names` (none named: all) in the cage of `plan`.

    A context manager; see `Running` for what entering raises.

    progress : told what it waits for
    said : told, at the end, what `words` has then
    """

    def __init__(
        self,
        names: Sequence[str],
        plan: Plan | None,
        progress: Ticks = lambda _: None,
        said: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._heard = Heard()
        self.running = Running(names, plan, settings=_OWN_SETTINGS, heard=self._heard)
        self._progress, self._said = progress, said

    def __enter__(self) -> Self:
        try:
            with ticking(self._progress, "starting the service"):
                self.running.__enter__()
            self._address = Address.read(self.running.url)
        except BaseException as error:  # Ctrl-C, too, once it listens and nobody has it yet.
            self.running.__exit__(type(error))
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.running.__exit__(kind, error, trace)
        for word in self.words():
            self._said(word)

    def ask(
        self,
        target: str,
        headers: Mapping[str, str],
        body: Path,
        id: str,
        progress: Ticks = lambda _: None,
        *,
        reports: int = 1,
    ) -> Done:
        """Call `target` with `body` under the request's `id`.

        reports : how many are to come

        Raises `Unreachable` where the connection breaks off, and `BedError` where the service has
        ended.
        """
        its = {**headers, "X-Request-ID": id}
        try:
            with body.open("rb") as file:
                answer = client.ask(self._address, target, its, file, progress=progress)
        except Unreachable:
            self.check()
            raise
        lost = answer.said().status in (502, 503, 504)
        return Done(answer, self._heard.reports(id, 0 if lost else reports, REPORT_S))

    def cool(self, names: Sequence[str]) -> None:
        """End the processes of the functions `names`: the next call of each is a cold one."""
        for name in names:
            since = self._heard.mark()
            self.running.tell(reload=name)
            line = self._heard.wait_for(functools.partial(_reloaded, name), since, RELOAD_S)
            if line is None:
                self.check()
            if line is None or line["event"] != "reloaded":
                why = line.get("detail", "") if line else "The service did not say that it did."
                raise BedError(f"The process of '{name}' could not be ended. {why}")

    def warm(self, names: Sequence[str], progress: Ticks = lambda _: None) -> None:
        """Start the processes of the functions `names`."""
        target = f"/warmup?functions={','.join(names)}"
        try:
            answer = client.ask(self._address, target, {}, method="GET", progress=progress)
        except Unreachable:
            self.check()
            raise
        if answer.status != 200:
            raise BedError(f"{' and '.join(names)} can't be made ready: {_detail(answer)}")

    def check(self) -> None:
        """Raise `BedError` where the service has ended."""
        if line := self._heard.wait_for(_ended, 0, _END_S):
            raise BedError(
                f"The service has ended, with exit code {line['code']}, as it does where the "
                "plan's memory is too little for itself."
                if line["code"] == -signal.SIGKILL
                else f"The service has ended, with exit code {line['code']}."
            )

    def words(self) -> list[str]:
        """What the service said besides its log since this was asked last: the last lines."""
        return self._heard.words()

    def lines(self, event: str) -> list[Line]:
        """The log's lines of this `event` so far."""
        return [line for line in self._heard.lines() if line["event"] == event]


class Heard:
    """The lines of a service's log, for those that wait for one."""

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._reports: dict[str, list[Line]] = {}
        self._words: deque[str] = deque(maxlen=_WORDS)
        self._more = threading.Condition()
        self._ended = False

    def __call__(self, line: Line) -> None:
        with self._more:
            match line["event"]:
                case "report":
                    self._reports.setdefault(line["request_id"], []).append(line)
                case "stderr":
                    self._words.append(line["text"])
                case "log":
                    self._words += str(line["message"]).splitlines()
                case "state":
                    return
                case event:
                    self._ended = self._ended or event == "exit"
                    self._lines.append(line)
            self._more.notify_all()

    def reports(self, id: str, expected: int, patience_s: float) -> list[Line]:
        """The REPORTs of the request `id`, once there are as many, or none comes for too long."""
        with self._more:
            self._more.wait_for(
                lambda: self._ended or len(self._reports.get(id, ())) >= expected, patience_s
            )
            return [
                {key: line[key] for key in line if key not in ("time", "event")}
                for line in self._reports.pop(id, ())
            ]

    def wait_for(
        self, wanted: Callable[[Line], bool], since: int, patience_s: float
    ) -> Line | None:
        """The first line from `since` on that is `wanted`; None if there is none in time."""
        found: Line | None = None

        def come() -> bool:
            nonlocal found
            found = next((line for line in self._lines[since:] if wanted(line)), None)
            return found is not None or self._ended

        with self._more:
            self._more.wait_for(come, patience_s)
        return found

    def mark(self) -> int:
        """How many lines there have been."""
        with self._more:
            return len(self._lines)

    def lines(self) -> list[Line]:
        """Those that there have been, but for reports."""
        with self._more:
            return list(self._lines)

    def words(self) -> list[str]:
        """What the service said besides its log since this was asked last: the last lines."""
        with self._more:
            words = list(self._words)
            self._words.clear()
        return words


@contextmanager
def ticking(progress: Ticks, stage: str) -> Iterator[None]:
    """Tell `progress` of `stage` while what is done under this takes its time."""
    with repeatedly(_TICK_S, lambda: progress(Progress(stage, None))):
        yield


@contextmanager
def repeatedly(every_s: float, work: Callable[[], None]) -> Iterator[None]:
    """Do `work` every so often, beside what is done under this."""
    over = threading.Event()

    def go_on() -> None:
        while not over.wait(every_s):
            work()

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _ended(line: Line) -> bool:
    return bool(line["event"] == "exit")


def _reloaded(name: str, line: Line) -> bool:
    return line["event"] in ("reloaded", "reload_failed") and line.get("function") == name


def _detail(answer: Answer) -> str:
    """What a problem says of itself."""
    try:
        value = json.loads(answer.body)
        functions = value.get("functions", {}).values()
        details = [its["detail"] for its in (*functions, value) if "detail" in its]
    except (ValueError, AttributeError, TypeError):
        details = []
    return " ".join(details) or f"the service answered with status {answer.status}."


def fresh_id(kind: str) -> str:
    """A request's id that nothing else has."""
    return f"{kind}-{time.monotonic_ns():x}"
