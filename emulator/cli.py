"""The command `halfgig`."""

import importlib
import json
import os
import shutil
import signal
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, NoReturn

import click

from deploy import find
from emulator import child, measured, text
from emulator.bar import Bar
from emulator.invoke import Answer, Invoker
from functions.kit import manifest, stream
from functions.kit.manifest import Export, Manifest
from functions.kit.problem import Problem
from functions.kit.refusals import TooLarge


class NoFile(Problem):
    """A file that cannot be read."""

    status = 404
    reason = "no_file"
    title = "The file cannot be read"


COMMANDS = ("start",)
"""Those that are modules of `emulator.commands`, imported when they are used."""


class Commands(click.Group):
    """The commands of this module, and those of `COMMANDS`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            found: click.Command = importlib.import_module(f"emulator.commands.{cmd_name}").command
            return found
        return super().get_command(ctx, cmd_name)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="halfgig", message="%(prog)s %(version)s")
def cli() -> None:
    """Audio functions that fit in half a gigabyte."""


@cli.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for machines.")
def list_functions(as_json: bool) -> None:
    """Show the functions there are, with what they accept and need."""
    for function in manifest.discover().values():
        click.echo(json.dumps(text.machine(function)) if as_json else text.human(function))


class Functions(click.Group):
    """The functions there are, each a command made from its manifest."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(manifest.discover())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        try:
            return _command(find.function(cmd_name))
        except find.NoFunction as error:
            raise click.UsageError(str(error), ctx) from None


@cli.group(cls=Functions, subcommand_metavar="NAME FILE...")
def invoke() -> None:
    """Run a function on audio files, in a process of its own.

    Prints what it found in each file, then a REPORT of the time, CPU and memory it really took.
    `halfgig invoke NAME --help` has the function's own options.
    """


@cli.command("profile")
@click.argument("name")
@click.argument(
    "file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--dry-run", is_flag=True, help="Write nothing.")
def profile_memory(name: str, file: Path | None, dry_run: bool) -> None:
    """Measure a function's memory, and write it into its function.toml.

    It works on FILE, or else on its demo clip, over and over, for as long as its limits allow.
    """
    from emulator import profile  # It imports numpy, which nothing else here does.

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


@cli.command()
@click.option(
    "--port", type=click.IntRange(0, 65_535), help="Where to listen; else $PORT or 10000."
)
def serve(port: int | None) -> None:
    """Serve all functions over HTTP, in the memory that there is."""
    if port is not None:
        os.environ["PORT"] = str(port)
    command = [sys.executable, "-P", "-m", "deploy.service"]
    os.execve(sys.executable, command, child.environment())


def _command(function: Manifest) -> click.Command:
    def callback(files: tuple[str, ...], as_json: bool, **outs: Path | None) -> None:
        exports = [(export, out) for export in function.exports if (out := outs[export.name])]
        try:
            sys.exit(_invoke(function, files, as_json, exports))
        except KeyboardInterrupt:
            _stopped()

    example = f"halfgig invoke {function.name} song.mp3"
    examples = [example, f"{example} --json", f"ffmpeg … | halfgig invoke {function.name} -"]
    examples += [f"{example} --{export.name} out{export.suffix}" for export in function.exports]
    return click.Command(
        function.name,
        callback=callback,
        short_help=function.summary,
        help=f"{function.summary}\n\nFILE is any number of audio files; - is standard input.\n\n"
        "\b\nExamples:\n" + "\n".join(f"  {example}" for example in examples),
        params=[
            click.Argument(["files"], metavar="FILE...", nargs=-1, required=True),
            click.Option(
                ["as_json", "--json"], is_flag=True, help="One JSON object a file, for machines."
            ),
            *(
                click.Option(
                    [export.name, f"--{export.name}"],
                    type=click.Path(path_type=Path),
                    metavar=f"OUT{export.suffix}",
                    help=export.help,
                )
                for export in function.exports
            ),
        ],
    )


def _invoke(
    function: Manifest,
    files: Sequence[str],
    as_json: bool,
    exports: Sequence[tuple[Export, Path]],
) -> int:
    """Invoke `function` on each of `files` and print what came of it. Returns the exit code."""
    for export, out in exports:
        _check(export, out, files)
    failed = False
    with Invoker(function) as invoker:
        for position, name in enumerate(files):
            shown = "standard input" if name == "-" else click.format_filename(name)
            try:
                audio, path = _open(name, invoker.folder, function.limits.bytes)
            except Problem as problem:
                answer = Answer(None, problem.as_dict(), None)
            else:
                bar = Bar(shown, sys.stderr)
                try:
                    answer = invoker.invoke(audio, bar)
                finally:
                    bar.clear()
                    audio.close()
            if as_json:
                click.echo(json.dumps(text.answer(name, answer)))
            elif answer.report is not None:
                if len(files) > 1:
                    click.echo(f"\n{shown}" if position else shown)
                if answer.error is None:
                    click.echo(text.result(answer.result, _show(function), _width()))
                click.echo(answer.report.line())
            if answer.error is not None:
                failed = True
                click.echo(f"halfgig: {shown}: {answer.error['detail']}", err=True)
                continue
            for export, out in exports:
                _export(_show(function), export, answer.result, path, out)
    return int(failed)


def _open(name: str, folder: Path, limit: int) -> tuple[BinaryIO, Path]:
    """The file `name`, open, and its path. A pipe is first copied to `folder`.

    Raises `NoFile`, or `TooLarge` where there are more than `limit` bytes.
    """
    if name == "-" and sys.stdin is None:
        raise NoFile("Standard input is closed.")
    try:
        source = sys.stdin.buffer if name == "-" else Path(name).open("rb")  # noqa: SIM115
    except FileNotFoundError:
        raise NoFile("There is no such file.") from None
    except IsADirectoryError:
        raise NoFile("This is a directory; name the audio files in it.") from None
    except OSError as error:
        raise NoFile(f"It cannot be read: {error.strerror}.") from None
    path = Path(name)
    if name == "-" or not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
        path = folder / "input"
        spool = path.open("wb+")
        stream.copy(source, spool, limit)
        if name != "-":
            source.close()
        source = spool
    if os.fstat(source.fileno()).st_size > limit:
        source.close()
        raise TooLarge.over(limit)
    return source, path


def _check(export: Export, out: Path, files: Sequence[str]) -> None:
    option = f"--{export.name}"
    if len(files) != 1:
        raise click.UsageError(f"{option} takes exactly one FILE; {len(files)} were given.")
    if out.suffix.lower() != export.suffix:
        raise click.UsageError(f"{option} writes {export.suffix}: '{out}' does not end so.")
    if not out.parent.is_dir():
        raise click.UsageError(f"{option}: there is no folder '{out.parent}'.")
    if out.is_dir() or _is_song(out, files[0]):
        raise click.UsageError(f"{option}: '{out}' is a folder, or the song itself.")


def _is_song(out: Path, name: str) -> bool:
    try:
        song = os.fstat(sys.stdin.fileno()) if name == "-" and sys.stdin else Path(name).stat()
        return os.path.samestat(song, out.stat())
    except OSError:  # One of them is not there.
        return False


def _export(show: ModuleType | None, export: Export, result: Any, audio: Path, out: Path) -> None:
    """Write `out` whole or not at all."""
    unfinished = out.with_name(f".halfgig-{os.getpid()}{out.suffix}")
    try:
        getattr(show, export.name)(result, audio, unfinished)
        unfinished.replace(out)
    except ImportError as error:
        need = f"pip install 'halfgig[{export.extra}]'" if export.extra else f"{error.name}"
        raise click.ClickException(f"--{export.name} needs more: {need}") from None
    except OSError as error:
        raise click.ClickException(f"'{out}' cannot be written: {error.strerror}.") from None
    finally:
        unfinished.unlink(missing_ok=True)


def _show(function: Manifest) -> ModuleType | None:
    """The function's own way to show its results, where it has one; imported when needed."""
    if not (function.folder / "show.py").exists():
        return None
    return importlib.import_module(f"functions.{function.name}.show")


def _width() -> int:
    return min(shutil.get_terminal_size().columns, 100)


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
    except manifest.ManifestError as error:
        click.echo(f"halfgig: {error}", err=True)
        sys.exit(1)
    except OSError as error:  # The disk of standard output, or of temporary files, is full.
        place = f"'{error.filename}': " if error.filename else ""
        click.echo(f"halfgig: {place}{error.strerror}.", err=True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python flushes once more as it ends.
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        _stopped()


if __name__ == "__main__":
    main()
