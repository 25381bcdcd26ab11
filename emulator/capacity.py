"""How many requests a second a plan bears, and what is at its end first: from what one takes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

HEADROOM = 0.95
"""Of what there is, how much may be used: with all of it in use, a queue only grows."""
_TIE = 0.1
"""Within this part of each other, CPU and queue end at once: then it is the CPU."""

Resource = Literal["CPU", "memory", "queue"]


@dataclass(frozen=True)
class Cost:
    """What a warm request takes.

    cpu_s : CPU of everything, the router included
    busy_s : how long it has its function, less the time for which that waited for CPU
    short_of_memory : whether one was ended, or refused, for want of memory
    """

    cpu_s: float
    busy_s: float
    short_of_memory: bool


@dataclass(frozen=True)
class Capacity:
    """The most requests a second, and what ends first."""

    rate: float
    first: Resource


def capacity(cost: Cost, cpus: float, concurrency: int) -> Capacity:
    """Of a plan with so many CPU seconds a second, and so many requests running at once."""
    if cost.short_of_memory:
        return Capacity(0.0, "memory")
    by_cpu = HEADROOM * cpus / cost.cpu_s if cost.cpu_s else math.inf
    by_queue = HEADROOM * concurrency / cost.busy_s if cost.busy_s else math.inf
    if by_queue < by_cpu * (1 - _TIE):
        return Capacity(by_queue, "queue")
    return Capacity(min(by_cpu, by_queue), "CPU")


@dataclass(frozen=True)
class Latencies:
    """Seconds that requests took: the half and 95 of 100 took no longer than so, and the longest.

    Each is one that was measured; None where none was.
    """

    count: int
    p50: float | None
    p95: float | None
    max: float | None

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Latencies":
        """Those of requests that took `seconds`."""
        its = sorted(seconds)
        return cls(len(its), _quantile(its, 0.5), _quantile(its, 0.95), _quantile(its, 1.0))


def _quantile(ordered: Sequence[float], part: float) -> float | None:
    """The least of them that `part` of them are no more than."""
    return ordered[max(math.ceil(part * len(ordered)) - 1, 0)] if ordered else None
