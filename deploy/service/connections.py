"""How many connections are open at once, and which of them gives way to the next.

Each takes a file descriptor and memory, asked of by nobody: so there are only so many, and when one
more comes, that closes which has been without a request for longest. A flood of connections that
ask nothing thus neither uses up the descriptors nor keeps others out.
"""

import resource
from asyncio import Transport

MOST = 400
"""Whatever the descriptors: with a body that comes, each takes some 0.04 MB here."""
BACKLOG = 100
"""How many the system makes us accept before any of them is heard of."""
_OTHERS = 64
"""Descriptors for all else: pipes and sockets of the functions' processes, the log."""
_LEAST = 8


def most() -> int:
    """How many there may be. Each has its own descriptor, and that of a file for its body."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        return MOST
    return max(_LEAST, min(MOST, (descriptors - _OTHERS - BACKLOG) // 2))


def most_requests() -> int:
    """How many of them may have a request for a function, so that some can always give way."""
    return most() * 3 // 4


class Connections:
    """Those that are open, `most` of them but for those that are just being closed."""

    def __init__(self, most: int) -> None:
        self._most, self._count = most, 0
        self._idle: dict[Transport, None] = {}

    def made(self, its: Transport) -> None:
        """There is another; where it is one too many, one is closed."""
        self._count += 1
        self.idle(its)
        if self._count > self._most:
            longest = next(iter(self._idle))
            self.busy(longest)
            longest.abort()

    def idle(self, its: Transport) -> None:
        """It waits for a request."""
        self._idle[its] = None

    def busy(self, its: Transport) -> None:
        """It has one."""
        self._idle.pop(its, None)

    def lost(self, its: Transport) -> None:
        """It was closed."""
        self._count -= 1
        self.busy(its)
