"""A place at a function of this service: what it is told, and what its request learns of it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Literal, Protocol, Self

from deploy.service.places import Lost, Moment, Refused, Starting
from functions.kit.problem import Problem

_LOST_S = 5.0  # for the end of a process to be known once its connection broke off


class Keeper(Protocol):
    """Who gives places out."""

    def arrive(self, place: LocalPlace) -> None:
        """Let a place into the queue."""

    def leave(self, place: LocalPlace, finished: bool) -> None:
        """Nobody waits at this place any more."""

    def socket(self, function: str) -> Path:
        """Where the function's process listens."""


class LocalPlace:
    """One request's place, as `deploy.service.places` has it, in what `keeper` gives out."""

    def __init__(
        self, keeper: Keeper, id: str, function: str, request_id: str, warm_only: bool
    ) -> None:
        self.id, self.function, self.warm_only = id, function, warm_only
        self.request_id = request_id
        self.start: Literal["cold", "warm"] = "warm"
        self.queue_s = self.init_s = 0.0
        self.gone = False
        self._keeper = keeper
        self._changed = asyncio.Event()
        self._moment: Moment | None = None
        self._granted = False
        self._refused: Refused | None = None
        self._lost: asyncio.Future[Problem] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Self:
        self._arrived = time.monotonic()
        self._keeper.arrive(self)
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        self._keeper.leave(self, finished=kind is None and self._granted)

    @property
    def socket(self) -> Path:
        return self._keeper.socket(self.function)

    def __aiter__(self) -> Self:
        self._told: Moment | None = None
        return self

    async def __anext__(self) -> Moment:
        while not self._granted:
            if self._refused:
                raise self._refused
            if self._lost.done():
                raise self._lost.result()
            self._changed.clear()
            if self._moment is not None and self._moment != self._told:
                self._told = self._moment
                return self._told
            await self._changed.wait()
        raise StopAsyncIteration

    async def lost(self) -> Problem:
        try:
            return await asyncio.wait_for(asyncio.shield(self._lost), _LOST_S)
        except TimeoutError:
            detail = f"The connection to '{self.function}' broke off."
            return Lost(detail, "died")

    def tell(self, moment: Moment) -> None:
        """Where it stands now."""
        if self._granted or moment == self._moment:
            return
        if isinstance(moment, Starting):
            self._started = time.monotonic()
            self.start = "cold"
            self.queue_s = self._started - self._arrived
        self._moment = moment
        self._changed.set()

    def grant(self) -> None:
        """The function is its to use."""
        now = time.monotonic()
        if self.start == "cold":
            self.init_s = now - self._started
        else:
            self.queue_s = now - self._arrived
        self._granted = True
        self._changed.set()

    def refuse(self, refused: Refused) -> None:
        """It can't be done now."""
        self._refused = refused
        self._changed.set()

    def lose(self, lost: Problem) -> None:
        """The function's process went away."""
        if not self._lost.done():
            self._lost.set_result(lost)
            self._changed.set()
