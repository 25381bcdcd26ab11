"""`halfgig invoke`: a function, on files, in a process of its own."""

import json
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploy import find, plans
from emulator import exports, faults, files, text
from emulator.bar import Bar
from emulator.commands.plan import NONE
from emulator.commands.plan import Name as PlanName
from emulator.invoke import Answer, Invoker
from functions.kit.manifest import Export, Manifest
from functions.kit.problem import Problem

if TYPE_CHECKING:
    from emulator.held import Held
    from emulator.remote import Remote


class Functions(click.Group):
    """The functions there are, each a command made from its manifest."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(faults.manifests()[0])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if ctx.resilient_parsing:  # A shell asks, and wants to hear of nothing else.
            its = faults.manifests()[0].get(cmd_name)
            return _command(its) if its else None
        try:
            return _command(find.function(cmd_name))
        except find.NoFunction as error:
            raise click.UsageError(str(error), ctx) from None


@click.group("invoke", cls=Functions, subcommand_metavar="NAME FILE...")
@click.option(
    "--remote",
    "url",
    metavar="URL",
    help="Ask the service that is deployed there, too, and show its answers beside those here. "
    "If it wants a key, it is sent $HALFGIG_API_KEY.",
)
@click.pass_context
def command(ctx: click.Context, url: str | None) -> None:
    """Run a function on audio files, in a process of its own.

    Prints what it found in each file, then a REPORT of the time, CPU and memory it really took.
    `halfgig invoke NAME --help` has the function's own options.

    \b
    Examples:
      halfgig invoke beats song.mp3
      halfgig invoke emotion *.wav --json > emotions.jsonl
      ffmpeg … | halfgig invoke voice_detect -
      halfgig invoke --remote https://halfgig.onrender.com beats song.mp3
    """
    if url is not None:
        from emulator.remote import AddressError, Remote  # Nothing else here needs it.

        try:
            ctx.obj = Remote.at(url)
        except AddressError as error:
            raise click.BadParameter(str(error), ctx, param_hint="'--remote'") from None


def _command(function: Manifest) -> click.Command:
    def callback(
        names: tuple[str, ...], as_json: bool, plan: str | None, **outs: Path | None
    ) -> None:
        wanted = [(export, out) for export in function.exports if (out := outs[export.name])]
        remote = click.get_current_context().obj
        with _held(plan) as held:
            sys.exit(_invoke(function, names, as_json, wanted, remote, held))

    example = f"halfgig invoke {function.name} song.mp3"
    examples = [example, f"{example} --json", f"ffmpeg … | halfgig invoke {function.name} -"]
    examples += [f"{example} --plan free"]
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
            click.Option(
                ["--plan"],
                type=PlanName(),
                metavar="PLAN",
                help=f"Give it a plan's memory and CPU: {', '.join(plans.load())}, none.",
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
    remote: "Remote | None",
    held: "Held | None",
) -> int:
    """Invoke `function` on each of `names` and print what came of it. Returns the exit code.

    remote : what is to be asked, too
    held : what holds it to a plan
    """
    for export, out in wanted:
        exports.check(export, out, names)
    failed = False
    with held.invoker(function) if held else Invoker(function) as invoker:
        for position, name in enumerate(names):
            shown, beside = files.shown(name), None
            try:
                audio, path = files.opened(name, invoker.folder, function.limits.bytes)
            except Problem as problem:
                answer = Answer(None, problem.as_dict(), None)
            else:
                bar = Bar(shown, sys.stderr)
                try:
                    began = time.monotonic()
                    if held:
                        held.begin()
                    answer = invoker.invoke(audio, bar)
                    if remote:
                        here_s = time.monotonic() - began
                        beside = remote.ask(function, audio, answer, here_s, bar)
                finally:
                    bar.clear()
                    audio.close()
            if as_json:
                line = text.answer(name, answer)
                click.echo(json.dumps(line | {"remote": beside.as_dict()} if beside else line))
            elif answer.report is not None:
                if len(names) > 1:
                    click.echo(f"\n{shown}" if position else shown)
                if answer.error is None:
                    click.echo(text.result(answer.result, exports.show(function), _width()))
                click.echo(answer.report.line())
                if beside:
                    click.echo(f"\n{beside.text(exports.show(function), _width())}")
            if beside and beside.error is not None:
                failed = True
                click.echo(f"halfgig: {beside.url}: {beside.error['detail']}", err=True)
            if answer.error is not None:
                failed = True
                click.echo(f"halfgig: {shown}: {answer.error['detail']}", err=True)
                if held and (verdict := held.verdict(function, answer)):
                    click.echo("\n".join(verdict), err=True)
                continue
            for export, out in wanted:
                exports.write(function, export, answer.result, path, out)
    return int(failed)


@contextmanager
def _held(plan: str | None) -> Iterator["Held | None"]:
    """What holds to the plan of that name, which is told; None where there is no such name."""
    if plan is None:
        yield None
        return
    from emulator.held import held  # Nothing else here needs it.

    with held(None if plan == NONE else plans.load()[plan]) as its:
        click.echo(f"halfgig: {plan}: {its.text}", err=True)
        yield its


def _width() -> int:
    return min(shutil.get_terminal_size().columns, 100)
