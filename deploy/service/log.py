"""The log: a line of JSON on standard output for each thing that happened."""

import json
import logging
import sys
import time
from contextlib import suppress


def emit(event: str, **fields: object) -> None:
    """Write one line: when, what, and its fields."""
    now = time.time()
    day = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    line = {"time": f"{day}.{int(now % 1 * 1000):03d}Z", "event": event, **fields}
    # Nobody reads it any more: no reason to fail a request.
    with suppress(OSError):
        sys.stdout.write(json.dumps(line, default=str, ensure_ascii=False) + "\n")
        sys.stdout.flush()


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
