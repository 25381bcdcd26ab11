"""What beats cost: CPU seconds and peak memory of a fresh process, decoding and imports included.

    python -m benchmarks.beats_cost --peers librosa,aubio,madmom,essentia

The tools take turns on one song, several rounds, one thread each; figures are medians. Then ours
alone on songs of 1 to 60 minutes: CPU must be linear in the length, memory nearly level.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import clips, measure, peers, songs

SONG_MINUTES = 3
LENGTHS = (1, 3, 10, 60)


def side_by_side(tools: Sequence[peers.Peer], suffix: str, rounds: int) -> dict[str, Any]:
    """Each tool's median on the same song, and how many times ours it is in the same round."""
    song = songs.song(SONG_MINUTES, suffix)
    runs: dict[str, list[measure.Cost]] = {tool.name: [] for tool in tools}
    for turn in range(rounds + 1):
        for tool in tools:
            run = measure.cost(tool.command([song]), clips.ROOT, peers.ONE_THREAD)
            if run.code and tool is peers.OURS:
                raise peers.PeerError(f"{tool.name} failed on {song}: {run.complaint}")
            if turn and not run.code:  # The first round warms the disk and numba's cache.
                runs[tool.name].append(run)
    ours = runs[tools[0].name]
    return {
        name: {
            "cpu_s": round(median(run.cpu_s for run in its), 3),
            "peak_mb": round(median(run.peak_mb for run in its), 1),
            "cpu_times_ours": round(median(_ratios(its, ours, "cpu_s")), 2),
            "peak_times_ours": round(median(_ratios(its, ours, "peak_mb")), 2),
            "cpu_s_runs": [round(run.cpu_s, 3) for run in its],
        }
        for name, its in runs.items()
        if len(its) == rounds
    }


def _ratios(its: Sequence[measure.Cost], ours: Sequence[measure.Cost], what: str) -> list[float]:
    return [getattr(one, what) / getattr(other, what) for one, other in zip(its, ours, strict=True)]


def invoked(rounds: int) -> dict[str, float]:
    """Ours as `halfgig invoke` runs it: what the process of the web function reports of itself."""
    song = str(songs.song(SONG_MINUTES))
    reports = []
    for _ in range(rounds):
        done = subprocess.run(
            [sys.executable, "-m", "emulator", "invoke", "beats", song, "--json"],
            cwd=clips.ROOT,
            env=os.environ | peers.ONE_THREAD,
            stdout=subprocess.PIPE,
            check=True,
        )
        reports.append(json.loads(done.stdout)["report"])
    keys = ("cpu_s", "mem_peak_mb", "init_s", "duration_s")
    return {key: round(median(report[key] for report in reports), 3) for key in keys}


def linearity(rounds: int) -> list[dict[str, float]]:
    """Ours on ever longer songs."""
    rows = []
    for minutes in LENGTHS:
        command = peers.OURS.command([songs.song(minutes)])
        runs = [measure.cost(command, clips.ROOT, peers.ONE_THREAD) for _ in range(rounds)]
        cpu = median(run.cpu_s for run in runs)
        peak = median(run.peak_mb for run in runs)
        rows.append({"minutes": minutes, "cpu_s": round(cpu, 3), "peak_mb": round(peak, 1)})
    return rows


def markdown(result: dict[str, Any]) -> str:
    lines = [f"A song of {SONG_MINUTES} minutes, 44.1 kHz stereo: CPU s / peak MB (times ours)."]
    formats = result["formats"]
    lines += ["", f"| | {' | '.join(formats)} |", "|---|" + "---|" * len(formats)]
    for tool in next(iter(formats.values())):
        cells = [_cell(its.get(tool)) for its in formats.values()]
        lines.append(f"| {tool} | {' | '.join(cells)} |")
    its = result["invoked"]
    lines += ["", "The same WAV by `halfgig invoke`, as its function's process reports:"]
    lines.append(f"{its['cpu_s']:.2f} CPU s, peak {its['mem_peak_mb']:.0f} MB.")
    lines += ["", "| minutes of WAV | CPU s | CPU s a minute | peak MB |", "|---|---|---|---|"]
    for row in result["linearity"]:
        each = row["cpu_s"] / row["minutes"]
        lines.append(f"| {row['minutes']} | {row['cpu_s']} | {each:.3f} | {row['peak_mb']} |")
    return "\n".join(lines)


def _cell(its: dict[str, Any] | None) -> str:
    if its is None:
        return "cannot read it"
    times = f"{its['cpu_times_ours']:.1f}x / {its['peak_times_ours']:.1f}x"
    return f"{its['cpu_s']:.2f} / {its['peak_mb']:.0f} ({times})"


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.beats_cost", description=__doc__)
    parser.add_argument("--peers", default="", metavar="A,B", help=", ".join(peers.PEERS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="OUT", help="write all figures there too")
    options = parser.parse_args()
    tools = [peers.OURS]
    try:
        asked = peers.names(options.peers)
    except peers.PeerError as error:
        print(error, file=sys.stderr)
        return 2
    for peer in asked:
        try:
            peer.python()
            tools.append(peer)
        except peers.PeerError as missing:
            print(f"Left out: {missing}", file=sys.stderr)
    result = {
        "formats": {
            suffix.upper(): side_by_side(tools, suffix, options.rounds) for suffix in songs.SUBTYPES
        },
        "invoked": invoked(options.rounds),
        "linearity": linearity(options.rounds),
    }
    print(markdown(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
