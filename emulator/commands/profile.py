"""`halfgig profile`: what a function takes, measured and written into its function.toml."""

import sys
from pathlib import Path

import click

from deploy import find
from emulator import measured, profile, text
from emulator.bar import Bar
from functions.kit import manifest
from functions.kit.problem import Problem


@click.command("profile")
@click.argument("name")
@click.argument(
    "file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--dry-run", is_flag=True, help="Write nothing.")
def command(name: str, file: Path | None, dry_run: bool) -> None:
    """Measure a function's memory, and write it into its function.toml.

    It works on FILE, or else on its demo clip, over and over, for as long as its limits allow.

    \b
    Examples:
      halfgig profile beats
      halfgig profile beats song.wav --dry-run
    """
    try:
        function = find.function(name)
        bar = Bar(name, sys.stderr)
        try:
            its = profile.measure(function, file, bar)
        finally:
            bar.clear()
    except (find.NoFunction, Problem) as error:
        raise click.ClickException(str(error)) from None
    click.echo(text.profile(function, its.memory))
    click.echo(its.report.line())
    if not dry_run:
        path = function.folder / manifest.FILE
        said = path.read_bytes().decode()
        path.write_bytes(measured.written(said, its.memory, its.report.tier).encode())
