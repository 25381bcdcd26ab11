"""The panel, at all sizes; and what the board knows that it shows."""

from typing import Any

import pytest

from deploy import plans
from emulator import panel
from emulator.board import Board
from emulator.cages import Reading
from functions.kit import manifest

FUNCTIONS = manifest.discover()
REPORT = {
    "event": "report",
    "function": "beats",
    "start": "warm",
    "queue_s": 0.0,
    "init_s": 0.0,
    "duration_s": 4.2,
    "cpu_s": 0.42,
    "mem_peak_mb": 84.4,
    "mem_peak_exact": True,
    "mem_limit_mb": 512.0,
    "tier": "embedded",
    "status": 200,
    "request_id": "r1",
}


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def board(clock: Clock) -> Board:
    its = Board(plans.load()["free"], FUNCTIONS, clock)
    its.take(state(beats="busy", emotion="ready", voice_detect="stopped"))
    its.take(REPORT)
    its.parts_mb = {"router": 21.0, "template": 45.0, "beats": 84.0, "emotion": 97.0}
    for number in range(5):
        its.measure(reading(cpu_s=number * 0.05, throttled_s=number * 0.4))
        clock.now += 0.5
    return its


def state(**functions: str) -> dict[str, Any]:
    return {
        "event": "state",
        "queue": 2,
        "queue_max": 32,
        "functions": {name: {"state": its, "tier": "embedded"} for name, its in functions.items()},
        "budget_mb": 380,
        "used_mb": 181,
        "limit_mb": 512,
    }


def reading(**counted: float) -> Reading:
    return Reading(
        memory_mb=247.0,
        peak_mb=300.0,
        anon_mb=None,
        oom_kills=0,
        cpu_s=counted.get("cpu_s", 0.0),
        throttled_s=counted.get("throttled_s", 0.0),
        throttled_periods=0,
    )


def texts(board: Board, width: int, height: int) -> list[str]:
    return [panel.text(line) for line in panel.drawn(board, width, height)]


def test_at_80_columns(board: Board) -> None:
    lines = texts(board, 80, 24)
    assert lines[1].startswith(
        " beats         busy        84 MB  last 4.20 s, 0.42 s CPU, 84 MB (emb"
    )
    assert lines[2] == " emotion       ready       97 MB"
    assert lines[3].rstrip() == " voice_detect  stopped"
    assert lines[4].endswith("] 247 of 512 MB")
    bar = lines[4][lines[4].index("[") + 1 : lines[4].index("]")]
    assert len(lines[4]) == 79
    assert [bar.count(letter) for letter in "rtbe."] == [2, 5, 9, 11, 28]
    assert bar == "".join(sorted(bar, key="rtbe.".index))
    assert lines[5].strip() == "r router 21  t template 45  b beats 84  e emotion 97  . room 265"
    assert lines[6] == " cpu     0.10 of 0.1 CPU, throttled 80% of the time    queue 2 of 32"


def test_at_40_columns(board: Board) -> None:
    lines = texts(board, 40, 24)
    assert lines[1:4] == [
        " beats         busy        84 MB",
        " emotion       ready       97 MB",
        " voice_detect  stopped          ",
    ]
    assert lines[4].startswith(" mem [rttbbb")
    assert lines[4].endswith("] 247/512 MB")
    assert lines[5] == " cpu 0.10/0.1, waits 80%, queue 2"


@pytest.mark.parametrize("width", [*range(1, 12), 20, 39, 59, 60, 79, 80, 100, 237])
@pytest.mark.parametrize("height", [1, 4, 8, 9, 10, 11, 12, 24, 60])
def test_it_fits_whatever_the_size(board: Board, width: int, height: int) -> None:
    lines = texts(board, width, height)
    assert all(len(line) < max(width, 1) for line in lines)
    assert len(lines) <= max(1, height - panel.LOG)


def test_many_functions(board: Board) -> None:
    names = [f"f{number:02}" for number in range(30)]
    board.take(state(**dict.fromkeys(names, "stopped") | {"f07": "busy", "f20": "ready"}))
    lines = texts(board, 80, 14)
    assert [line.split()[0] for line in lines[:6]] == ["f07", "f20", "f00", "f01", "f02", "f03"]
    assert lines[6].strip() == "and 24 more: 24 stopped"
    board.take(state(**dict.fromkeys(names, "busy")))
    assert texts(board, 80, 14)[6].strip() == "and 24 more: 24 busy"


def test_a_low_terminal_has_one_line(board: Board) -> None:
    [line] = texts(board, 80, 6)
    assert line == " 247/512 MB, 0.10 CPU, queue 2, beats busy, emotion ready"


def test_parts_have_a_letter_each(board: Board) -> None:
    board.parts_mb = {"router": 40.0, "beats": 40.0, "bass": 40.0, "b": 40.0}
    lines = texts(board, 80, 24)
    assert lines[5].split()[::3] == ["r", "b", "a", "0", "."]


def test_more_than_there_is(board: Board) -> None:
    board.parts_mb = {"router": 400.0, "beats": 400.0}
    line = texts(board, 80, 24)[4]
    assert len(line) == 79
    assert line.endswith("] 800 of 512 MB")


def test_before_anything_is_known() -> None:
    lines = texts(Board(None, {}), 80, 24)
    assert lines[-1] == " cpu     0.00 CPU, throttled 0% of the time    queue 0 of 0"


def test_what_is_wrong_and_what_waits_is_told(board: Board) -> None:
    board.take({"event": "broken", "function": "emotion"})
    board.take({"event": "reloaded", "function": "beats"})
    lines = texts(board, 80, 24)
    assert "reloads after this request" in lines[1]
    assert "what is on the disk is broken" in lines[2]
    board.take({"event": "reloaded", "function": "emotion"})
    board.take({"event": "stopped", "function": "beats", "why": "replaced"})
    lines = texts(board, 80, 24)
    assert "reloads" not in lines[1]
    assert "broken" not in lines[2]


def test_a_function_that_is_not_served_is_shown_as_broken(board: Board) -> None:
    board.take({"event": "broken", "function": "drums"})
    board.take(state(beats="ready"))
    lines = texts(board, 80, 24)
    assert lines[2].split() == ["drums", "stopped", "what", "is", "on", *lines[2].split()[5:]]


def test_colours_change_nothing_but_looks(board: Board) -> None:
    for line in panel.drawn(board, 80, 24):
        assert panel.painted(line, colours=False) == panel.text(line)
        painted = panel.painted(line, colours=True)
        assert "\x1b[" in painted or not painted.strip()


def test_what_cpu_there_was_while_a_request_ran(board: Board, clock: Clock) -> None:
    """Counted from when it became busy, and not stopped to be while its process is ended."""
    board.take(state(beats="ready"))
    clock.now += 100.0
    board.measure(reading(cpu_s=0.5, throttled_s=2.0))
    board.take(state(beats="busy"))
    for number in range(1, 21):
        clock.now += 0.5
        board.measure(reading(cpu_s=0.5 + number * 0.05, throttled_s=2.0 + number * 0.4))
    board.take(state(beats="stopping"))
    found = board.take(
        {
            "event": "stopped",
            "function": "beats",
            "request_id": "r1",
            "why": "timeout",
            "ready": True,
            "mem_peak_mb": 90.0,
            "detail": "'beats' had not answered after 10 s.",
        }
    )
    assert found is not None
    assert found.kind == "cpu"
    assert "1.0 s of CPU in 10 s" in found.facts[1]
    assert "80% of the time" in found.facts[1]


def test_an_end_that_nobody_asked_for(board: Board) -> None:
    board.oom_kills = 1
    found = board.take({"event": "exit", "code": -9, "wanted": False})
    assert found is not None
    assert found.kind == "memory"
    assert board.take({"event": "exit", "code": -9, "wanted": True}) is None
