"""`halfgig list`: the functions there are."""

import json
import sys

import click

from emulator import faults, text


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for machines.")
def command(as_json: bool) -> None:
    """Show the functions there are, with what they accept and need.

    What can't be used is told on standard error; the exit code is then 1.

    \b
    Examples:
      halfgig list
      halfgig list --json | jq -r .name
    """
    good, broken = faults.manifests()
    for function in good.values():
        click.echo(json.dumps(text.machine(function)) if as_json else text.human(function))
    for fault in broken.values():
        click.echo(f"halfgig: {fault.place}: {fault.detail}", err=True)
    sys.exit(int(bool(broken)))
