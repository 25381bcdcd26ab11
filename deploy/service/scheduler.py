"""Who runs next, and what must start or stop for it: decisions over a state, without side effects.

`decide` takes the state, an event and the time, and gives the next state and the effects that it
asks for. It does nothing itself, so that thousands of histories can be tried in a second. What it
holds to, whatever happens:

- a function has one process at most, and a process one request at a time;
- at most `concurrency` requests run or start at once, those of one function in their order;
- no process is started unless it fits the budget beside all that are there, and idle ones are
  stopped for it, the least recently used first, but never a busy one;
- every request is answered once: forwarded, or rejected with a reason and a time to come back;
- a request whose start would cost others their process lets at most `OVERTAKES` requests pass;
- once a function was replaced, no request is forwarded to a process that was started before.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import get_args

from deploy.service.state import (
    Arrived,
    Budget,
    Cancel,
    Drain,
    Effect,
    Ended,
    Event,
    Exited,
    Finished,
    Forward,
    Function,
    Kill,
    Left,
    Lose,
    Phase,
    Process,
    Reject,
    Replace,
    Request,
    Start,
    Started,
    State,
    Stop,
    Tick,
    Why,
)

OVERTAKES = 8
"""How many later requests, for functions that are ready, pass one whose start would evict them."""
STARTS = 3
"""How many starts may fail in a row before requests are rejected for it."""
START_S = 60.0
"""How long a start may take."""
PEAKS = 20
"""Of so many invocations the largest peak is what a function is taken to need."""
_BACKOFF_S = 2.0
_BACKOFF_MAX_S = 60.0
_LATEST = 0.3  # of a new duration, in the running mean
_GROWTH = 1.5  # what a process that was ended for its memory is given beyond its peak


def decide(state: State, event: Event, now: float) -> tuple[State, list[Effect]]:
    """The state after `event`, which came at `now` seconds, and what is to be done about it."""
    desk = _Desk(state, now)
    desk.take(event)
    desk.advance()
    if isinstance(event, Arrived):
        desk.limit_queue(event.id)
    return desk.state(), desk.effects


def wait_s(state: State) -> float:
    """How long until all that runs and waits will have been done, by what the latest took."""
    busy = [*state.active.values(), *state.queue]
    runs = sum(state.functions[request.function].run_s for request in busy)
    waiting = {request.function for request in busy}
    starts = sum(
        state.functions[name].start_s
        for name in waiting
        if name not in state.processes or state.processes[name].phase is Phase.STARTING
    )
    return (runs + starts) / state.limits.concurrency


def ceiling_mb(state: State, function: str) -> float:
    """The most that the function's process may hold: all that is not set aside for others."""
    others = sum(process.need_mb for name, process in state.processes.items() if name != function)
    return max(state.budget_mb - others, state.need_mb(function))


class _Desk:
    """One decision, in the making."""

    def __init__(self, state: State, now: float) -> None:
        self.now = now
        self.limits, self.budget_mb, self.draining = state.limits, state.budget_mb, state.draining
        self.functions, self.processes = dict(state.functions), dict(state.processes)
        self.queue, self.active = list(state.queue), dict(state.active)
        self.effects: list[Effect] = []

    def state(self) -> State:
        """The state that it has come to."""
        return State(
            self.limits,
            self.budget_mb,
            self.functions,
            self.processes,
            tuple(self.queue),
            self.active,
            self.draining,
        )

    def take(self, event: Event) -> None:
        match event:
            case Arrived():
                self._arrived(event)
            case Left(id):
                self._left(id)
            case Started(name, seconds):
                if self._is(name, Phase.STARTING):  # Not, if it has been told to stop meanwhile.
                    start_s = _mean(self.functions[name].start_s, seconds)
                    self._learn(name, start_s=start_s, failures=0, detail="")
                    self._phase(name, Phase.READY)
            case Finished(name, peak_mb):
                self._finished(name, peak_mb)
            case Exited():
                self._exited(event)
            case Replace():
                self._replace(event)
            case Budget(mb):
                self.budget_mb = mb
            case Tick():
                self._tick()
            case Drain():
                self.draining = True
                for request in list(self.queue):
                    self._reject(request, "stopping")

    def advance(self) -> None:
        """Give the functions to the requests that wait, as far as all limits let it."""
        for name, request in list(self.active.items()):
            if self._is(name, Phase.READY):  # It was starting for this request.
                self._forward(request)
        while len(self.active) < self.limits.concurrency:
            request_ = self._next()
            if request_ is None or not self._begin(request_):
                return

    def limit_queue(self, id: str) -> None:
        """Reject the newest request, `id`, where it would wait and too many do."""
        newest = self.queue[-1:]
        if len(self.queue) > self.limits.queue_length and newest[0].id == id:
            self._reject(newest[0], "queue_full")

    def _next(self) -> Request | None:
        """Who is next: the first for whom there is a process, or for whom one can start.

        Where that start would evict, one for whom a process is ready passes it, some times.
        """
        able = [
            request
            for request in self.queue
            if request.function not in self.active
            and not self._is(request.function, Phase.STOPPING)
        ]
        if not able or able[0].function in self.processes:
            return able[0] if able else None
        first = able[0]
        if first.overtaken >= OVERTAKES or self._short_mb(first.function) <= 0:
            return first
        for request in able:
            if self._is(request.function, Phase.READY):
                self._passed_by(request)
                return request
        return first

    def _passed_by(self, request: Request) -> None:
        at = self.queue.index(request)
        self.queue[:at] = [replace(it, overtaken=it.overtaken + 1) for it in self.queue[:at]]

    def _begin(self, request: Request) -> bool:
        """Let `request` have its function, or make room for it; False where it must wait."""
        name = request.function
        if name not in self.processes:
            if not self._room_for(name):
                return False
            self.processes[name] = Process(Phase.STARTING, self.now, self._need_mb(name))
            self.effects.append(Start(name))
        self._unqueue(request)
        self.active[name] = request
        if self._is(name, Phase.READY):
            self._forward(request)
        return True

    def _room_for(self, name: str) -> bool:
        """Is there room for another process? Where not, stop idle ones that would make it."""
        short_mb = self._short_mb(name)
        if short_mb > 0:
            self._make_room(short_mb)
        return short_mb <= 0

    def _make_room(self, short_mb: float) -> None:
        """Stop idle processes for `short_mb`, beside what is stopping; none, if not all of it."""
        short_mb -= sum(
            process.need_mb
            for process in self.processes.values()
            if process.phase is Phase.STOPPING
        )
        victims = []
        for victim, process in self._idle():
            if round(short_mb, 3) <= 0:
                break
            victims.append(victim)
            short_mb -= process.need_mb
        if round(short_mb, 3) > 0:
            return  # A busy one is in the way, and stopping these would be for nothing.
        for victim in victims:
            self._stop(victim, "evicted")

    def _used_mb(self) -> float:
        return sum(process.need_mb for process in self.processes.values())

    def _need_mb(self, name: str) -> float:
        return self.functions[name].within_mb(self.budget_mb)

    def _short_mb(self, name: str) -> float:
        """How much memory is missing for a process of this function; 0 or less where none is."""
        return round(self._used_mb() + self._need_mb(name) - self.budget_mb, 3)

    def _idle(self) -> Iterator[tuple[str, Process]]:
        """The processes that nobody uses; those that nobody waits for first, then the oldest."""
        wanted = {request.function for request in self.queue}
        idle = [
            (name, process)
            for name, process in self.processes.items()
            if process.phase is Phase.READY and name not in self.active
        ]
        yield from sorted(idle, key=lambda it: (it[0] in wanted, it[1].since, it[0]))

    def _arrived(self, event: Arrived) -> None:
        request = Request(event.id, event.function, self.now, event.warm_only)
        function = self.functions[event.function]
        if self.draining:
            self._reject(request, "stopping")
        elif self._need_mb(event.function) > self.budget_mb:
            self._reject(request, "memory")
        elif self._is_broken(function):
            self._reject(request, "start_failed")
        else:
            self.queue.append(request)

    def _left(self, id: str) -> None:
        for request in list(self.queue):
            if request.id == id:
                self._unqueue(request)
        for name, request in self.active.items():
            if request.id != id or request.left:
                continue
            if self._is(name, Phase.STARTING):  # Somebody else may want it once it is ready.
                self._release(name)
            else:
                self.active[name] = replace(request, left=True)
                if self._is(name, Phase.BUSY):
                    self.effects.append(Cancel(name))
            return

    def _finished(self, name: str, peak_mb: float | None) -> None:
        if not self._is(name, Phase.BUSY):
            return
        process = self.processes[name]
        self._release(name)
        if process.replaced:
            self._stop(name, "replaced")
            return
        function = self.functions[name]
        run_s = _mean(function.run_s, self.now - process.since)
        need_mb = process.need_mb
        if peak_mb is None:
            self._learn(name, run_s=run_s)
        else:
            self._learn(name, run_s=run_s, peaks_mb=_latest(function.peaks_mb, peak_mb))
            need_mb = self._need_mb(name)
        self.processes[name] = Process(Phase.READY, self.now, need_mb)
        if (over_mb := self._used_mb() - self.budget_mb) > 0:  # It needs more than before.
            self._make_room(over_mb)

    def _exited(self, event: Exited) -> None:
        name = event.function
        process = self.processes.get(name)
        replaced = process is not None and process.replaced
        if event.why == "memory" and not replaced:
            self._learn_peak(name, min(event.peak_mb * _GROWTH, self.budget_mb))
        self.processes.pop(name, None)
        request = self.active.get(name)
        self._release(name)
        if request is not None and not request.left:
            if request.forwarded:
                why = event.why if event.why in ("memory", "timeout") else "died"
                self.effects.append(Lose(request.id, name, why, event.detail))
            else:  # The first again.
                self.queue.insert(0, request)
        if not event.ready and event.why not in get_args(Ended) and not replaced:
            self._start_failed(name, event.detail)

    def _replace(self, event: Replace) -> None:
        """End the process that has the old code, once it is not busy."""
        name = event.function
        facts = {
            "declared_mb": event.declared_mb,
            "timeout_s": event.timeout_s,
            "idle_stop_s": event.idle_stop_s,
        }
        self._learn(name, **facts, peaks_mb=(), failures=0, failed_until=-math.inf, detail="")
        process = self.processes.get(name)
        if process is None or self.draining:
            return
        self.processes[name] = replace(process, replaced=True)
        if process.phase is Phase.STARTING:
            if request := self.active.get(name):  # The first again.
                self.queue.insert(0, request)
                self._release(name)
            self._stop(name, "replaced")
        elif process.phase is Phase.READY:
            self._stop(name, "replaced")

    def _start_failed(self, name: str, detail: str) -> None:
        failures = self.functions[name].failures + 1
        until = -math.inf
        if failures >= STARTS:
            doubled = _BACKOFF_S * 2 ** min(failures - STARTS, 10)
            until = self.now + min(doubled, _BACKOFF_MAX_S)
        self._learn(name, failures=failures, failed_until=until, detail=detail)
        for request in list(self.queue) if self.now < until else ():
            if request.function == name:
                self._reject(request, "start_failed")

    def _is_broken(self, function: Function) -> bool:
        return function.failures >= STARTS and self.now < function.failed_until

    def _tick(self) -> None:
        for request in list(self.queue):
            if self.now - request.arrived > self.limits.queue_s:
                self._reject(request, "queue_timeout")
            elif self._need_mb(request.function) > self.budget_mb:
                self._reject(request, "memory")
        for name, process in list(self.processes.items()):
            function = self.functions[name]
            age = self.now - process.since
            idle = process.phase is Phase.READY and name not in self.active
            if idle and (age > function.idle_stop_s or self.draining):
                self._stop(name, "stopping" if self.draining else "idle")
            elif (process.phase is Phase.BUSY and age > function.timeout_s) or (
                process.phase is Phase.STARTING and age > START_S
            ):
                self._phase(name, Phase.STOPPING)
                self.effects.append(Kill(name))

    def _forward(self, request: Request) -> None:
        name = request.function
        self.effects.append(Forward(request.id, name))
        if request.warm_only:
            self._release(name)
        else:
            self.active[name] = replace(request, forwarded=True)
            self._phase(name, Phase.BUSY)

    def _stop(self, name: str, why: Ended) -> None:
        self._phase(name, Phase.STOPPING)
        self.effects.append(Stop(name, why))

    def _reject(self, request: Request, why: Why) -> None:
        self._unqueue(request)
        function = self.functions[request.function]
        wait = wait_s(self.state())
        match why:
            case "queue_full":
                detail = f"{self.limits.queue_length} requests are waiting already, as many as may."
            case "queue_timeout":
                detail = (
                    f"It has waited for {self.limits.queue_s:g} s, as long as one may, and "
                    "others are still before it."
                )
            case "memory":
                detail = (
                    f"'{request.function}' needs {self._need_mb(request.function):.0f} MB of "
                    "memory, and all that there is for functions here is "
                    f"{max(self.budget_mb, 0):.0f} MB."
                )
                wait = max(wait, _BACKOFF_MAX_S)
            case "start_failed":
                detail = (
                    f"'{request.function}' did not start, {function.failures} times in a row. "
                    f"{function.detail}"
                ).strip()
                wait = function.failed_until - self.now
            case "stopping":
                detail = "The service is stopping, and takes no more requests."
        retry_after_s = max(1, math.ceil(wait))
        self.effects.append(Reject(request.id, request.function, why, detail, retry_after_s))

    def _is(self, name: str, phase: Phase) -> bool:
        process = self.processes.get(name)
        return process is not None and process.phase is phase

    def _phase(self, name: str, phase: Phase) -> None:
        if name in self.processes:
            its = self.processes[name]
            self.processes[name] = Process(phase, self.now, its.need_mb, its.replaced)

    def _unqueue(self, request: Request) -> None:
        self.queue = [waiting for waiting in self.queue if waiting.id != request.id]

    def _release(self, name: str) -> None:
        self.active.pop(name, None)

    def _learn_peak(self, name: str, peak_mb: float) -> None:
        """Set aside for the function what its latest invocations needed."""
        self._learn(name, peaks_mb=_latest(self.functions[name].peaks_mb, peak_mb))
        if process := self.processes.get(name):
            self.processes[name] = replace(process, need_mb=self._need_mb(name))

    def _learn(self, name: str, **facts: object) -> None:
        """Take `facts` for the function's own."""
        self.functions[name] = replace(self.functions[name], **facts)  # type: ignore[arg-type]


def _mean(before: float, latest: float) -> float:
    """A running mean."""
    return before + _LATEST * (latest - before)


def _latest(peaks_mb: tuple[float, ...], peak_mb: float) -> tuple[float, ...]:
    return (*peaks_mb, peak_mb)[-PEAKS:]
