"""What `halfgig start` shows: lines as they come, and on a terminal a panel below them."""

import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Protocol, TextIO

from deploy.plans import Plan
from emulator import faults, lines, panel
from emulator.board import Board
from emulator.cages import Cage
from emulator.screen import Screen
from emulator.verdict import Verdict

SAMPLE_S = 0.5
"""How often the cage is looked at, and the panel drawn."""
SELDOM_S = 5.0
"""How often it is where there is no panel: only a verdict needs it, and what runs changes it."""
_PASSING = "state"

Line = Mapping[str, Any]


class Shown(Protocol):
    """The service that is shown; see `emulator.running`."""

    cage: Cage
    plan: Plan | None

    @property
    def url(self) -> str: ...

    def events(self) -> Iterator[dict[str, Any]]: ...

    def parts(self) -> dict[str, float]: ...

    def note(self, event: str, **fields: Any) -> None: ...

    def stop(self) -> None: ...


class View:
    """Shows a service on `stream`: on a terminal with a panel, and else in plain lines.

    as_json : its log as it is instead, less what only says how things are now
    """

    def __init__(self, stream: TextIO, *, as_json: bool = False) -> None:
        self._stream, self._as_json = stream, as_json
        self._screen = Screen(stream)
        self._one = threading.Lock()
        self._gone = self._began = False

    def show(self, running: Shown) -> int:
        """Show it until it has ended. Returns its exit code, as in `subprocess`."""
        board = Board(running.plan, faults.manifests()[0])
        ended = threading.Event()
        sampler = threading.Thread(target=self._sample, args=(running, board, ended), daemon=True)
        code, last = 0, ""
        with self._screen:
            sampler.start()
            try:
                if not self._as_json:
                    self._say(running, first(running))
                for line in running.events():
                    found = self._take(running, board, line)
                    self._print(running, line)
                    if line["event"] == "exit":
                        code = line["code"]
                        last = "\n".join([*(found.lines() if found else []), _last(board)])
                    elif found:
                        _tell(running, found, line)
                if not self._as_json:
                    self._say(running, last)
            finally:
                ended.set()
                sampler.join()
        return code

    def _take(self, running: Shown, board: Board, line: Line) -> Verdict | None:
        if line["event"] in ("state", "stopped", "refused"):  # What was counted until then.
            _measure(running, board)
        if line["event"] == "stopped" and line["why"] == "memory":  # What there was beside it.
            board.parts_mb = _ordered(running.parts())
        with self._one:
            return board.take(line)

    def _print(self, running: Shown, line: Line) -> None:
        if self._as_json:
            if line["event"] != _PASSING:
                self._say(running, json.dumps(line, ensure_ascii=False, default=str))
        elif line["event"] == "listening":
            if self._began:
                self._say(running, f"The service answers again at {running.url}.")
            self._began = True
        elif found := lines.shown(line):
            self._say(running, *found, prose=line["event"] not in lines.RAW)

    def _say(self, running: Shown, text: str, style: str = "", *, prose: bool = True) -> None:
        try:
            with self._one:
                self._screen.say(text, style, prose=prose)
        except OSError:
            self._end(running)

    def _end(self, running: Shown) -> None:
        """Nobody reads it any more."""
        if not self._gone:
            self._gone = True
            running.stop()

    def _sample(self, running: Shown, board: Board, ended: threading.Event) -> None:
        """Look at the cage, and draw the panel, until it has `ended`."""
        draws = self._screen.has_panel and not self._as_json
        looks = 0
        while not ended.is_set():
            _measure(running, board)
            if not draws or looks % 2 == 0:  # It costs more.
                board.parts_mb = _ordered(running.parts())
            looks += 1
            if draws:
                self._draw(running, board)
            ended.wait(SAMPLE_S if draws else SELDOM_S)

    def _draw(self, running: Shown, board: Board) -> None:
        try:
            with self._one:
                self._screen.draw(panel.drawn(board, *self._screen.size))
        except OSError:
            self._end(running)


def first(running: Shown) -> str:
    """The first lines: what holds it to the plan, what is not enforced, and where it is."""
    cage = running.cage
    plan = running.plan.name if running.plan else "none"
    means = "" if cage.kind == "none" else f" in {cage.kind}"
    missing = f" Not enforced: {', '.join(cage.not_enforced)}." if cage.not_enforced else ""
    return f"Plan {plan}{means}: {cage.enforces}.{missing}\n{running.url} (Ctrl-C ends it)"


def _last(board: Board) -> str:
    calls = f"{board.calls} invocation{'' if board.calls == 1 else 's'}"
    peak = f", {board.peak_mb:.0f} MB at the peak" if board.peak_mb else ""
    return f"{calls}, {board.cpu_s:.2f} s of CPU{peak}."


def _tell(running: Shown, found: Verdict, line: Line) -> None:
    running.note(
        "verdict",
        kind=found.kind,
        function=line.get("function"),
        request_id=line.get("request_id"),
        title=found.title,
        facts=found.facts,
        advice=found.advice,
        lines=found.lines(),
    )


def _measure(running: Shown, board: Board) -> None:
    try:
        board.measure(running.cage.read())
    except OSError:  # It is being taken down.
        return


def _ordered(parts: Mapping[str, float]) -> dict[str, float]:
    """The router, the templates, and then functions by their names."""
    order = {"router": 0, "template": 1}
    return {name: parts[name] for name in sorted(parts, key=lambda it: (order.get(it, 2), it))}
