"""What requests of a function take on a plan, cold, warm and under load; and how many it bears."""

import os
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.plans import Plan
from deploy.service import settings
from emulator import bed as beds
from emulator import faults, load, machine
from emulator.answers import Answer
from emulator.bed import Bed, BedError, Ticks, repeatedly
from emulator.cages import Reading
from emulator.capacity import Capacity, Cost, Latencies, capacity
from emulator.client import Unreachable
from emulator.load import Call, Load
from functions.kit.manifest import Manifest
from functions.kit.steps import Progress

COLD = 5
"""Cold requests at most; as many as fit into a third of the time, and one at the least."""
CHECKED = 4
"""A rate is tried where so many requests are due in the time."""
TRIES, LESS = 3, 0.85
"""How many rates are tried, and what part of the last the next one is."""
_DEMO = Path(__file__).parent.parent / "demo"
_LOOK_S = 0.1
_HEADERS = {"Content-Type": "application/octet-stream", "Accept": "application/json"}


class BenchError(Exception):
    """There is nothing to measure; the message says why."""


@dataclass(frozen=True)
class Wanted:
    """What is measured: calls of `function` with `files` in turn, for `seconds`.

    The load is of `clients` that ask one call after another, or of calls at `rate` a second.
    """

    function: Manifest
    files: Sequence[Path]
    clients: int
    rate: float | None
    seconds: float


@dataclass(frozen=True)
class Check:
    """A run at the rate that a plan is said to bear.

    held : whether each call was answered, and none waited longer at the end than at the beginning
    """

    rate: float
    calls: int
    answered: int
    latencies: Latencies
    held: bool


@dataclass(frozen=True)
class Result:
    """What was measured on `plan`; None is this machine as it is. MB and seconds.

    kind, not_enforced : of the cage
    cold, warm : the calls that were answered, and had to start a process, or not
    failures : how often each reason came; "unmade" are calls that were due and not made
    cpu_s, cold_cpu_s : CPU of a call, of everything; of a cold one, of the function
    function_peak_mb : what its process had at most; peak_mb: everything, less what is only cached
    throttled : for what part of the load CPU was denied
    others : what part of this machine's CPU other work had meanwhile; None where that is not told
    capacity : as reckoned from what a call takes; None where no call was answered
    checks : rates that were tried, from that one down, until one held
    """

    plan: Plan | None
    cpus: float
    concurrency: int
    kind: str
    not_enforced: tuple[str, ...]
    cold: Latencies
    warm: Latencies
    failures: Mapping[str, int]
    answered_a_second: float
    cpu_s: float
    cold_cpu_s: float | None
    function_peak_mb: float | None
    peak_mb: float
    throttled: float
    others: float | None
    capacity: Capacity | None
    checks: tuple[Check, ...]

    @property
    def held_rate(self) -> float | None:
        """The largest rate that held when it was tried; None where none did."""
        return next((check.rate for check in self.checks if check.held), None)


@dataclass(frozen=True)
class Used:
    """What was used, and denied, while there was load.

    waited_s : for how long the function's threads were ready to run, and had no processor
    others : what part of this machine's CPU was other processes'; None where that is not told
    """

    cpu_s: float
    throttled_s: float
    oom_kills: int
    waited_s: float
    others: float | None


@dataclass(frozen=True)
class Moment:
    """What has been used of everything up to now."""

    cage: Reading
    waited_s: float
    worked_s: float | None

    @classmethod
    def now(cls, bed: Bed) -> "Moment":
        started = bed.lines("started")
        waited_s = machine.waited_s(started[-1]["pid"]) if started else 0.0
        return cls(bed.running.cage.read(), waited_s, machine.worked_s())

    def since(self, other: "Moment", seconds: float) -> Used:
        """What was used since `other`, so many seconds before."""
        cpu_s, others = self.cage.cpu_s - other.cage.cpu_s, None
        if self.worked_s is not None and other.worked_s is not None:
            others = max(self.worked_s - other.worked_s - cpu_s, 0.0) / (seconds * machine.cpus())
        return Used(
            cpu_s=cpu_s,
            throttled_s=self.cage.throttled_s - other.cage.throttled_s,
            oom_kills=self.cage.oom_kills - other.cage.oom_kills,
            waited_s=max(self.waited_s - other.waited_s, 0.0),
            others=others,
        )


def clip(function: Manifest) -> Path:
    """What a function is called with if no file is named: its demo clip. Raises `BenchError`."""
    path = _DEMO / f"{function.demo[0]}.ogg"
    if not path.exists():
        raise BenchError(
            f"There is no 'demo/{path.name}' here. Name a file: halfgig bench {function.name} FILE."
        )
    return path


def measure(
    wanted: Wanted, plan: Plan | None, progress: Ticks, said: Callable[[str], None]
) -> Result:
    """Measure on `plan`. Raises `NotStarted`, and `BedError`.

    said : told, at the end, what the service said besides its log
    """
    with Bed([wanted.function.name], plan, progress, said) as bed:
        return _Bench(wanted, plan, bed, progress).run()


class _Bench:
    def __init__(self, wanted: Wanted, plan: Plan | None, bed: Bed, progress: Ticks) -> None:
        self._wanted, self._plan, self._bed, self._progress = wanted, plan, bed, progress
        cpus = machine.cpus()
        own = (
            {**os.environ, "PLAN": plan.name} if plan else {"CONCURRENCY": f"{cpus}", **os.environ}
        )
        self._concurrency = settings.load(own, faults.manifests()[0]).concurrency
        self._cpus = plan.cpus if plan else float(cpus)
        self._peak_mb = 0.0

    def run(self) -> Result:
        with self._watched():
            self._bed.warm([self._wanted.function.name], self._progress)
            cold = self._cold()
            before = Moment.now(self._bed)
            its = self._load()
            if any(not call.status for call in its.calls):
                self._bed.check()
            used = Moment.now(self._bed).since(before, its.seconds)
            rate = self._capacity(its, used)
            # Where the share is not enforced, that a rate holds says nothing of the plan.
            enforced = not self._bed.running.cage.not_enforced
            checks = tuple(self._checks(rate)) if rate and enforced else ()
        return self._result(cold, its, used, rate, checks)

    def _ask(self, n: int, progress: Ticks = lambda _: None) -> Call:
        files = self._wanted.files
        path = f"/{self._wanted.function.name}"
        try:
            done = self._bed.ask(
                path, _HEADERS, files[n % len(files)], beds.fresh_id("bench"), progress
            )
        except (Unreachable, BedError):
            return Call(0.0, 0, Unreachable.reason, None)
        report = done.reports[0] if done.reports else None
        return Call(done.answer.seconds, done.answer.status, _reason(done.answer), report)

    def _cold(self) -> list[Call]:
        calls: list[Call] = []
        spent = 0.0
        while not calls or (len(calls) < COLD and spent < self._wanted.seconds / 3):
            stage = f"cold, {len(calls) + 1} of at most {COLD}"
            with beds.ticking(self._progress, stage):
                self._bed.cool([self._wanted.function.name])
                calls.append(self._ask(len(calls)))
            spent += calls[-1].seconds
        return calls

    def _load(self) -> Load:
        its = self._wanted
        if its.rate is not None:
            return load.at_a_rate(self._ask, its.rate, its.seconds, self._progress)
        return load.one_after_another(self._ask, its.clients, its.seconds, self._progress)

    def _capacity(self, its: Load, used: Used) -> Capacity | None:
        reports = [call.report for call in _answered(its) if call.report]
        short = used.oom_kills > 0 or any(call.reason == "memory" for call in its.calls)
        if not reports:
            return Capacity(0.0, "memory") if short else None
        waited_s = used.waited_s / len(its.calls)
        cpu_s = statistics.median(report["cpu_s"] for report in reports)
        taken_s = statistics.median(report["duration_s"] for report in reports)
        cost = Cost(used.cpu_s / len(its.calls), max(taken_s - waited_s, cpu_s), short)
        return capacity(cost, self._cpus, self._concurrency)

    def _checks(self, said: Capacity) -> Iterator[Check]:
        """Tries of the rate that is said to be borne, and of smaller ones until one holds.

        There are none of a rate at which too few calls are due in the time.
        """
        for n in range(TRIES):
            rate = said.rate * LESS**n
            if rate * self._wanted.seconds < CHECKED:
                return
            check = self._check(rate)
            yield check
            if check.held:
                return

    def _check(self, rate: float) -> Check:
        def progress(step: Progress) -> None:
            self._progress(Progress(f"at {rate:.2g} a second", step.fraction))

        its = load.at_a_rate(self._ask, rate, self._wanted.seconds, progress)
        answered = _answered(its)
        latencies = Latencies.of([call.seconds for call in answered])
        # As many as run at once may still be there when the last one comes, and one may wait.
        most = (self._concurrency + 1) / rate + _LOOK_S
        held = len(answered) == len(its.calls) and not its.unmade and its.drain_s <= most
        return Check(rate, len(its.calls) + its.unmade, len(answered), latencies, held)

    def _result(
        self,
        cold: Sequence[Call],
        its: Load,
        used: Used,
        rate: Capacity | None,
        checks: tuple[Check, ...],
    ) -> Result:
        answered = [call for call in (*cold, *_answered(its)) if call.status == 200]
        starts = {True: [], False: []}  # type: dict[bool, list[float]]
        for call in answered:
            starts[bool(call.report) and call.report["start"] == "cold"].append(call.seconds)
        failures = Counter(
            call.reason or f"status {call.status}"
            for call in (*cold, *its.calls)
            if call.status != 200
        )
        if its.unmade:
            failures["unmade"] = its.unmade
        reports = [call.report for call in answered if call.report]
        peaks = [each["mem_peak_mb"] for each in (*reports, *self._bed.lines("stopped"))]
        cold_cpu_s = [each["cpu_s"] for each in reports if each["start"] == "cold"]
        cage = self._bed.running.cage
        return Result(
            plan=self._plan,
            cpus=self._cpus,
            concurrency=self._concurrency,
            kind=cage.kind,
            not_enforced=cage.not_enforced,
            cold=Latencies.of(starts[True]),
            warm=Latencies.of(starts[False]),
            failures=dict(failures),
            answered_a_second=len(_answered(its)) / its.seconds,
            cpu_s=used.cpu_s / len(its.calls),
            cold_cpu_s=statistics.median(cold_cpu_s) if cold_cpu_s else None,
            function_peak_mb=max(peaks, default=None),
            peak_mb=self._peak_mb,
            throttled=min(used.throttled_s / its.seconds, 1.0),
            others=used.others,
            capacity=rate,
            checks=checks,
        )

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Meanwhile `_peak_mb` is kept: the kernel's own counts what files it has cached, too."""

        def look() -> None:
            now = self._bed.running.cage.read()
            held = now.memory_mb if now.anon_mb is None else now.anon_mb
            self._peak_mb = max(self._peak_mb, held)

        with repeatedly(_LOOK_S, look):
            yield


def _answered(its: Load) -> list[Call]:
    return [call for call in its.calls if call.status == 200]


def _reason(answer: Answer) -> str | None:
    value: Any = answer.said().value
    if answer.status == 200:
        return None
    return str(value.get("reason", "")) or None if isinstance(value, dict) else None
