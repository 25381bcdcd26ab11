"""What the functions' `show.py` have in common: lines of text over time, and a picture's file.

Nothing here imports numpy: a text is shown without it, in half the time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

LINES = 24
"""Windows of a timeline with a line each; of a longer one, those that say the same are joined."""
_EIGHTHS = " ▏▎▍▌▋▊▉█"

Segments = list[dict[str, Any]]
"""Windows as they are answered: with `start` and `end` in seconds, in order."""


def lines(rows: Iterable[tuple[str, str]], width: int) -> str:
    """Names and what stands beside them, a line each of at most `width` characters."""
    return "\n".join(f"{name:<11} {line}"[:width].rstrip() for name, line in rows)


def named(name: str, rows: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The name beside the first of the rows."""
    for i, row in enumerate(rows):
        yield name if i == 0 else "", row


def timeline(segments: Segments, key: str, said: Callable[[Segments], str]) -> Iterator[str]:
    """A line a window; in a long recording, one for each stretch of windows with the same `key`.

    `said` gives the words after the times; where the key's value is None there are none.
    """
    if len(segments) <= LINES:
        stretches = [[segment] for segment in segments]
    else:
        stretches = [list(group) for _, group in groupby(segments, lambda each: each[key])]
    for stretch in stretches[:LINES]:
        span = f"{_clock(stretch[0]['start'])} to {_clock(stretch[-1]['end'])}"
        yield f"{span:<16} {'-' if stretch[0][key] is None else said(stretch)}"
    if len(stretches) > LINES:
        yield f"and {len(stretches) - LINES} more, up to {_clock(segments[-1]['end'])}"


def bar(share: float, room: int) -> str:
    """A bar of `room` characters at 1."""
    full, rest = divmod(round(share * room * 8), 8)
    return "█" * full + _EIGHTHS[rest].strip()


def spans(segments: Segments) -> list[tuple[float, float]]:
    """For what seconds each window stands: windows overlap, and the middle of that parts them."""
    edges = [(one["end"] + after["start"]) / 2 for one, after in pairwise(segments)]
    lefts, rights = [segments[0]["start"], *edges], [*edges, segments[-1]["end"]]
    return list(zip(lefts, rights, strict=True))


def name(audio: Path) -> str:
    """A file's name as text, even if it is none."""
    return os.fsencode(audio.name).decode(errors="replace")


def save(figure: Any, out: Path) -> None:
    """Write a figure of matplotlib's as PNG."""
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # It draws a box in its place.
        figure.savefig(out, format="png", dpi=100)


def _clock(seconds: float) -> str:
    tenths = round(seconds * 10)
    return f"{tenths // 600}:{tenths % 600 // 10:02}.{tenths % 10}"
