"""Invocations that are held to a plan, each with a verdict where it was lost."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from deploy import plans
from deploy.plans import Plan
from deploy.service import memory
from emulator import cages, verdict
from emulator.cages import Cage
from emulator.invoke import Answer, Died, Invoker, TimedOut
from emulator.verdict import Scene
from functions.kit.manifest import Manifest


class Held:
    """Invokes functions in `cage`, which is of `plan`."""

    def __init__(self, plan: Plan | None, cage: Cage) -> None:
        self._plan, self._cage = plan, cage
        self.text = cage.enforces
        if cage.not_enforced:
            self.text += f"; not enforced: {' and '.join(cage.not_enforced)}"

    def invoker(self, function: Manifest) -> Invoker:
        """One whose processes are in the cage."""
        limit_mb = self._plan.memory_mb if self._plan else None
        return Invoker(function, start=self._cage.start, limit_mb=limit_mb)

    def begin(self) -> None:
        """An invocation is about to begin."""
        self._before, self._began = self._cage.read(), time.monotonic()

    def verdict(self, function: Manifest, answer: Answer) -> list[str]:
        """What became of the invocation that began last, in lines; none where it is clear."""
        assert answer.error is not None
        if answer.report is None:
            return []
        before, after = self._before, self._cage.read()
        killed = after.oom_kills > before.oom_kills
        why = {TimedOut.reason: "timeout", Died.reason: "memory" if killed else "died"}
        found = verdict.of(
            {
                "event": "stopped",
                "function": function.name,
                "why": why.get(answer.error["reason"]),
                "ready": True,
                "request_id": answer.report.request_id,
                "mem_peak_mb": answer.report.mem_peak_mb,
                "detail": answer.error["detail"],
            },
            Scene(
                plan=self._plan,
                limit_mb=self._plan.memory_mb if self._plan else memory.limit_mb(),
                plans=plans.load(),
                function=function,
                tier=answer.report.tier,
                wall_s=time.monotonic() - self._began,
                cpu_s=after.cpu_s - before.cpu_s,
                throttled_s=after.throttled_s - before.throttled_s,
            ),
        )
        return found.lines() if found else []


@contextmanager
def held(plan: Plan | None) -> Iterator[Held]:
    """What holds to `plan`: the strongest cage that is possible."""
    with cages.choose(plan) as cage:
        yield Held(plan, cage)
