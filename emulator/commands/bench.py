"""`halfgig bench`: what requests of a function take on a plan, and how many it bears."""

import dataclasses
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from emulator import bench, files
from emulator.bar import Bar
from emulator.bed import BedError
from emulator.bench import BenchError, Result, Wanted
from emulator.capacity import Latencies
from emulator.client import Unreachable
from emulator.commands import names
from emulator.commands import plan as plans
from emulator.running import NotStarted
from functions.kit.manifest import Manifest
from functions.kit.problem import Problem

BUSY = 0.5
"""Of this machine's CPU, what others may have before it is told."""
MOST_S, MOST_RATE, MOST_CLIENTS = 600, 100, 32


@click.command("bench")
@click.argument("name", shell_complete=names.complete)
@click.argument("paths", metavar="[FILE]...", nargs=-1, type=click.Path(allow_dash=True))
@plans.option("free", "Whose memory and CPU there is; none is this machine as it is.")
@click.option(
    "--clients",
    type=click.IntRange(1, MOST_CLIENTS),
    help="So many ask at once, each again once it is answered.  [default: 1]",
)
@click.option(
    "--rate",
    type=click.FloatRange(0, MOST_RATE, min_open=True),
    help="So many requests a second, whatever becomes of them.",
)
@click.option(
    "--for",
    "seconds",
    type=click.FloatRange(1, MOST_S),
    default=20,
    show_default=True,
    help="Seconds of load, and again of each try.",
)
@click.option(
    "--compare",
    metavar="PLAN[,PLAN]...",
    multiple=True,
    help="Measure on these plans, too, and show them beside each other.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a plan, for machines.")
def command(
    name: str,
    paths: tuple[str, ...],
    plan: str,
    clients: int | None,
    rate: float | None,
    seconds: float,
    compare: tuple[str, ...],
    as_json: bool,
) -> None:
    """Measure requests of a function on a plan, and how many it bears.

    The load is bounded: one client for 20 s if nothing else is said. FILEs are sent in turn; none
    named, it is the function's demo clip. The most that it bears a second is reckoned from the CPU
    that a request takes, and then tried, and less of it until it holds; where the time is enough
    for a few requests.

    \b
    Examples:
      halfgig bench beats song.mp3
      halfgig bench emotion --plan starter --clients 4 --for 60
      halfgig bench beats song.mp3 --compare starter,standard
    """
    if clients is not None and rate is not None:
        raise click.UsageError("--clients and --rate are two kinds of load: give one of them.")
    its = list(dict.fromkeys([plan, *_plans(compare)]))
    try:
        function = names.function(name)
        with tempfile.TemporaryDirectory(prefix="halfgig-") as folder:
            audio = [_path(each, Path(folder), function) for each in paths]
            audio = audio or [bench.clip(function)]
            wanted = Wanted(function, audio, clients or 1, rate, seconds)
            results = []
            for each in its:
                results.append(_measured(wanted, each))
                if as_json:
                    click.echo(json.dumps(machine(wanted, results[-1])))
    except (BenchError, BedError, NotStarted, Unreachable) as error:
        raise click.ClickException(str(error)) from None
    if not as_json:
        click.echo(human(wanted, results))
    sys.exit(int(not all(result.warm.count or result.cold.count for result in results)))


def _path(name: str, folder: Path, function: Manifest) -> Path:
    """Where the file `name` is. Raises `ClickException` for one that cannot be sent."""
    try:
        audio, path = files.opened(name, folder, function.limits.bytes)
    except Problem as problem:
        raise click.ClickException(f"{files.shown(name)}: {problem.detail}") from None
    audio.close()
    return path


def _measured(wanted: Wanted, plan: str) -> Result:
    bar = Bar(f"{wanted.function.name}, {plan}", sys.stderr)
    try:
        return bench.measure(wanted, plans.load(plan), bar, _say)
    finally:
        bar.clear()


def _say(line: str) -> None:
    click.echo(line, err=True)


def _plans(compare: Sequence[str]) -> list[str]:
    its = [name.strip() for text in compare for name in text.split(",") if name.strip()]
    for name in its:
        plans.check(name, "--compare")
    return its


def machine(wanted: Wanted, result: Result) -> dict[str, Any]:
    """What was measured on one plan, for JSON."""
    document = {
        "function": wanted.function.name,
        "files": [str(path) for path in wanted.files],
        "clients": None if wanted.rate else wanted.clients,
        "rate": wanted.rate,
        "seconds": wanted.seconds,
        **dataclasses.asdict(result),
        "held_rate": result.held_rate,
    }
    rounded: dict[str, Any] = _rounded(document)
    return rounded


def human(wanted: Wanted, results: Sequence[Result]) -> str:
    """What was measured on every plan, in columns."""
    rows: list[tuple[str, Callable[[Result], str]]] = [
        ("", lambda it: it.plan.name if it.plan else plans.NONE),
        ("memory", lambda it: f"{it.plan.memory_mb:g} MB" if it.plan else "-"),
        ("CPU", lambda it: f"{it.cpus:g}"),
        ("cold: p50", lambda it: _seconds(it.cold.p50)),
        ("      p95", lambda it: _seconds(it.cold.p95)),
        ("      max", lambda it: _of(it.cold)),
        ("warm: p50", lambda it: _seconds(it.warm.p50)),
        ("      p95", lambda it: _seconds(it.warm.p95)),
        ("      max", lambda it: _of(it.warm)),
        ("CPU a request", lambda it: _seconds(it.cpu_s, 3)),
        ("  a cold one", lambda it: _seconds(it.cold_cpu_s, 3)),
        ("peak: function", lambda it: _mb(it.function_peak_mb)),
        ("      all", lambda it: _mb(it.peak_mb)),
        ("CPU denied", lambda it: f"{it.throttled:.0%}"),
        ("failed", _failed),
        ("at its end first", lambda it: it.capacity.first if it.capacity else "-"),
        ("at most a second", _rate),
        ("  held", _held),
    ]
    load = f"{wanted.rate:g} a second" if wanted.rate else f"{wanted.clients} at a time"
    files = ", ".join(path.name for path in wanted.files[:3])
    files += ", …" if len(wanted.files) > 3 else ""
    head = f"{wanted.function.name}: {files}; {load} for {wanted.seconds:g} s"
    table = [[label, *(cell(result) for result in results)] for label, cell in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [head, ""]
    lines += [
        "  ".join(
            cell.ljust(width) if not n else cell.rjust(max(width, 12))
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]
    return "\n".join([*lines, "", *notes(results)])


def notes(results: Sequence[Result]) -> list[str]:
    """What is to be known of the figures."""
    lines = []
    for kind in dict.fromkeys(result.kind for result in results):
        missing = [what for it in results if it.kind == kind for what in it.not_enforced]
        line = f"The plan is enforced by {kind}" if kind != "none" else "Nothing is limited"
        if missing:
            line += f", but not {' nor '.join(dict.fromkeys(missing))}: so it is no plan's latency"
        lines.append(f"{line}.")
    busiest = max((result.others or 0.0 for result in results), default=0.0)
    if busiest > BUSY:
        lines.append(
            f"Other work had {busiest:.0%} of this machine's CPU meanwhile: latencies are longer, "
            "and rates smaller, than they would be without."
        )
    for result in results:
        if result.not_enforced:
            continue
        if result.capacity and result.capacity.rate and not result.checks:
            seconds = bench.CHECKED / result.capacity.rate
            name = result.plan.name if result.plan else plans.NONE
            if seconds <= MOST_S:
                lines.append(f"The rate on {name} was not tried: --for {seconds:.0f} would do.")
    return lines


def _failed(result: Result) -> str:
    if not result.failures:
        return "none"
    return ", ".join(f"{count} {reason}" for reason, count in result.failures.items())


def _rate(result: Result) -> str:
    if result.capacity is None:
        return "-"
    return f"{result.capacity.rate:.3g}" if result.capacity.rate else "none"


def _held(result: Result) -> str:
    if not result.checks:
        return "not tried"
    return f"{result.held_rate:.3g}" if result.held_rate else "none"


def _of(its: Latencies) -> str:
    return f"{_seconds(its.max)} of {its.count}" if its.count else "-"


def _seconds(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f} s"


def _mb(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} MB"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(its) for key, its in value.items()}
    return [_rounded(its) for its in value] if isinstance(value, list | tuple) else value
