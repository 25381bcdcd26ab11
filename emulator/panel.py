"""The panel that is kept on the terminal: functions, memory, CPU and queue, in few lines."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from emulator.board import Board, Row

NARROW = 60
"""Columns below which only what matters most is shown."""
LOG = 4
"""Rows that are left for the log, whatever there is to show."""

_PLAIN, _BOLD, _DIM, _RED = "", "1", "2", "31"
_STATES = {"busy": "1;33", "starting": "36", "ready": "32", "failed": "1;31", "stopping": "35"}
_PARTS = ("30;44", "30;46", "30;42", "30;43", "30;45", "30;47")
_FULL = 0.9


@dataclass(frozen=True)
class Piece:
    """Some text, and how it is to look: a number of the escape sequence that ends with "m"."""

    text: str
    style: str = _PLAIN


Line = Sequence[Piece]


def drawn(board: Board, width: int, height: int) -> list[Line]:
    """The panel's lines, each of less than `width` characters, few enough for `height` rows."""
    names = len(board.rows)
    rest = [*_memory(board, width), _activity(board, width)]
    room = height - LOG - len(rest)
    if room < 1:
        return [_clipped(_short(board), width)]
    rows = list(_rows(board, width))
    if names > room:
        rows.sort(key=lambda row: board.rows[row[0]].state == "stopped")
        rest_of = [board.rows[name].state for name, _ in rows[room - 1 :]]
        counts = ", ".join(f"{rest_of.count(each)} {each}" for each in dict.fromkeys(rest_of))
        more = [Piece(f" and {len(rest_of)} more: {counts}", _DIM)]
        shown = [*(row for _, row in rows[: room - 1]), more]
    else:
        shown = [row for _, row in rows]
    rule = [[Piece("-" * (width - 1), _DIM)]] if room > len(shown) else []
    return [_clipped(line, width) for line in (*rule, *shown, *rest)]


def painted(line: Line, colours: bool) -> str:
    """A line as it is written to a terminal."""
    return "".join(
        f"\x1b[{piece.style}m{piece.text}\x1b[0m" if colours and piece.style else piece.text
        for piece in line
    )


def text(line: Line) -> str:
    """A line without its looks."""
    return "".join(piece.text for piece in line)


def _rows(board: Board, width: int) -> Iterator[tuple[str, Line]]:
    longest = max((len(name) for name in board.rows), default=0)
    for name, row in board.rows.items():
        pieces = [
            Piece(f" {name:<{longest}}  ", _PLAIN if row.state != "stopped" else _DIM),
            Piece(f"{row.state:<8}", _STATES.get(row.state, _DIM)),
        ]
        mb = board.parts_mb.get(name)
        pieces.append(Piece(f" {mb:>5.0f} MB" if mb else " " * 9))
        if row.broken:
            pieces.append(Piece("  what is on the disk is broken", _RED))
        elif row.replaced:
            pieces.append(Piece("  reloads after this request", _DIM))
        elif width >= NARROW:
            pieces.append(Piece(_done(row), _DIM))
        yield name, pieces


def _done(row: Row) -> str:
    if row.report is None:
        return ""
    its = row.report
    calls = f"{row.calls} call{'s' if row.calls > 1 else ''}"
    tier = f" ({row.tier})" if row.tier else ""
    return (
        f"  last {its['duration_s']:.2f} s, {its['cpu_s']:.2f} s CPU, {its['mem_peak_mb']:.0f} MB"
        f"{tier}, {calls}"
    )


def _memory(board: Board, width: int) -> list[Line]:
    """The bar, and what its letters are."""
    if not board.limit_mb:
        return []
    narrow = width < NARROW
    label = " mem [" if narrow else " memory ["
    used, limit = f"{board.used_mb:.0f}", f"{board.limit_mb:.0f}"
    tail = f"] {used}/{limit} MB" if narrow else f"] {used} of {limit} MB"
    room = max(width - 1 - len(label) - len(tail), 1)
    letters = _letters(board.parts_mb)
    bar: list[Piece] = []
    filled, total = 0, 0.0
    for place, (name, mb) in enumerate(board.parts_mb.items()):
        total += mb
        end = min(round(total / board.limit_mb * room), room)
        bar.append(Piece(letters[name] * (end - filled), _PARTS[place % len(_PARTS)]))
        filled = max(end, filled)
    full = board.used_mb >= _FULL * board.limit_mb
    lines: list[Line] = [
        [
            Piece(label),
            *bar,
            Piece("." * (room - filled), _DIM),
            Piece(tail, _RED if full else _PLAIN),
        ]
    ]
    if not narrow:
        left = max(board.limit_mb - board.used_mb, 0)
        legend = [f"{letters[name]} {name} {mb:.0f}" for name, mb in board.parts_mb.items()]
        lines += [
            [Piece(each, _DIM)]
            for each in _wrapped([*legend, f". room {left:.0f}"], width - 1, " " * len(label))
        ]
    return lines


def _letters(parts: Mapping[str, float]) -> dict[str, str]:
    """A letter for each part: the first of its name that no other has."""
    letters: dict[str, str] = {}
    for name in parts:
        free = (each for each in (*name.lower(), *"0123456789+") if each not in letters.values())
        letters[name] = next(free, "#")
    return letters


def _activity(board: Board, width: int) -> Line:
    share = f"{board.cpus:.2f}" + (f" of {board.plan.cpus:g}" if board.plan else "")
    waited, queue = f"{board.waited:.0%}", f"{board.queue} of {board.queue_max}"
    short = _RED if board.waited > 0.5 else _PLAIN
    waiting = _BOLD if board.queue else _PLAIN
    if width < NARROW:
        return [
            Piece(f" cpu {share.replace(' of ', '/')}, "),
            Piece(f"waits {waited}", short),
            Piece(f", queue {board.queue}", waiting),
        ]
    return [
        Piece(f" cpu     {share} CPU, "),
        Piece(f"throttled {waited} of the time", short),
        Piece("    "),
        Piece(f"queue {queue}", waiting),
    ]


def _short(board: Board) -> Line:
    working = [f"{name} {row.state}" for name, row in board.rows.items() if row.state != "stopped"]
    return [
        Piece(
            f" {board.used_mb:.0f}/{board.limit_mb:.0f} MB, {board.cpus:.2f} CPU, queue "
            f"{board.queue}{', ' if working else ''}{', '.join(working)}"
        )
    ]


def _wrapped(items: Sequence[str], width: int, indent: str) -> list[str]:
    lines = [indent.rstrip() + " " * (len(indent) - len(indent.rstrip()))]
    for item in items:
        if len(lines[-1]) + len(item) > width and lines[-1].strip():
            lines.append(indent)
        lines[-1] += f"{item}  "
    return [line.rstrip() for line in lines]


def _clipped(line: Line, width: int) -> Line:
    """What fits into less than `width`: a terminal does odd things at the end of a full row."""
    room, pieces = width - 1, []
    for piece in line:
        pieces.append(Piece(piece.text[:room], piece.style))
        room -= len(pieces[-1].text)
    return pieces
