"""`halfgig profile`: what a function takes, measured and written into its function.toml."""

import sys
from pathlib import Path

import click

from emulator import measured, profile, text
from emulator.bar import Bar
from emulator.commands import names
from functions.kit import manifest
from functions.kit.problem import Problem


@click.command("profile")
@click.argument("name", shell_complete=names.complete)
@click.argument(
    "files",
    metavar="[FILE]...",
    nargs=-1,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option("--dry-run", is_flag=True, help="Write nothing.")
def command(name: str, files: tuple[Path, ...], dry_run: bool) -> None:
    """Measure a function's memory and CPU, and write them into its function.toml.

    It works on its demo clip, over and over: for ten seconds, for as long as its limits allow, and
    a length between; or else on each FILE as it is. The service keeps that much memory for it, and
    guesses by it how long calls take.

    \b
    Examples:
      halfgig profile beats
      halfgig profile beats short.wav long.wav --dry-run
    """
    function = names.function(name)
    bar = Bar(name, sys.stderr)
    try:
        its = profile.measure(function, files, bar)
    except Problem as problem:
        raise click.ClickException(str(problem)) from None
    finally:
        bar.clear()
    click.echo(text.profile(function, its))
    if not dry_run:
        path = function.folder / manifest.FILE
        said = path.read_bytes().decode()
        path.write_bytes(measured.written(said, its.memory, its.cpu_per_s, its.tier).encode())
