"""The option --plan."""

import difflib
from collections.abc import Callable
from typing import Any, TypeVar

import click

from deploy import plans
from deploy.plans import Plan
from emulator.cages import Cage

NONE = "none"

F = TypeVar("F", bound=Callable[..., Any])


def option(default: str | None, help: str) -> Callable[[F], F]:
    """--plan, one of the plans there are, or none."""
    return click.option(
        "--plan",
        type=click.Choice([*plans.load(), NONE]),
        metavar="PLAN",
        default=default,
        show_default=default is not None,
        help=f"{help} There are {', '.join(plans.load())}, {NONE}.",
    )


def load(name: str) -> Plan | None:
    """The plan called `name`; None for none."""
    return None if name == NONE else plans.load()[name]


def check(name: str, option: str) -> None:
    """Raise `click.BadParameter` for a value of `option` that is no plan."""
    names = [*plans.load(), NONE]
    if name not in names:
        near = difflib.get_close_matches(name, names, 1)
        guess = f" Did you mean '{near[0]}'?" if near else ""
        raise click.BadParameter(
            f"'{name}' is no plan.{guess} There are {', '.join(names)}.", param_hint=f"'{option}'"
        )


def text(name: str, cage: Cage) -> str:
    """What holds to the plan called `name`, in a line."""
    line = f"{name}: {cage.enforces}"
    if cage.not_enforced:
        line += f"; not enforced: {' and '.join(cage.not_enforced)}"
    return line
