"""`halfgig invoke`: a function, on files, in a process of its own."""

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from deploy import find
from emulator import exports, files, text
from emulator.bar import Bar
from emulator.invoke import Answer, Invoker
from functions.kit import manifest
from functions.kit.manifest import Export, Manifest
from functions.kit.problem import Problem


class Functions(click.Group):
    """The functions there are, each a command made from its manifest."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(manifest.discover())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        try:
            return _command(find.function(cmd_name))
        except find.NoFunction as error:
            raise click.UsageError(str(error), ctx) from None


@click.group("invoke", cls=Functions, subcommand_metavar="NAME FILE...")
def command() -> None:
    """Run a function on audio files, in a process of its own.

    Prints what it found in each file, then a REPORT of the time, CPU and memory it really took.
    `halfgig invoke NAME --help` has the function's own options.

    \b
    Examples:
      halfgig invoke beats song.mp3
      halfgig invoke emotion *.wav --json > emotions.jsonl
      ffmpeg … | halfgig invoke voice_detect -
    """


def _command(function: Manifest) -> click.Command:
    def callback(names: tuple[str, ...], as_json: bool, **outs: Path | None) -> None:
        wanted = [(export, out) for export in function.exports if (out := outs[export.name])]
        sys.exit(_invoke(function, names, as_json, wanted))

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
            click.Argument(
                ["names"],
                metavar="FILE...",
                nargs=-1,
                required=True,
                type=click.Path(allow_dash=True),
            ),
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
    names: Sequence[str],
    as_json: bool,
    wanted: Sequence[tuple[Export, Path]],
) -> int:
    """Invoke `function` on each of `names` and print what came of it. Returns the exit code."""
    for export, out in wanted:
        exports.check(export, out, names)
    failed = False
    with Invoker(function) as invoker:
        for position, name in enumerate(names):
            shown = files.shown(name)
            try:
                audio, path = files.opened(name, invoker.folder, function.limits.bytes)
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
                if len(names) > 1:
                    click.echo(f"\n{shown}" if position else shown)
                if answer.error is None:
                    click.echo(text.result(answer.result, exports.show(function), _width()))
                click.echo(answer.report.line())
            if answer.error is not None:
                failed = True
                click.echo(f"halfgig: {shown}: {answer.error['detail']}", err=True)
                continue
            for export, out in wanted:
                exports.write(function, export, answer.result, path, out)
    return int(failed)


def _width() -> int:
    return min(shutil.get_terminal_size().columns, 100)
