"""Being told to stop, in the middle of something that must not be left half done."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def handled(by: Callable[[int], None]) -> Iterator[None]:
    """In this block a signal to stop calls `by` with its number, and raises nothing.

    Elsewhere than in the main thread, which alone is told of signals, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, _: FrameType | None) -> None:
        by(number)

    before = {number: signal.getsignal(number) for number in NUMBERS}
    ours = [number for number, its in before.items() if its not in (signal.SIG_IGN, None)]
    for number in ours:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])


@contextmanager
def deferred(meanwhile: Callable[[], None] = lambda: None) -> Iterator[None]:
    """A signal to stop waits until the end of this block, and is then handled as ever.

    meanwhile : called at once, each time
    """
    came: list[int] = []

    def note(number: int) -> None:
        came.append(number)
        meanwhile()

    try:
        with handled(note):
            yield
    finally:
        if came:
            signal.raise_signal(came[0])
