"""Recorded calls, made again: what differs in their answers, and in what they took."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from deploy.service import catalogue
from emulator import bed as beds
from emulator import difference, faults
from emulator.bed import Bed, BedError, Done, Ticks
from emulator.difference import Difference
from emulator.recordings import Recording
from functions.kit.steps import Progress

COSTS = ("cpu_s", "mem_peak_mb", "duration_s", "init_s")
"""Of a REPORT, what is compared."""
_NOT_SENT = frozenset(
    ("host", "connection", "content-length", "transfer-encoding", "expect", "x-request-id")
)


@dataclass(frozen=True)
class Run:
    """One more call: what its answer has otherwise, and the REPORTs."""

    status: int
    differences: Sequence[Difference]
    reports: Sequence[Mapping[str, Any]]
    seconds: float


@dataclass(frozen=True)
class Replayed:
    """A recording, and the calls that were made for it."""

    recording: Recording
    runs: Sequence[Run]

    @property
    def same(self) -> bool:
        """Whether every answer was as recorded."""
        return not any(run.differences for run in self.runs)


class Replayer:
    """Makes recorded calls in `bed`, each `times` times.

    cold : each in a new process; else as it was recorded: a cold call is cold again, and a warm
        one goes to a process that has answered before
    tolerance, ignored : of the answers, as `difference.between` has them
    """

    def __init__(
        self,
        bed: Bed,
        *,
        cold: bool,
        times: int,
        tolerance: float = difference.TOLERANCE,
        ignored: Collection[str] = (),
    ) -> None:
        self._bed, self._cold, self._times = bed, cold, times
        self._tolerance, self._ignored = tolerance, ignored
        self._ready: set[str] = set()

    def replay(self, recording: Recording, progress: Ticks = lambda _: None) -> Replayed:
        """Make the call of `recording` again. Raises `Unreachable` and `BedError`."""
        names = functions_of([recording])
        cold = self._cold or recording.cold
        self._make_ready(names, progress)
        runs = []
        for n in range(self._times):
            told = _part(progress, n, self._times)
            if cold:
                with beds.ticking(told, "ending the last process"):
                    self._bed.cool(names)
            done = self._call(recording, told)
            if not cold and any(report["start"] == "cold" for report in done.reports):
                done = self._call(recording, told)
            runs.append(self._run(recording, done))
        return Replayed(recording, runs)

    def _make_ready(self, names: Sequence[str], progress: Ticks) -> None:
        """Have there what any process of these is made from: the first would wait for it."""
        new = [name for name in names if name not in self._ready]
        self._ready |= set(new)
        if new:
            with suppress(BedError):  # What is wrong with them, their calls will show.
                self._bed.warm(new, progress)

    def _call(self, recording: Recording, progress: Ticks) -> Done:
        headers = {name: value for name, value in recording.headers if name not in _NOT_SENT}
        return self._bed.ask(
            recording.target,
            headers,
            recording.body,
            beds.fresh_id("replay"),
            progress,
            reports=len(recording.reports) or 1,
        )

    def _run(self, recording: Recording, done: Done) -> Run:
        old, new = recording.answer.said(), done.answer.said()
        found = difference.between(old.lasting, new.lasting, self._tolerance, self._ignored)
        if old.status != new.status:
            found.insert(0, Difference("status", old.status, new.status))
        return Run(new.status, found, done.reports, done.answer.seconds)


def functions_of(recordings: Iterable[Recording]) -> list[str]:
    """The names of the functions that are called, of those that there are; none: all are."""
    functions = faults.manifests()[0]
    by_route = {route: name for name, its in functions.items() for route in catalogue.routes(its)}
    found: dict[str, None] = {}
    for recording in recordings:
        called = [report["function"] for report in recording.reports]
        if recording.path in by_route:
            called.append(by_route[recording.path])
        elif not called:
            return []
        found |= dict.fromkeys(name for name in called if name in functions)
    return list(found)


def changes(replayed: Replayed) -> dict[str, dict[str, tuple[float | None, list[float]]]]:
    """For each function, and each of `COSTS`: what was recorded, and what each call took now."""
    old = {report["function"]: report for report in replayed.recording.reports}
    new: dict[str, list[Mapping[str, Any]]] = {name: [] for name in old}
    for run in replayed.runs:
        for report in run.reports:
            new.setdefault(report["function"], []).append(report)
    return {
        name: {
            cost: (old[name][cost] if name in old else None, [report[cost] for report in reports])
            for cost in COSTS
        }
        for name, reports in new.items()
    }


def _part(progress: Ticks, n: int, times: int) -> Callable[[Progress], None]:
    """`progress` of the `n`-th of so many calls."""

    def told(step: Progress) -> None:
        stage = step.stage if times == 1 else f"{n + 1} of {times}: {step.stage}"
        progress(Progress(stage, step.fraction))

    return told
