"""The text notation of rhythm patterns.

A pattern is lines joined by " / ". A line is a name and cells split by "|": one cell is one beat,
cut evenly into as many steps as it has characters, and `cell*3` is the cell three times:

    bd x...|..x.*3 / hh xx*4

"." is a rest, "-" holds the note before, any other character is a hit that its reader gives a
meaning to (x normal, X strong, o soft; digits are steps of a chord or scale).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple


class Hit(NamedTuple):
    """A hit: where it starts and how long it is written, in beats, and its character."""

    beat: float
    length: float
    symbol: str


@dataclass(frozen=True)
class Pattern:
    """Lines of hits that repeat after `beats` beats."""

    beats: int
    lines: tuple[tuple[str, tuple[Hit, ...]], ...]


def _cells(text: str) -> list[str]:
    cells: list[str] = []
    for cell in text.split("|"):
        body, _, times = cell.partition("*")
        cells += [body] * int(times or 1)
    return cells


def _hits(cells: list[str]) -> tuple[Hit, ...]:
    hits: list[Hit] = []
    for beat, cell in enumerate(cells):
        step = 1 / len(cell)
        for i, symbol in enumerate(cell):
            if symbol == "-" and hits:
                hits[-1] = hits[-1]._replace(length=beat + (i + 1) * step - hits[-1].beat)
            elif symbol not in ".-":
                hits.append(Hit(beat + i * step, step, symbol))
    return tuple(hits)


@cache
def parse(text: str) -> Pattern:
    """Read a pattern; its shorter lines repeat until the longest ends.

    Raises
    ------
    ValueError
        If a line's number of beats does not divide the longest's.
    """
    named = [line.split(None, 1) for line in text.split(" / ")]
    lines = [(name, _cells(body.strip())) for name, body in named]
    beats = max(len(cells) for _, cells in lines)
    for name, cells in lines:
        if beats % len(cells):
            raise ValueError(
                f"Line {name!r} of pattern {text!r} has {len(cells)} beats, which does not divide "
                f"the longest line's {beats}."
            )
    return Pattern(
        beats, tuple((name, _hits(cells * (beats // len(cells)))) for name, cells in lines)
    )
