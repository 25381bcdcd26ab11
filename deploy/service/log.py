"""The log: a line of JSON on standard output for each thing that happened."""

import json
import logging
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any

_json = json.JSONEncoder(default=str, ensure_ascii=False).encode
_listeners: list[Callable[[Mapping[str, Any]], None]] = []


def emit(event: str, **fields: object) -> None:
    """Write one line: when, what, and its fields."""
    second, fraction = divmod(time.time(), 1)
    when = f"{_clock(int(second))}.{int(fraction * 1000):03d}Z"
    line: dict[str, Any] = {"time": when, "event": event, **fields}
    # Nobody reads it any more: no reason to fail a request.
    with suppress(OSError):
        sys.stdout.write(_json(line) + "\n")
        sys.stdout.flush()
    for listener in _listeners:
        listener(line)


@lru_cache(1)
def _clock(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def listen(listener: Callable[[Mapping[str, Any]], None]) -> None:
    """Have `listener` told each line from now on, too."""
    _listeners.append(listener)


def install() -> None:
    """Have whatever is logged by the standard library's means written by `emit`, from warnings."""
    logging.basicConfig(handlers=[_Lines()], level=logging.WARNING, force=True)


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        emit(
            "log",
            level=record.levelname.lower(),
            logger=record.name,
            message=logging.Formatter("%(message)s").format(record),
        )
