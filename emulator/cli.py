"""The command `halfgig`: which commands there are, and how each ends."""

import importlib
import os
import signal
import sys
from typing import NoReturn

import click

from functions.kit.manifest import ManifestError

COMMANDS = {
    "bench": "Measure requests of a function on a plan, and how many it bears.",
    "completion": "Print a script with which a shell completes commands, functions, options and "
    "files.",
    "doctor": "Say what this machine has of what is needed, and what would do.",
    "invoke": "Run a function on audio files, in a process of its own.",
    "list": "Show the functions there are, with what they accept and need.",
    "logs": "Show what an emulator that runs on this machine has logged so far.",
    "profile": "Measure a function's memory and CPU, and write them into its function.toml.",
    "replay": "Make recorded calls again, and show what differs.",
    "serve": "Serve all functions over HTTP, in the memory that there is.",
    "start": "Run the service here, in the memory and CPU that a cloud's plan would give it.",
}
"""Each is `command` in the module of `emulator.commands` that has its name, imported when it is
used; here are the first lines of their help."""


class Commands(click.Group):
    """Those of `COMMANDS`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = importlib.import_module(f"emulator.commands.{cmd_name}").command
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            raise click.NoSuchCommand(args[0], possibilities=COMMANDS, ctx=ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:  # Else click says something itself.
            _stopped()

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="halfgig", message="%(prog)s %(version)s")
def cli() -> None:
    """Audio functions that fit in half a gigabyte.

    \b
    Examples:
      halfgig invoke beats song.mp3
      halfgig start --plan free
    """


def main() -> None:
    """The entry point: ends with a shell's usual exit codes, and a line on standard error."""
    _complete_streams()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup has it
            signal.signal(number, _stop)
    try:
        try:
            cli.main(prog_name="halfgig", standalone_mode=False)
        finally:
            sys.stdout.flush()
    except click.UsageError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        click.echo(f"halfgig: {error.format_message()}", err=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _stopped()
    except ManifestError as error:
        click.echo(f"halfgig: {error}", err=True)
        sys.exit(1)
    except OSError as error:  # The disk of standard output, or of temporary files, is full.
        place = f"'{error.filename}': " if error.filename else ""
        click.echo(f"halfgig: {place}{error.strerror}.", err=True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python flushes once more as it ends.
        sys.exit(1)


def _stopped() -> NoReturn:
    click.echo("\nhalfgig: stopped." if sys.stderr.isatty() else "halfgig: stopped.", err=True)
    sys.exit(128 + signal.SIGINT)


def _stop(number: int, _: object) -> NoReturn:
    sys.exit(128 + number)


def _complete_streams() -> None:
    """Where standard streams are closed, open nothing in their place.

    Else the next files opened, here and in the function's process, are taken for them.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115, PTH123 (for good)
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115, PTH123


if __name__ == "__main__":
    main()
