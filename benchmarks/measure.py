"""What a command costs as a whole process: CPU seconds, peak resident MB, wall seconds.

A process inherits the peak of whoever starts it (Linux keeps `ru_maxrss` over `exec`), so a bare
Python of 10 MB stands between: less than any Python program that is measured needs itself.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

STARTER = """
import os, sys, time
start = time.monotonic()
null = os.open(os.devnull, os.O_WRONLY)
child = os.posix_spawn(
    sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, 1)]
)
_, status, usage = os.wait4(child, 0)
wall = time.monotonic() - start
print(
    '{"cpu_s": %r, "peak_mb": %r, "wall_s": %r, "code": %r}'
    % (
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss / 1024,
        wall,
        os.waitstatus_to_exitcode(status),
    )
)
"""


@dataclass(frozen=True)
class Cost:
    """One run: user and system seconds, peak resident MB (2^20 bytes), wall seconds, its end."""

    cpu_s: float
    peak_mb: float
    wall_s: float
    code: int
    complaint: str


def cost(command: Sequence[str], cwd: Path, env: dict[str, str] | None = None) -> Cost:
    """Run `command` (its first word an absolute path) in a fresh process and wait for its end."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", STARTER, *command],
        cwd=cwd,
        env=os.environ | (env or {}),
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stderr.strip().splitlines()
    return Cost(**json.loads(done.stdout), complaint=lines[-1] if lines else "")


def side_by_side(
    commands: Mapping[str, Sequence[str]], rounds: int, cwd: Path, env: dict[str, str]
) -> dict[str, Any]:
    """Each command's median, and how many times that of the first it is in the same round.

    They take turns; a round before the first that counts warms the disk and caches. A command
    that fails is left out, but for the first, which raises RuntimeError.
    """
    ours, *_ = commands
    runs: dict[str, list[Cost]] = {name: [] for name in commands}
    for turn in range(rounds + 1):
        for name, command in commands.items():
            run = cost(command, cwd, env)
            if run.code and name == ours:
                raise RuntimeError(f"{name} failed: {run.complaint}")
            if turn and not run.code:
                runs[name].append(run)
    return {
        name: {
            "cpu_s": round(median(run.cpu_s for run in its), 3),
            "peak_mb": round(median(run.peak_mb for run in its), 1),
            "cpu_times_ours": round(median(_ratios(its, runs[ours], "cpu_s")), 2),
            "peak_times_ours": round(median(_ratios(its, runs[ours], "peak_mb")), 2),
            "cpu_s_runs": [round(run.cpu_s, 3) for run in its],
        }
        for name, its in runs.items()
        if len(its) == rounds
    }


def _ratios(its: Sequence[Cost], ours: Sequence[Cost], what: str) -> list[float]:
    return [getattr(one, what) / getattr(other, what) for one, other in zip(its, ours, strict=True)]


def growth(
    commands: Mapping[float, Sequence[str]], rounds: int, cwd: Path, env: dict[str, str]
) -> list[dict[str, float]]:
    """The medians of each command, which is named by the minutes of audio that it is given."""
    rows = []
    for minutes, command in commands.items():
        runs = [cost(command, cwd, env) for _ in range(rounds)]
        for run in runs:
            if run.code:
                raise RuntimeError(f"{minutes:g} minutes failed: {run.complaint}")
        cpu = median(run.cpu_s for run in runs)
        peak = median(run.peak_mb for run in runs)
        rows.append({"minutes": minutes, "cpu_s": round(cpu, 3), "peak_mb": round(peak, 1)})
    return rows


def invoked(
    function: str, path: Path, rounds: int, cwd: Path, env: dict[str, str]
) -> dict[str, float]:
    """What the function's own process reports of itself under `halfgig invoke`: medians."""
    reports = []
    for _ in range(rounds):
        done = subprocess.run(
            [sys.executable, "-m", "emulator", "invoke", function, str(path), "--json"],
            cwd=cwd,
            env=os.environ | env,
            stdout=subprocess.PIPE,
            check=True,
        )
        reports.append(json.loads(done.stdout)["report"])
    keys = ("cpu_s", "mem_peak_mb", "init_s", "duration_s")
    return {key: round(median(report[key] for report in reports), 3) for key in keys}
