"""Bounded load: clients that ask one call after another, or calls at a rate."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from emulator.bed import Ticks
from functions.kit.steps import Progress

MOST = 64
"""Calls that are under way at a time; what would be more is not made, and is counted."""
_TICK_S = 0.1


@dataclass(frozen=True)
class Call:
    """One that was made: how long its answer took, with what status; 0 where none came.

    reason : of a problem, its slug
    report : None where the function did not take it to its end
    """

    seconds: float
    status: int
    reason: str | None
    report: Any


Ask = Callable[[int], Call]
"""Makes the n-th call, and returns once it is over."""


@dataclass
class Load:
    """The calls that were made, in the order in which they ended.

    unmade : how many were due, and not made, as `MOST` were under way
    seconds : how long all of it took
    drain_s : of that, how long after the last one was begun
    """

    calls: list[Call] = field(default_factory=list)
    unmade: int = 0
    seconds: float = 0.0
    drain_s: float = 0.0


def one_after_another(ask: Ask, clients: int, seconds: float, progress: Ticks) -> Load:
    """So many clients, each of which makes calls until the time is over, one at the least.

    One that gets no answer makes no more.
    """
    load, lock = Load(), threading.Lock()
    begun = time.monotonic()
    last = [begun]
    count = [0]

    def work() -> None:
        while True:
            with lock:
                n = count[0]
                count[0] += 1
                last[0] = time.monotonic()
            call = ask(n)
            with lock:
                load.calls.append(call)
            if not call.status or time.monotonic() - begun >= seconds:
                return

    threads = [threading.Thread(target=work, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    _join(threads, begun, seconds, progress)
    return _timed(load, begun, last[0])


def at_a_rate(ask: Ask, rate: float, seconds: float, progress: Ticks) -> Load:
    """Calls at `rate` a second, evenly, for so long, whatever becomes of them; one at the least."""
    load, lock = Load(), threading.Lock()
    under_way: set[threading.Thread] = set()
    begun = time.monotonic()
    last = begun

    def make(n: int) -> None:
        call = ask(n)
        with lock:
            load.calls.append(call)
            under_way.discard(threading.current_thread())

    for n in range(max(1, int(seconds * rate))):
        while (left := begun + n / rate - time.monotonic()) > 0:
            time.sleep(min(left, _TICK_S))
            _tell(progress, begun, seconds)
        with lock:
            if len(under_way) >= MOST:
                load.unmade += 1
                continue
            thread = threading.Thread(target=make, args=(n,), daemon=True)
            under_way.add(thread)
        last = time.monotonic()
        thread.start()
    with lock:
        threads = list(under_way)
    _join(threads, begun, seconds, progress)
    return _timed(load, begun, last)


def _join(
    threads: Sequence[threading.Thread], begun: float, seconds: float, progress: Ticks
) -> None:
    for thread in threads:
        while thread.is_alive():
            thread.join(_TICK_S)
            _tell(progress, begun, seconds)


def _tell(progress: Ticks, begun: float, seconds: float) -> None:
    progress(Progress("under load", min((time.monotonic() - begun) / seconds, 1.0)))


def _timed(load: Load, begun: float, last: float) -> Load:
    now = time.monotonic()
    load.seconds, load.drain_s = now - begun, now - last
    return load
