"""`halfgig list`: the functions there are."""

import json

import click

from emulator import text
from functions.kit import manifest


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for machines.")
def command(as_json: bool) -> None:
    """Show the functions there are, with what they accept and need.

    \b
    Examples:
      halfgig list
      halfgig list --json | jq -r .name
    """
    for function in manifest.discover().values():
        click.echo(json.dumps(text.machine(function)) if as_json else text.human(function))
