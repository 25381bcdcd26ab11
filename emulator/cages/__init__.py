"""Cages: they hold a command to a plan's memory and CPU. The strongest one possible is chosen."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Protocol

from deploy.plans import Plan
from emulator.cages.cage import Cage, CageUnavailable, Reading
from emulator.cages.docker import Docker
from emulator.cages.free import Free
from emulator.cages.groups import Groups
from emulator.cages.systemd import SystemdRun
from emulator.cages.watchdog import Watchdog

__all__ = ["Cage", "CageUnavailable", "Reading", "choose", "why_not"]


class Kind(Protocol):
    """A cage's class."""

    kind: str

    def __call__(self, memory_mb: float, cpus: float) -> Cage: ...


KINDS: tuple[Kind, ...] = (Groups, SystemdRun, Docker, Watchdog)
"""The strongest first. The last can be made everywhere."""


@contextmanager
def choose(plan: Plan | None) -> Iterator[Cage]:
    """The strongest cage of `plan` that can be made here; without a plan, none that limits."""
    with ExitStack() as stack:
        yield _enter(plan, stack, {}) if plan else stack.enter_context(Free())


def why_not(plan: Plan) -> dict[str, str]:
    """The kinds of cage that are stronger than the one of `choose`, and why they can't be made."""
    reasons: dict[str, str] = {}
    with ExitStack() as stack:
        _enter(plan, stack, reasons)
    return reasons


def _enter(plan: Plan, stack: ExitStack, reasons: dict[str, str]) -> Cage:
    for kind in KINDS:
        try:
            return stack.enter_context(kind(plan.memory_mb, plan.cpus))
        except CageUnavailable as error:
            reasons[kind.kind] = str(error)
    raise AssertionError("A watchdog can be everywhere.")
