"""What is known of a running service: from the lines of its log, and from looking at its cage."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from deploy import plans
from deploy.plans import Plan
from emulator import verdict
from emulator.cages import Reading
from emulator.verdict import Scene, Verdict
from functions.kit.manifest import Manifest

SAMPLES = 4_000
"""Readings that are kept, to say what CPU there was while a request ran."""
LATEST_S = 2.0
"""Over how long the CPU of "now" is counted."""

_WORKING = ("starting", "busy")


class Sample(NamedTuple):
    """What the cage had counted at a time, in seconds of `time.monotonic`."""

    at: float
    cpu_s: float
    throttled_s: float


@dataclass
class Row:
    """One function: what it is at, and what its process did.

    since : when it began with the start or the request that it works at, or worked at last
    broken : what is on the disk can't be used
    replaced : it runs what was on the disk before, until its request has ended
    """

    state: str = "stopped"
    since: float = 0.0
    tier: str | None = None
    calls: int = 0
    report: Mapping[str, Any] | None = None
    peaks_mb: list[float] = field(default_factory=list)
    broken: bool = False
    replaced: bool = False


class Board:
    """The state of a service in a cage of `plan`; `clock` gives seconds."""

    def __init__(
        self,
        plan: Plan | None,
        functions: Mapping[str, Manifest],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.plan, self.functions = plan, functions
        self.rows: dict[str, Row] = {}
        self.queue = self.queue_max = 0
        self.limit_mb = plan.memory_mb if plan else 0.0
        self.memory_mb = 0.0
        self.peak_mb: float | None = None
        self.parts_mb: Mapping[str, float] = {}
        self.oom_kills = 0
        self.calls, self.errors, self.cpu_s = 0, 0, 0.0
        self._clock = clock
        self._samples: deque[Sample] = deque(maxlen=SAMPLES)

    def take(self, line: Mapping[str, Any]) -> Verdict | None:
        """Know what a line of the log says; the verdict that it asks for."""
        found = verdict.of(line, self._scene(line))
        name = line.get("function")
        row = self.rows.setdefault(name, Row()) if isinstance(name, str) else Row()
        match line["event"]:
            case "state":
                self._state(line)
            case "started":
                row.peaks_mb, row.replaced = [], False
            case "report":
                row.calls += 1
                row.report = line
                row.peaks_mb.append(line["mem_peak_mb"])
                self.calls += 1
                self.errors += line["status"] >= 500
                self.cpu_s += line["cpu_s"]
            case "stopped":
                row.replaced = False
            case "broken":
                row.broken = True
            case "reloaded":
                row.broken, row.replaced = False, row.state == "busy"
            case "listening":
                for each in self.rows.values():
                    each.state = "stopped"
            case "exit" if not line["wanted"]:
                return verdict.of_service(
                    line["code"], self.oom_kills, self.peak_mb, self._scene(line)
                )
        return found

    def measure(self, reading: Reading) -> None:
        """Know what the cage has counted until now."""
        self.memory_mb, self.oom_kills = reading.memory_mb, reading.oom_kills
        self.peak_mb = reading.peak_mb
        self._samples.append(Sample(self._clock(), reading.cpu_s, reading.throttled_s))

    @property
    def used_mb(self) -> float:
        """What all parts have."""
        return sum(self.parts_mb.values())

    @property
    def cpus(self) -> float:
        """The CPU seconds a second that were used of late."""
        wall_s, cpu_s, _ = self._since(self._clock() - LATEST_S)
        return cpu_s / wall_s if wall_s else 0.0

    @property
    def waited(self) -> float:
        """The part of the time, of late, in which there was no more CPU, from 0 to 1."""
        wall_s, _, throttled_s = self._since(self._clock() - LATEST_S)
        return min(throttled_s / wall_s, 1.0) if wall_s else 0.0

    def _state(self, line: Mapping[str, Any]) -> None:
        self.queue, self.queue_max = line["queue"], line["queue_max"]
        self.limit_mb = self.limit_mb or line["limit_mb"]
        broken = {name for name, row in self.rows.items() if row.broken}  # Maybe not served.
        names = sorted(broken | line["functions"].keys())
        self.rows = {name: self.rows.get(name, Row()) for name in names}
        for name, its in line["functions"].items():
            row = self.rows[name]
            if its["state"] in _WORKING and its["state"] != row.state:
                row.since = self._clock()
            row.state, row.tier = its["state"], its["tier"]

    def _since(self, when: float) -> tuple[float, float, float]:
        """The seconds from `when`, or shortly before, to now; of them, with CPU and without."""
        if len(self._samples) < 2:
            return 0.0, 0.0, 0.0
        last = self._samples[-1]
        first = next((each for each in reversed(self._samples) if each.at <= when), None)
        first = first or self._samples[0]
        return last.at - first.at, last.cpu_s - first.cpu_s, last.throttled_s - first.throttled_s

    def _scene(self, line: Mapping[str, Any]) -> Scene:
        name = line.get("function") or str(line.get("route", "")).strip("/")
        row = self.rows.get(name, Row())
        wall_s = cpu_s = throttled_s = 0.0
        if row.state in (*_WORKING, "stopping"):
            wall_s, cpu_s, throttled_s = self._since(row.since)
        return Scene(
            plan=self.plan,
            plans=plans.load(),
            limit_mb=self.limit_mb,
            function=self.functions.get(name),
            tier=row.tier,
            others_mb={part: mb for part, mb in self.parts_mb.items() if part != name},
            peaks_mb=tuple(row.peaks_mb),
            wall_s=wall_s,
            cpu_s=cpu_s,
            throttled_s=throttled_s,
        )
