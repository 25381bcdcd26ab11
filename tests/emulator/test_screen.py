"""Lines above a panel, on a real pseudo-terminal."""

import io
import os
import sys
from collections.abc import Iterator
from typing import TextIO

import pytest

from emulator import screen
from emulator.panel import Line, Piece
from emulator.screen import Screen
from tests.terminal import Terminal

PANEL = ["---", "one", "two"]


def panel(*texts: str) -> list[Line]:
    return [[Piece(text, "32")] for text in texts]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("TERM", "xterm-256color")
    with Terminal(40, 10) as its:
        yield its


@pytest.fixture
def stream(terminal: Terminal) -> Iterator[TextIO]:
    with open(terminal.slave, "w", closefd=False, encoding="utf-8") as its:
        yield its


def shown(terminal: Terminal) -> list[str]:
    terminal.read()
    return terminal.rows


def test_lines_come_above_the_panel(terminal: Terminal, stream: TextIO) -> None:
    with Screen(stream) as its:
        its.say("first")
        assert shown(terminal) == ["first"]
        its.draw(panel(*PANEL))
        assert shown(terminal) == ["first", *PANEL]
        its.say("second\nthird")
        assert shown(terminal) == ["first", "second", "third", *PANEL]
        its.draw(panel("---", "one"))
        assert shown(terminal) == ["first", "second", "third", "---", "one"]
    assert shown(terminal) == ["first", "second", "third"]


def test_what_scrolls_away_can_be_scrolled_back_to(terminal: Terminal, stream: TextIO) -> None:
    said = [f"line {number}" for number in range(50)]
    with Screen(stream) as its:
        its.draw(panel(*PANEL))
        for line in said:
            its.say(line)
        assert shown(terminal) == [*said[-7:], *PANEL]
    assert shown(terminal) == said[-7:]
    assert terminal.all == said


def test_prose_is_broken_between_words_and_code_is_not(terminal: Terminal, stream: TextIO) -> None:
    with Screen(stream) as its:
        its.say("  2. There are more words here than there are columns.")
        its.say("    code = " + "x" * 40)
        its.say("raw " * 11, prose=False)
        its.draw(panel(*PANEL))
        assert shown(terminal) == [
            "  2. There are more words here than",
            "    there are columns.",
            "    code = " + "x" * 29,
            "x" * 11,
            "raw " * 9 + "raw",
            "raw",
            *PANEL,
        ]


@pytest.mark.parametrize(("columns", "rows"), [(20, 10), (80, 10), (40, 6), (40, 30), (25, 7)])
def test_resizing_leaves_nothing_behind(
    terminal: Terminal, stream: TextIO, columns: int, rows: int
) -> None:
    with Screen(stream) as its:
        for number in range(20):
            its.say(f"line {number:02}")
        its.draw(panel("-" * 39, "o" * 39, "t" * 39))
        terminal.read()
        terminal.resize(columns, rows)
        assert its.size == (columns, rows)
        size = columns - 1
        its.draw(panel("-" * size, "o" * size, "t" * size))
        after = shown(terminal)
        assert after[-3:] == ["-" * size, "o" * size, "t" * size]
        assert after[:-3] == [f"line {number:02}" for number in range(20)][-(rows - 3) :]
        its.say("more")
        assert shown(terminal)[-4:] == ["more", *after[-3:]]


def test_a_line_that_comes_as_the_size_changes_comes_once(
    terminal: Terminal, stream: TextIO
) -> None:
    with Screen(stream) as its:
        its.say("first")
        its.draw(panel(*PANEL))
        terminal.read()
        terminal.resize(30, 8)
        its.say("second")
        assert shown(terminal) == ["first", "second", *PANEL]


def test_what_a_function_prints_can_not_move_the_cursor(terminal: Terminal, stream: TextIO) -> None:
    with Screen(stream) as its:
        its.draw(panel(*PANEL))
        its.say("\x1b[2J\x1b[1;1H\x1b]0;title\x07\x1b[31mred\x1b[0m\a\b\x00 a\tb\r")
        its.say("10%\r50%\r100%")
        assert shown(terminal) == ["red a   b", "100%", *PANEL]


def test_colours_are_for_who_wants_them(
    terminal: Terminal, stream: TextIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Screen(stream) as its:
        its.say("bad", "31")
        its.draw(panel("one"))
    shown(terminal)
    assert b"\x1b[31mbad\x1b[0m" in terminal.written
    assert b"\x1b[32mone\x1b[0m" in terminal.written
    monkeypatch.setenv("NO_COLOR", "1")
    before = len(terminal.written)
    with Screen(stream) as its:
        its.say("bad", "31")
        its.draw(panel("one"))
    shown(terminal)
    assert b"m" not in terminal.written[before:].replace(b"\x1b[?2026", b"")


def test_where_nothing_has_changed_nothing_is_drawn(terminal: Terminal, stream: TextIO) -> None:
    with Screen(stream) as its:
        its.draw(panel("one"))
        terminal.read()
        before = len(terminal.written)
        its.draw(panel("one"))
        terminal.read()
        assert len(terminal.written) == before


def test_elsewhere_there_are_just_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    with Screen(stream) as its:
        its.draw(panel("one"))
        its.say("A line that has more words than there would be columns for. " * 3, "31")
        assert not its.has_panel
        assert its.size == (80, 24)
    assert (
        stream.getvalue()
        == "A line that has more words than there would be columns for. " * 3 + "\n"
    )


def test_a_dumb_terminal_has_no_panel(stream: TextIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert not Screen(stream).has_panel


def test_an_encoding_that_lacks_a_letter(terminal: Terminal) -> None:
    with (
        open(terminal.slave, "w", closefd=False, encoding="ascii") as stream,
        Screen(stream) as its,
    ):
        its.say("a … and ü")
        assert shown(terminal) == ["a ? and ?"]


def test_what_is_typed_is_not_shown_meanwhile(terminal: Terminal) -> None:
    """In a process that has the terminal; what was before is again at its end."""
    code = (
        "import sys\nfrom emulator.screen import Screen\n"
        "with Screen(sys.stdout) as its:\n    its.say('on')\n    input()\n    its.say('off')\n"
        "input()"
    )
    assert terminal.echoes
    process = terminal.start([sys.executable, "-c", code], os.environ)
    try:
        terminal.wait_for(lambda rows: rows == ["on"])
        assert not terminal.echoes
        terminal.type("typed\n")
        terminal.wait_for(lambda rows: rows == ["on", "off"])
        while not terminal.echoes:
            terminal.read(0.05)
        terminal.type("\n")
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("line", "width", "rows"),
    [
        ("", 10, [""]),
        ("short", 10, ["short"]),
        ("a word and another", 10, ["a word and", "  another"]),
        (
            "http://a.long.address/that-is-to-be-copied",
            10,
            ["http://a.long.address/that-is-to-be-copied"],
        ),
        ("  1. one two", 9, ["  1. one", "   two"]),
        ("x y", 1, ["x", "y"]),
    ],
)
def test_breaking_lines(line: str, width: int, rows: list[str]) -> None:
    assert screen.broken(line, width) == rows
