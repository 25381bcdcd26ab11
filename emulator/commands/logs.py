"""`halfgig logs`: what a running emulator has logged."""

import json
from collections.abc import Iterator
from typing import Any

import click

from emulator import journal, lines, locator
from emulator.commands import names
from emulator.locator import Located


@click.command("logs")
@click.argument("name", required=False, shell_complete=names.complete)
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes, until it ends.")
@click.option("--port", type=int, help="Of the emulator there; else of the one started last.")
@click.option("--json", "as_json", is_flag=True, help="The log as it is, for machines.")
def command(name: str | None, follow: bool, port: int | None, as_json: bool) -> None:
    """Show what an emulator that runs on this machine has logged so far.

    With NAME, what it logged of that function. Its first lines are gone once there are many.

    \b
    Examples:
      halfgig logs
      halfgig logs beats --follow
      halfgig logs --json | jq 'select(.event == "report") | .cpu_s'
    """
    if name is not None:
        names.function(name)
    its = _emulator(port)
    for line in _lines(its, follow):
        if name is not None and line.get("function") != name:
            continue
        if as_json:
            click.echo(json.dumps(line))
        elif shown := lines.shown(line):
            first, *more = shown[0].splitlines() or [""]
            click.echo(f"{line['time'][11:19]}  \x1b[{shown[1]}m{first}\x1b[0m")
            for each in more:
                click.echo(f"{'':<10}\x1b[{shown[1]}m{each}\x1b[0m")


def _emulator(port: int | None) -> Located:
    running = locator.running()
    if not running:
        raise click.ClickException("No emulator of yours is running here: halfgig start")
    if port is None:
        return running[-1]
    for its in running:
        if its.url.endswith(f":{port}"):
            return its
    urls = ", ".join(its.url for its in running)
    raise click.ClickException(f"No emulator of yours is at port {port}. There are: {urls}.")


def _lines(its: Located, follow: bool) -> Iterator[dict[str, Any]]:
    return journal.lines(its.journal, lambda: follow and its.runs)
