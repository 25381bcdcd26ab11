"""`halfgig replay`: recorded calls, made again."""

import json
import shutil
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from emulator import difference, recordings
from emulator.bar import Bar
from emulator.bed import Bed, BedError
from emulator.client import Unreachable
from emulator.commands import plan as plans
from emulator.recordings import Recording, RecordingError
from emulator.replay import Replayed, Replayer, changes, functions_of
from emulator.running import NotStarted

_COSTS = {
    "cpu_s": ("CPU", "s", 2),
    "mem_peak_mb": ("peak memory", "MB", 0),
    "duration_s": ("duration", "s", 2),
    "init_s": ("start", "s", 2),
}


@click.command("replay")
@click.argument("id", metavar="ID|all")
@click.option(
    "--from",
    "folder",
    metavar="DIR",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="What `halfgig start --record DIR` wrote.",
)
@click.option("--cold", is_flag=True, help="Each call in a new process; else as recorded.")
@click.option("--times", type=click.IntRange(1, 1000), default=1, show_default=True)
@plans.option("free", "Whose memory and CPU there is; none limits nothing.")
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    default=difference.TOLERANCE,
    show_default=True,
    help="How far apart two numbers may be: a part of the larger.",
)
@click.option(
    "--ignore",
    "ignored",
    metavar="PATH",
    multiple=True,
    help="Where answers may differ, such as `model.version` or `segments[].scores`.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a call, for machines.")
def command(
    id: str,
    folder: Path,
    cold: bool,
    times: int,
    plan: str,
    tolerance: float,
    ignored: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make recorded calls again, and show what differs.

    That is the answer, and what it took of time, CPU and memory. ID is a recording's name, or a
    part that no other has. A call that needed a new process when it was recorded gets one again;
    others go to a process that has answered before. The exit code is 1 where an answer differs.

    \b
    Examples:
      halfgig start --record calls
      halfgig replay all --from calls
      halfgig replay all --from calls --plan starter --json
      halfgig replay 20261121T170102 --from calls --cold --times 5
    """
    unread: list[str] = []
    try:
        its = list(_loaded(folder, recordings.chosen(folder, id), unread))
        bar = Bar(str(folder), sys.stderr)
        same: list[bool] = []
        if its:
            with Bed(functions_of(its), plans.load(plan), bar, _say) as bed:
                bar.clear()
                if not as_json:
                    click.echo(plans.text(plan, bed.running.cage))
                    click.echo(f"Numbers are the same within {_percent(tolerance)}.")
                replayer = Replayer(
                    bed, cold=cold, times=times, tolerance=tolerance, ignored=ignored
                )
                for recording in its:
                    same.append(_replay(replayer, recording, bed, as_json))
    except (RecordingError, NotStarted, BedError, Unreachable) as error:
        raise click.ClickException(str(error)) from None
    for why in unread:
        click.echo(f"halfgig: {why}", err=True)
    if not as_json:
        click.echo(f"\n{_summary(same)}")
    sys.exit(int(bool(unread) or not all(same)))


def _say(line: str) -> None:
    click.echo(line, err=True)


def _loaded(folder: Path, names: Sequence[str], unread: list[str]) -> Iterator[Recording]:
    """The recordings; why those can't be read that can't is put in `unread`."""
    for name in names:
        try:
            yield recordings.load(folder / name)
        except RecordingError as error:
            unread.append(str(error))


def _replay(replayer: Replayer, recording: Recording, bed: Bed, as_json: bool) -> bool:
    """Replay one and show what came of it. Whether its answer is the same."""
    bar = Bar(recording.name, sys.stderr)
    try:
        replayed = replayer.replay(recording, bar)
    finally:
        bar.clear()
        for line in bed.words():
            _say(line)
    if as_json:
        click.echo(json.dumps(machine(replayed)))
    else:
        click.echo(f"\n{human(replayed, shutil.get_terminal_size().columns)}")
    return replayed.same


def machine(replayed: Replayed) -> dict[str, Any]:
    """One call, for JSON."""
    recording = replayed.recording
    return {
        "recording": recording.name,
        "target": recording.target,
        "same": replayed.same,
        "status": recording.answer.status,
        "reports": recording.reports,
        "runs": [
            {
                "status": run.status,
                "seconds": round(run.seconds, 4),
                "differences": [each.as_dict() for each in run.differences],
                "reports": run.reports,
            }
            for run in replayed.runs
        ],
    }


def human(replayed: Replayed, width: int) -> str:
    """One call, for a person."""
    recording = replayed.recording
    lines = [recording.name, f"  POST {recording.target}, {_size(recording.body)}"]
    otherwise = [run for run in replayed.runs if run.differences]
    if not otherwise:
        lines.append("  The answer is the same.")
    else:
        often = (
            f" in {len(otherwise)} of {len(replayed.runs)} runs" if len(replayed.runs) > 1 else ""
        )
        lines.append(f"  The answer differs{often}:")
        lines += [f"    {line}" for line in difference.text(otherwise[0].differences, width - 4)]
    for name, costs in changes(replayed).items():
        lines.append(f"  {name:<14}{'recorded':>12}{'now':>12}")
        for cost, (old, new) in costs.items():
            label, unit, digits = _COSTS[cost]
            if old or any(new):
                lines.append(f"  {label:<14}{_cost(old, new, unit, digits)}")
    return "\n".join(lines)


def _cost(old: float | None, new: Sequence[float], unit: str, digits: int) -> str:
    def one(value: float | None) -> str:
        return "-" if value is None else f"{value:.{digits}f} {unit}"

    now = statistics.median(new) if new else None
    line = f"{one(old):>12}{one(now):>12}"
    if old and now is not None:
        line += f"{round(100 * (now - old) / old):>+6} %"
    if len(new) > 1:
        line += f"   median of {len(new)}, {min(new):.{digits}f} to {max(new):.{digits}f}"
    return line


def _summary(same: Sequence[bool]) -> str:
    calls = f"{len(same)} call{'s' * (len(same) != 1)}"
    if all(same):
        return f"{calls}, answered as recorded."
    return f"{calls}, {len(same) - sum(same)} of them answered otherwise than recorded."


def _percent(part: float) -> str:
    return f"{100 * part:g} %"


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f"{size:,} bytes" if size < 100_000 else f"{size / 1e6:.1f} MB"
