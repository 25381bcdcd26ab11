"""A terminal whose last lines are kept for a panel, while lines are written above it.

What is written above stays in the terminal's own history, to be scrolled back to and copied.
"""

import contextlib
import os
import re
import sys
import termios
import textwrap
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self, TextIO

from emulator import panel
from emulator.panel import Line

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_RECENT = 200
"""Lines that are kept, to be written anew where the terminal has another size."""

_CODE = " " * 4
_CLEAR = "\x1b[H\x1b[2J"
_AT_ONCE, _DONE = "\x1b[?2026h", "\x1b[?2026l"  # for terminals that know how not to flicker


class Screen:
    """Where `stream` is a terminal, its lines and the panel; elsewhere the lines alone.

    A context manager: while it is open, what is typed isn't shown; at its end the panel is gone.
    Raises OSError where nothing can be written any more.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.has_panel = stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._colours = self.has_panel and not os.environ.get("NO_COLOR")
        self._panel: Sequence[Line] = ()
        self._recent: deque[_Said] = deque(maxlen=_RECENT)
        self._size = self.size
        self._drawn = 0
        self._echo: list[int | list[bytes | int]] | None = None

    def __enter__(self) -> Self:
        if self.has_panel:
            self._silence()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self.draw(())
        if self._echo is not None:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(sys.stdin, termios.TCSANOW, self._echo)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows now."""
        try:
            width, height = os.get_terminal_size(self._stream.fileno())
        except (OSError, ValueError):
            return 80, 24
        return width or 80, height or 24  # Some say 0 for what they don't know.

    def say(self, text: str, style: str = "", *, prose: bool = True) -> None:
        """Write lines above the panel; `prose`, but for code in it, is broken between words."""
        lines = [_Said(plain(line), style, prose) for line in text.split("\n")]
        erased, whole = self._erased(), self._whole(lines)
        self._recent += lines
        self._write(erased + whole + self._redrawn())

    def draw(self, lines: Sequence[Line]) -> None:
        """Have the panel show `lines`, which are as `panel.drawn` gives them for this `size`."""
        if self.has_panel and (lines != self._panel or self.size != self._size):
            self._panel = lines
            self._write(self._erased() + self._redrawn())

    def _erased(self) -> str:
        """What takes the panel away, and leaves the cursor where it began."""
        if self._drawn and self.size != self._size:
            # Some terminals have broken its lines in two, and some have cut them: all anew.
            return _CLEAR + self._whole(self._last())
        up = f"\x1b[{self._drawn - 1}A" if self._drawn > 1 else ""
        return f"\r{up}\x1b[J" if self._drawn else ""

    def _redrawn(self) -> str:
        self._size, self._drawn = self.size, len(self._panel)
        return "\n".join(panel.painted(line, self._colours) for line in self._panel)

    def _last(self) -> list["_Said"]:
        """The recent lines for which there is room now."""
        width, height = self.size
        room = height - len(self._panel)
        lines: list[_Said] = []
        for line in reversed(self._recent):
            room -= sum(max(1, -(-len(row) // width)) for row in self._rows(line))
            if room < 0:
                break
            lines.insert(0, line)
        return lines

    def _rows(self, line: "_Said") -> list[str]:
        if not self.has_panel or not line.prose or line.text.startswith(_CODE):
            return [line.text]
        return broken(line.text, self.size[0] - 1)

    def _whole(self, lines: Iterable["_Said"]) -> str:
        return "".join(
            f"\x1b[{line.style}m{row}\x1b[0m\n" if self._colours and line.style else f"{row}\n"
            for line in lines
            for row in self._rows(line)
        )

    def _write(self, text: str) -> None:
        encoding = self._stream.encoding or "utf-8"
        text = text.encode(encoding, "replace").decode(encoding)
        self._stream.write(f"{_AT_ONCE}{text}{_DONE}" if self.has_panel else text)
        self._stream.flush()

    def _silence(self) -> None:
        """Have the terminal not show what is typed, which would be in the panel's midst."""
        try:
            if not sys.stdin.isatty() or os.tcgetpgrp(sys.stdin.fileno()) != os.getpgrp():
                return
            self._echo = termios.tcgetattr(sys.stdin)
            quiet = termios.tcgetattr(sys.stdin)
            quiet[3] &= ~termios.ECHO
            termios.tcsetattr(sys.stdin, termios.TCSANOW, quiet)
        except (OSError, ValueError, AttributeError, termios.error):
            self._echo = None


class _Said(NamedTuple):
    text: str
    style: str
    prose: bool


def broken(line: str, width: int) -> list[str]:
    """A line in rows of at most `width`, broken between words, and those after the first indented.

    Words that are longer than that are left whole: an address is to be copied.
    """
    indent = " " * min(len(line) - len(line.lstrip()) + 2, width // 3)
    rows = textwrap.wrap(
        line,
        width,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )
    return rows or [""]


def plain(line: str) -> str:
    """A line without what would move the cursor, or change how the terminal looks."""
    line = line.rstrip("\r").rpartition("\r")[2]  # As it would look in the end.
    return _CONTROLS.sub("", _ESCAPES.sub("", line)).expandtabs(4)
