"""`halfgig doctor`: what this machine has of what is needed."""

import dataclasses
import json
import sys

import click

from emulator import doctor

_COLOURS = {"ok": "green", "note": "yellow", "missing": "red"}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for machines.")
def command(as_json: bool) -> None:
    """Say what this machine has of what is needed, and what would do.

    Models are loaded, ports tried, a cage is made: what is "ok" has worked. A "note" is something
    to know, such as that only a weaker cage is possible. The exit code is 1 where something that
    is needed is "missing".

    \b
    Examples:
      halfgig doctor
      halfgig doctor --json | jq 'select(.state != "ok")'
    """
    missing = False
    for each in doctor.findings():
        missing |= each.state == "missing"
        if as_json:
            click.echo(json.dumps(dataclasses.asdict(each)))
            continue
        state = click.style(f"{each.state:<8}", fg=_COLOURS[each.state])
        first, *more = each.says.splitlines() or [""]
        click.echo(f"{state}{each.what:<10} {first}")
        for line in more:
            click.echo(f"{'':<19}{line}")
    sys.exit(int(missing))
