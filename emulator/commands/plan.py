"""The option --plan."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from deploy import plans
from deploy.plans import Plan

if TYPE_CHECKING:
    from emulator.cages import Cage

NONE = "none"
"""The plan that limits nothing."""

_OPTION = "--plan"

F = TypeVar("F", bound=Callable[..., Any])


class Name(click.Choice[str]):
    """The name of a plan, or none; a guess at what was meant where it is another."""

    def __init__(self) -> None:
        super().__init__([*plans.load(), NONE])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        check(value, _OPTION)
        return super().convert(value, param, ctx)


def option(default: str | None, help: str) -> Callable[[F], F]:
    """--plan, one of the plans there are, or none."""
    return click.option(
        _OPTION,
        type=Name(),
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
        import difflib

        near = difflib.get_close_matches(name, names, 1)
        guess = f" Did you mean '{near[0]}'?" if near else ""
        raise click.BadParameter(
            f"'{name}' is no plan.{guess} There are {', '.join(names)}.", param_hint=f"'{option}'"
        )


def text(name: str, cage: "Cage") -> str:
    """What holds to the plan called `name`, in a line."""
    line = f"{name}: {cage.enforces}"
    if cage.not_enforced:
        line += f"; not enforced: {' and '.join(cage.not_enforced)}"
    return line
