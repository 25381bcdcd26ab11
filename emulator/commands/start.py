"""`halfgig start`: the service, here, in a cage of a cloud's plan."""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import click

from deploy.plans import Plan
from emulator import faults, locator, ports, signals
from emulator.commands import plan as plans
from emulator.commands.names import complete, function
from emulator.journal import Journal
from emulator.running import HOST, NotStarted, Running
from emulator.view import View
from emulator.watch import Watch

PORT = 10_000


@click.command("start")
@click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=complete)
@plans.option("free", "Whose memory and CPU it has; none limits nothing.")
@click.option(
    "--port",
    type=click.IntRange(0, ports.MOST),
    help="Where to listen, 0 at any that is free; else $PORT or 10000.",
)
@click.option(
    "--record",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep each request there, with its answer, for `halfgig replay`, up to 1 GB in all.",
)
@click.option("--json", "as_json", is_flag=True, help="The service's log as it is, for machines.")
def command(
    names: tuple[str, ...], plan: str, port: int | None, record: Path | None, as_json: bool
) -> None:
    """Run the service here, in the memory and CPU that a cloud's plan would give it.

    With NAMEs, of these functions only. The first line says what holds it to the plan, and what
    of the plan is not enforced. Ctrl-C lets what runs end; again, it ends at once.

    \b
    Examples:
      halfgig start
      halfgig start beats --plan starter
      halfgig start --record calls
      halfgig start --json | jq 'select(.event == "report")'
    """
    for name in names:
        function(name)
    try:
        sys.exit(_run(names, plans.load(plan), _free(port), record, as_json))
    except NotStarted as error:
        raise click.ClickException(str(error)) from None


def _free(port: int | None) -> int:
    """The port to listen at. Raises `ClickException` where it is taken."""
    if port is None:
        said = os.environ.get("PORT", "").strip()
        if said and not (said.isdecimal() and int(said) <= ports.MOST):
            raise click.ClickException(f"PORT is '{said}'. It must be a port, from 0 to 65535.")
        port = int(said or PORT)
    host = os.environ.get("HOST", HOST)
    if port and (why := ports.why_not(host, port)):
        free = ports.next_free(host, port)
        raise click.ClickException(f"{why} {free} is free: --port {free}")
    return port


def _run(
    names: Sequence[str], plan: Plan | None, port: int, record: Path | None, as_json: bool
) -> int:
    """Run it until it is told to stop. Returns the exit code."""
    running: Running | None = None
    told: list[int] = []

    def stop(number: int) -> None:
        told.append(number)
        if running:
            running.stop()

    with signals.handled(stop), locator.place() as path, Journal(path) as journal:
        running = Running(names, plan, port=port, record=record, heard=journal)
        if told:
            return 128 + told[0]
        try:
            with ExitStack() as stack:
                with _said("Starting …"):  # A tenth of a CPU takes some seconds.
                    stack.enter_context(running)
                stack.enter_context(_announced(path, running, names))
                stack.enter_context(Watch(running))
                code = View(sys.stdout, as_json=as_json).show(running)
        except NotStarted:
            if told:
                return 128 + told[0]
            raise
    if told:
        return 0 if code in (0, -signal.SIGTERM) else 128 + told[0]
    raise NotStarted(_ended(code))


@contextmanager
def _said(text: str) -> Iterator[None]:
    """Say it on a terminal until what is done in the meantime is done."""
    shown = sys.stderr.isatty()
    click.echo(text if shown else "", nl=False, err=True)
    try:
        yield
    finally:
        click.echo("\r\x1b[K" if shown else "", nl=False, err=True)


def _announced(path: Path, running: Running, names: Sequence[str]) -> AbstractContextManager[None]:
    name = running.plan.name if running.plan else plans.NONE
    return locator.announced(path, running.url, name, names or faults.manifests()[0])


def _ended(code: int) -> str:
    if code < 0:
        return f"The service was ended by {signal.Signals(-code).name}."
    return f"The service ended with exit code {code}."
