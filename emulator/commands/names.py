"""Functions' names, as they are typed."""

import click
from click.shell_completion import CompletionItem

from deploy import find
from emulator import faults
from functions.kit.manifest import Manifest


def function(name: str) -> Manifest:
    """The function called `name`. Raises `ClickException` where none is that can be used."""
    good, broken = faults.manifests()
    if fault := broken.get(name):
        raise click.ClickException(f"{fault.place}: {fault.detail}")
    try:
        return find.function(name, good)
    except find.NoFunction as error:
        raise click.ClickException(str(error)) from None


def complete(_: click.Context, __: click.Parameter, typed: str) -> list[CompletionItem]:
    """The names that begin as what was typed, for a shell."""
    return [
        CompletionItem(name, help=its.summary)
        for name, its in faults.manifests()[0].items()
        if name.startswith(typed)
    ]
