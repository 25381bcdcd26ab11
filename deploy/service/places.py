"""What the router asks of whoever lets requests at the functions: a place for each request."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from deploy.service.snapshot import Snapshot
from functions.kit.problem import Problem


@dataclass(frozen=True)
class Queued:
    """The request waits, and is the `place`-th that does, from 1."""

    place: int


@dataclass(frozen=True)
class Starting:
    """The function's process is being started for it."""


Moment: TypeAlias = Queued | Starting


class Refused(Problem):
    """It can't be done now; asked again after `retry_after_s` seconds, it may be."""

    status, title = 503, "The service can't take this now"

    def __init__(
        self,
        detail: str,
        reason: Literal["queue_full", "queue_timeout", "memory", "start_failed", "stopping"],
        retry_after_s: int,
    ) -> None:
        super().__init__(detail)
        self.reason = reason  # type: ignore[misc]
        self.retry_after_s = retry_after_s


class Lost(Problem):
    """The function's process went away before it had answered."""

    title = "The function's process ended before it had answered"
    unasked = False
    """Whether it is certain that the process had not begun with the request."""

    def __init__(self, detail: str, reason: Literal["died", "memory", "timeout"]) -> None:
        super().__init__(detail)
        self.reason = reason  # type: ignore[misc]
        self.status = 504 if reason == "timeout" else 502  # type: ignore[misc]


class Place(Protocol):
    """One request's place: iterated over while it waits, and then the function is its to use."""

    start: Literal["cold", "warm"]
    queue_s: float
    init_s: float
    """How long the function's process took to start for it; 0.0 where it was there."""

    @property
    def socket(self) -> Path:
        """Where the function's process listens."""

    def __aiter__(self) -> AsyncIterator[Moment]:
        """What becomes of it, ending when the function is its to use. Raises `Refused`."""

    async def lost(self) -> Problem:
        """Why the connection to the function's process broke off."""


class Places(Protocol):
    """Who gives them out."""

    def place(
        self, function: str, request_id: str, *, warm_only: bool = False
    ) -> AbstractAsyncContextManager[Place]:
        """A place for a request, whose id need not be the only one of its kind.

        Left without an exception, the answer has been read to its end; with one, nobody waits
        for it any more. A `warm_only` one wants the function's process to be ready, and no more.
        """

    def snapshot(self) -> Snapshot:
        """How everything is now."""
