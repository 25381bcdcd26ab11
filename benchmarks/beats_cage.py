"""How long a song takes under 512 MB and 0.1 CPU, enforced by the kernel (a real control group).

    python -m benchmarks.beats_cage --peers librosa

Each runs alone in a new cage, from the start of its process to its end, on a song of 3 minutes.
The last row is ours as `halfgig invoke` runs it, command line and web function in one cage.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import clips, peers, songs
from benchmarks.environments import ONE_THREAD, PeerError, named
from emulator.cages.cage import CageUnavailable
from emulator.cages.groups import Groups

MEMORY_MB = 512
CPUS = 0.1
PATIENCE_S = 300


def caged(command: Sequence[str]) -> dict[str, Any]:
    """Run `command` in a cage: `end`, wall seconds, the cage's peak MB, and what it printed."""
    with Groups(MEMORY_MB, CPUS) as cage:
        start = time.monotonic()
        process = cage.start(
            command,
            cwd=clips.ROOT,
            env=os.environ | ONE_THREAD,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            out, _ = process.communicate(timeout=PATIENCE_S)
            end = f"exit code {process.returncode}" if process.returncode else "done"
        except subprocess.TimeoutExpired:
            out, end = "", f"not done after {PATIENCE_S} s"
        wall = time.monotonic() - start
        kernel = cage.read()
    if kernel.oom_kills:
        end = "killed for memory"
    peak = kernel.peak_mb and round(kernel.peak_mb, 1)
    return {"end": end, "wall_s": round(wall, 2), "peak_mb": peak, "out": out}


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.beats_cage", description=__doc__)
    parser.add_argument("--peers", default="", metavar="A,B", help=", ".join(peers.PEERS))
    parser.add_argument("--json", type=Path, metavar="OUT", help="write all figures there too")
    options = parser.parse_args()
    song = songs.song(3)
    rows = {}
    try:
        for peer in [peers.OURS, *named(options.peers, peers.PEERS)]:
            command = peer.command([song])
            subprocess.run(  # Warms the disk and numba's cache: a cage is charged for neither.
                command, cwd=clips.ROOT, capture_output=True, env=os.environ | ONE_THREAD
            )
            rows[peer.name] = caged(command)
        invoke = [sys.executable, "-m", "emulator", "invoke", "beats", str(song), "--json"]
        row = rows["halfgig invoke"] = caged(invoke)
    except (CageUnavailable, PeerError) as reason:
        print(f"Not measured: {reason}")
        return 0
    print(f"A song of 3 minutes (WAV) under {MEMORY_MB} MB and {CPUS} CPU.\n")
    print("| | wall s | peak MB of the cage | end |\n|---|---|---|---|")
    for name, its in rows.items():
        print(f"| {name} | {its['wall_s']:.1f} | {its['peak_mb']} | {its['end']} |")
    if row["end"] == "done":
        report = row["report"] = json.loads(row["out"])["report"]
        print(
            f"\nThe web function's own process: ready after {report['init_s']:.1f} s, "
            f"its answer {report['duration_s']:.1f} s later; peak {report['mem_peak_mb']:.0f} MB."
        )
    for its in rows.values():
        del its["out"]
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
