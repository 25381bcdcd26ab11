"""What a decision of the service's scheduler costs, over a long random history.

    python -m benchmarks.service_scheduler

Requests come at random, many of them while others run, in memory that isn't enough for all; their
processes start, answer, die and end as they are told. The same seed gives the same history.
"""

import gc
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from benchmarks import service
from deploy.service.scheduler import decide
from deploy.service.state import (
    Arrived,
    Effect,
    Event,
    Exited,
    Finished,
    Forward,
    Function,
    Kill,
    Limits,
    Start,
    Started,
    State,
    Stop,
    Tick,
)

NEEDS_MB = {"beats": 114.0, "emotion": 97.0, "voice_detect": 106.0}
BUDGET_MB = 250.0
QUEUE = 32
DEATHS = 0.02


class World:
    """What happens next, at random, and what the scheduler's effects lead to."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        self._ahead: list[Event] = []
        self._number = 0

    def next(self) -> Event:
        """An arrival, a tick, or what became of an effect."""
        if self._ahead and self._draw.random() < 0.5:
            return self._ahead.pop(self._draw.randrange(len(self._ahead)))
        if self._draw.random() < 0.2:
            return Tick()
        self._number += 1
        return Arrived(str(self._number), self._draw.choice(list(NEEDS_MB)))

    def take(self, effects: list[Effect]) -> None:
        """Do them, later."""
        for effect in effects:
            match effect:
                case Start(name):
                    self._ahead.append(Started(name, 0.1))
                case Forward(_, name):
                    if self._draw.random() < DEATHS:
                        self._ahead.append(Exited(name, True, "died", "It died.", 50.0))
                    else:
                        peak_mb = NEEDS_MB[name] * self._draw.uniform(0.5, 1.1)
                        self._ahead.append(Finished(name, peak_mb))
                case Stop(name) | Kill(name):
                    self._ahead = [
                        event for event in self._ahead if getattr(event, "function", "") != name
                    ]
                    self._ahead.append(Exited(name, True, "stopped", "It was stopped.", 50.0))
                case _:
                    pass


def decisions(count: int, concurrency: int, seed: int = 5) -> Iterator[tuple[float, list[Effect]]]:
    """Seconds that each of so many took, and what it asked for."""
    functions = {
        name: Function(mb, timeout_s=300, idle_stop_s=300, run_s=1, start_s=1)
        for name, mb in NEEDS_MB.items()
    }
    state = State(Limits(concurrency, QUEUE, 120), BUDGET_MB, functions)
    world, now = World(seed), 0.0
    for _ in range(count):
        event = world.next()
        now += 0.02
        start = time.perf_counter()
        state, effects = decide(state, event, now)
        yield time.perf_counter() - start, effects
        world.take(effects)


def measure(count: int, concurrency: int) -> dict[str, Any]:
    """What they cost, and what they were."""
    took: list[float] = []
    asked: Counter[str] = Counter()
    gc.collect()
    for seconds, effects in decisions(count, concurrency):
        took.append(seconds)
        asked.update(type(effect).__name__ for effect in effects)
    parts = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {
        "decisions": count,
        "mean_us": round(1e6 * sum(took) / count, 1),
        **{f"{name}_us": round(1e6 * service.quantile(took, p), 1) for name, p in parts.items()},
        "effects": dict(sorted(asked.items())),
    }


def markdown(result: dict[str, Any]) -> str:
    lines = [
        f"A decision, {QUEUE} requests waiting at most, in microseconds.",
        "",
        "| at once | mean | p50 | p99 | max | effects |",
        "|---|---|---|---|---|---|",
    ]
    for concurrency, its in result.items():
        effects = ", ".join(f"{count} {name}" for name, count in its["effects"].items())
        cells = (f"{its[name]:.0f}" for name in ("mean_us", "p50_us", "p99_us", "max_us"))
        lines.append(f"| {concurrency} | {' | '.join(cells)} | {effects} |")
    return "\n".join(lines)


def main() -> int:
    parser = service.parser("service_scheduler", __doc__)
    parser.add_argument("--decisions", type=int, default=200_000)
    options = parser.parse_args()
    result = {str(n): measure(options.decisions, n) for n in (1, 3)}
    print(markdown(result))
    service.keep(options.json, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
