"""How many connections are open at once, and which of them gives way to the next.

Each takes a file descriptor and memory, and may ask for nothing. So there are only so many: when
one more comes, the one that has been without a request for longest is closed. A flood of them
neither uses up the descriptors nor keeps others out.
"""

import asyncio
import resource
import select
from asyncio import Transport
from itertools import filterfalse

MOST = 400
"""Whatever the descriptors: with a body that comes, each takes some 0.08 MB here."""
BACKLOG = 100
"""How many the system makes us accept before any of them is heard of."""
_OTHERS = 64
"""Descriptors for all else: pipes and sockets of the functions' processes, the log."""
_LEAST = 8


def most() -> int:
    """How many there may be. Each has a descriptor, and that of a file if it has a request."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        return MOST
    return max(_LEAST, min(MOST, (descriptors - _OTHERS - BACKLOG) // 2))


def most_requests() -> int:
    """How many of them may have a request for a function, so that some can always give way."""
    return most() * 3 // 4


class Connections:
    """Those that are open: `most`, or some more while all of them have requests."""

    def __init__(self, most: int) -> None:
        self._most, self._at_last = most, most + most // 4
        self._open: set[Transport] = set()
        self._idle: dict[Transport, None] = {}

    def made(self, its: Transport) -> None:
        """There is another; where it is one too many, one is closed."""
        while len(self._open) >= self._most and self._idle:
            first = next(iter(self._idle))
            self._close(next(filterfalse(_says_something, self._idle), first))
        self._open.add(its)
        self.idle(its)
        if len(self._open) > self._at_last:
            self._close(its)

    def idle(self, its: Transport) -> None:
        """It waits for a request."""
        if its in self._open:
            self._idle[its] = None

    def busy(self, its: Transport) -> None:
        """It has one."""
        self._idle.pop(its, None)

    def lost(self, its: Transport) -> None:
        """It was closed."""
        self._open.discard(its)
        self.busy(its)

    def _close(self, its: Transport) -> None:
        self.lost(its)
        # What it was answered just now goes out first.
        asyncio.get_running_loop().call_soon(its.abort)


def _says_something(its: Transport) -> bool:
    """Whether something has come that is not read yet: a request, most often."""
    poll = select.poll()
    poll.register(its.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(poll.poll(0))
