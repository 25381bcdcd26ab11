"""What differs between two JSON values, and where."""

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

TOLERANCE = 1e-4
"""How far apart two numbers may be and be taken as the same: a part of the larger."""
MOST_SHOWN = 10
"""Differences that `text` has."""
_LEAST = 1e-9  # A number no larger than this is 0.


class _Absent:
    """Where one of the two has nothing."""

    def __repr__(self) -> str:
        return "nothing"


ABSENT = _Absent()


@dataclass(frozen=True)
class Difference:
    """What is at `path`, such as `segments[3].scores.sad`: `old` here, `new` there.

    One of them is `ABSENT` where only the other has it.
    """

    path: str
    old: Any
    new: Any

    def as_dict(self) -> dict[str, Any]:
        """For JSON. What is absent is left out."""
        both = {"old": self.old, "new": self.new}
        return {"path": self.path} | {key: its for key, its in both.items() if its is not ABSENT}


def between(
    old: Any, new: Any, tolerance: float = TOLERANCE, ignored: Collection[str] = ()
) -> list[Difference]:
    """Where `old` and `new` differ, in the order of `old`.

    tolerance : as `TOLERANCE`
    ignored : paths at which anything may be, and below them; items of a list without their place,
        such as `segments[].start`
    """
    return [
        Difference(path or "the whole", was, now)
        for path, was, now in _walk("", old, new, tolerance)
        if not any(_is_at(path, its) for its in ignored)
    ]


def same(old: float, new: float, tolerance: float) -> bool:
    """Whether two numbers are as good as one."""
    # The first is for infinities, whose distance is not a number.
    return old == new or abs(old - new) <= max(tolerance * max(abs(old), abs(new)), _LEAST)


def text(differences: Sequence[Difference], width: int) -> list[str]:
    """The first of them, a line each of at most `width` characters."""
    lines = []
    for each in differences[:MOST_SHOWN]:
        line = f"{each.path}: {_shown(each.old)} -> {_shown(each.new)}"
        lines.append(line if len(line) <= width else line[: width - 1] + "…")
    if len(differences) > MOST_SHOWN:
        lines.append(f"and {len(differences) - MOST_SHOWN} more; --json has all")
    return lines


def _shown(value: Any) -> str:
    return repr(value) if value is ABSENT else json.dumps(value, ensure_ascii=False)


def _walk(path: str, old: Any, new: Any, tolerance: float) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            inside = f"{path}.{key}" if path else key
            yield from _walk(inside, old.get(key, ABSENT), new.get(key, ABSENT), tolerance)
    elif isinstance(old, list) and isinstance(new, list):
        for place in range(max(len(old), len(new))):
            inside = f"{path}[{place}]"
            yield from _walk(inside, _item(old, place), _item(new, place), tolerance)
    elif _is_number(old) and _is_number(new):
        if not same(old, new, tolerance):
            yield path, old, new
    elif type(old) is not type(new) or old != new:
        yield path, old, new


def _item(items: list[Any], place: int) -> Any:
    return items[place] if place < len(items) else ABSENT


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_at(path: str, ignored: str) -> bool:
    """Whether `path` is `ignored`, or below it."""
    plain = re.sub(r"\[\d+\]", "[]", path)
    return plain == ignored or plain.startswith((f"{ignored}.", f"{ignored}["))
