"""The scheduler's effects, done: places in the queue for requests, processes for functions.

It tells the scheduler what happens (requests, the pool's events, time), does what that decides,
and logs it. Everything runs in one event loop.
"""

import asyncio
import itertools
import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from deploy.service import log, scheduler
from deploy.service.local_place import LocalPlace
from deploy.service.metrics import Metrics
from deploy.service.places import Lost, Queued, Refused, Starting
from deploy.service.pool import Pool, Reported, Told
from deploy.service.snapshot import FunctionState, Snapshot
from deploy.service.state import (
    Arrived,
    Budget,
    Cancel,
    Drain,
    Effect,
    Event,
    Exited,
    Finished,
    Forward,
    Function,
    Kill,
    Left,
    Limits,
    Lose,
    Phase,
    Reject,
    Replace,
    Start,
    Started,
    State,
    Stop,
    Tick,
)
from functions.kit.manifest import Manifest

TICK_S = 0.5
IDLE_TICK_S = 5.0
"""How often the scheduler is told that time has passed: while anything is under way, and else."""
TEMPLATES_IDLE_S = 900.0
"""How long templates are kept once no function has a process: a start without them takes longer."""
_FIRST_AUDIO_S, _FIRST_START_CPU_S = 60.0, 0.1  # of a call, until some were measured


class Dispatcher:
    """Gives requests their places, and functions their processes in `folder`.

    cpus : CPU seconds a second that there are, for first guesses of how long things take
    limit_mb : the memory of the whole service
    budget_mb : gives what is for functions now; it is called with what idle templates have
    watch : end a process that grows past what there is for it; else only the kernel does

    A context manager: at its end no process is left.
    """

    def __init__(
        self,
        functions: Mapping[str, Manifest],
        folder: Path,
        limits: Limits,
        metrics: Metrics,
        *,
        cpus: float,
        limit_mb: float,
        budget_mb: Callable[[float], float],
        watch: bool = True,
    ) -> None:
        self._pool = Pool(functions, folder, self._happened, watch=watch)
        self._metrics, self._limit_mb, self._budget_mb = metrics, limit_mb, budget_mb
        self._state = State(
            limits,
            budget_mb(0.0),
            {
                name: Function(
                    declared_mb=its.memory.peak_mb,
                    timeout_s=its.timeout_s,
                    idle_stop_s=its.idle_stop_s,
                    run_s=its.cpu_per_s * _FIRST_AUDIO_S / cpus,
                    start_s=_FIRST_START_CPU_S / cpus,
                )
                for name, its in functions.items()
            },
        )
        self._places: dict[str, LocalPlace] = {}
        self._ids = itertools.count(1)
        self._tiers: dict[str, str | None] = {}
        self._idle_since = time.monotonic()
        self._changed, self._arrived = asyncio.Event(), asyncio.Event()
        self._smallest_first = sorted(functions, key=lambda name: len(functions[name].requires))
        self._warming: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._pool.__aenter__()
        self._ticking = asyncio.create_task(self._tick())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in filter(None, (self._ticking, self._warming)):
            task.cancel()
            with suppress(asyncio.CancelledError, OSError):  # A request's own start tells of it.
                await task
        await self._pool.__aexit__()

    def place(self, function: str, request_id: str, *, warm_only: bool = False) -> LocalPlace:
        """A place for a request; see `deploy.service.places`."""
        return LocalPlace(self, str(next(self._ids)), function, request_id, warm_only)

    def warm_templates(self) -> None:
        """Start the templates, so that the first requests find them.

        It is done one after the other, and while there is no request, which it would slow down:
        what a request itself needs is started for it.
        """
        self._warming = asyncio.create_task(self._warm())

    def replace(self, function: Manifest) -> None:
        """One of the functions has other code now, or its manifest says something else.

        What was started before still ends its request, and is the last of its kind. What the
        function requires must be as before.
        """
        self._pool.replace(function)
        self._tell(
            Replace(
                function.name,
                declared_mb=function.memory.peak_mb,
                timeout_s=function.timeout_s,
                idle_stop_s=function.idle_stop_s,
            )
        )

    async def changed(self) -> None:
        """Return once something has happened, or time has passed."""
        self._changed.clear()
        await self._changed.wait()

    async def drain(self, seconds: float) -> None:
        """Let what runs end, for at most `seconds`, and refuse the rest."""
        self._tell(Drain())
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._state.active:
                    await self.changed()
        for name, request in self._state.active.items():
            if place := self._places.get(request.id):
                place.lose(
                    Refused(f"The service has to stop, and '{name}' needs longer.", "stopping", 5)
                )
            self._pool.stop(name)

    def snapshot(self) -> Snapshot:
        """How everything is now."""
        state = self._state
        return Snapshot(
            queue=len(state.queue),
            queue_max=state.limits.queue_length,
            functions={name: self._function(name) for name in state.functions},
            budget_mb=state.budget_mb,
            used_mb=state.used_mb,
            limit_mb=self._limit_mb,
            draining=state.draining,
            accepting=not state.draining and len(state.queue) < state.limits.queue_length,
            retry_after_s=max(1, math.ceil(scheduler.wait_s(state))),
        )

    def pids(self) -> dict[str, int]:
        """The processes there are, templates included."""
        return self._pool.pids()

    def _function(self, name: str) -> FunctionState:
        its = self._state.functions[name]
        process = self._state.processes.get(name)
        failed = process is None and time.monotonic() < its.failed_until
        return FunctionState(
            state=process.phase.value if process else "failed" if failed else "stopped",
            tier=self._tiers.get(name),
            need_mb=self._state.need_mb(name),
            resident_mb=self._pool.resident_mb(name),
            detail=its.detail or None,
        )

    async def _warm(self) -> None:
        for name in self._smallest_first:
            while self._state.active or self._state.queue or self._state.draining:
                await self.changed()
            await self._pool.warm_template(name)

    async def _tick(self) -> None:
        while True:
            if not (self._state.active or self._state.queue):
                self._arrived.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(IDLE_TICK_S):
                        await self._arrived.wait()
            await asyncio.sleep(TICK_S)
            self._tell(Budget(self._budget_mb(self._pool.templates_mb)))
            self._tell(Tick())
            if self._state.processes:
                self._idle_since = time.monotonic()
            elif time.monotonic() - self._idle_since > TEMPLATES_IDLE_S:
                self._pool.stop_templates()

    def _happened(self, event: Told) -> None:
        """Something happened in the pool."""
        match event:
            case Started(name, init_s):
                log.emit(
                    "started",
                    function=name,
                    request_id=self._request_id(name),
                    pid=self._pool.pids().get(name),
                    init_s=round(init_s, 4),
                )
                self._metrics.started(name, init_s)
                self._tell(event)
            case Reported(name, report, ending):
                self._reported(name, report, ending)
            case Exited(name, ready, why, detail, peak_mb):
                log.emit(
                    "stopped",
                    function=name,
                    request_id=self._request_id(name),
                    why=why,
                    ready=ready,
                    mem_peak_mb=round(peak_mb, 1),
                    detail=detail,
                )
                self._metrics.stopped(name, why)
                self._tell(event)

    def _request_id(self, name: str) -> str | None:
        """The id of the request that the function's process runs, or starts for."""
        active = self._state.active.get(name)
        place = self._places.get(active.id) if active else None
        return place.request_id if place else None

    def _reported(self, name: str, report: dict[str, Any], ending: bool) -> None:
        self._tiers[name] = report["tier"] or self._tiers.get(name)
        report["mem_limit_mb"] = round(self._limit_mb, 4)  # A plan's, where there is no other.
        if request := self._state.active.get(name):
            place = self._places.get(request.id)
            if place is not None:
                report |= {"queue_s": round(place.queue_s, 4), "init_s": round(place.init_s, 4)}
        log.emit("report", **report)
        self._metrics.reported(report)
        if not ending:  # Else nothing can be forwarded to it; its end comes next.
            self._tell(Finished(name, report["mem_peak_mb"]))

    def arrive(self, place: LocalPlace) -> None:
        """Let a place into the queue."""
        self._places[place.id] = place
        self._arrived.set()
        self._tell(Arrived(place.id, place.function, place.warm_only))

    def leave(self, place: LocalPlace, finished: bool) -> None:
        """Nobody waits at this place any more."""
        if not finished:
            self._tell(Left(place.id))
        active = self._state.active.get(place.function)
        if active is None or active.id != place.id:
            self._places.pop(place.id, None)
        else:
            place.gone = True  # Its REPORT is still to come.

    def socket(self, function: str) -> Path:
        """Where the function's process listens."""
        return self._pool.socket(function)

    def _tell(self, event: Event) -> None:
        before = self._state
        self._state, effects = scheduler.decide(before, event, time.monotonic())
        for effect in effects:
            self._do(effect)
        if self._state.processes != before.processes:
            for name, its in self._state.processes.items():
                grows = its.phase in (Phase.STARTING, Phase.BUSY)  # An idle one is not looked at.
                self._pool.limit(name, scheduler.ceiling_mb(self._state, name) if grows else None)
        waiting = {request.id: place for place, request in enumerate(self._state.queue, 1)}
        active = {request.id for request in self._state.active.values()}
        for id, place in list(self._places.items()):
            if id in waiting:
                place.tell(Queued(waiting[id]))
            elif id in active:
                place.tell(Starting())
            elif place.gone:
                del self._places[id]
        self._changed.set()

    def _do(self, effect: Effect) -> None:
        match effect:
            case Start(name):
                self._pool.start(name)
            case Stop(name, why):
                detail = ""
                if why == "evicted":
                    wanting = self._state.queue[0].function if self._state.queue else "another"
                    detail = f"'{name}' was stopped, as '{wanting}' needs its memory."
                self._pool.stop(name, why, detail)
            case Kill(name):
                self._pool.kill(name, "timeout")
            case Cancel(name):
                self._pool.cancel(name)
            case Forward(id):
                self._places[id].grant()
            case Reject(id, _, why, detail, retry_after_s):
                self._places[id].refuse(Refused(detail, why, retry_after_s))
            case Lose(id, _, why, detail):
                self._places[id].lose(Lost(detail, why))
