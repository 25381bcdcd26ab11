"""A line on the terminal that says how far a long piece of work is."""

import shutil
import time
from typing import TextIO

from functions.kit.steps import Progress

PATIENCE_S = 1.0
"""What takes less than this shows nothing."""


class Bar:
    """Draws progress on `stream` where that is a terminal; elsewhere it does nothing."""

    def __init__(self, label: str, stream: TextIO) -> None:
        self._label, self._stream = label, stream
        self._on = stream.isatty()
        self._began = time.monotonic()
        self._due = self._began + PATIENCE_S
        self._drawn = False

    def __call__(self, step: Progress) -> None:
        now = time.monotonic()
        if not self._on or now < self._due:
            return
        self._due = now + 0.1
        line = render(self._label, step, now - self._began, shutil.get_terminal_size().columns - 1)
        self._stream.write(f"\r\x1b[K{line}")
        self._stream.flush()
        self._drawn = True

    def clear(self) -> None:
        """Leave the line as it was."""
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._drawn = False


def render(label: str, step: Progress, elapsed_s: float, width: int) -> str:
    """The line, at most `width` characters: label, stage, bar and per cent, minutes and seconds."""
    clock = f"{int(elapsed_s) // 60}:{int(elapsed_s) % 60:02}"
    if step.fraction is None:
        tail = f"  {step.stage} …  {clock}"
    else:
        done = round(24 * min(max(step.fraction, 0.0), 1.0))
        bar = "#" * done + "-" * (24 - done)
        tail = f"  {step.stage}  [{bar}] {step.fraction:4.0%}  {clock}"
    room = width - len(tail)
    if len(label) > room:
        label = "…" + label[len(label) - room + 1 :] if room > 1 else ""
    return (label + tail)[:width]
