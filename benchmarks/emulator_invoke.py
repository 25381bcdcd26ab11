"""What the command itself takes, over the function that it runs: CPU seconds and memory.

    python -m benchmarks.emulator_invoke

Of `halfgig invoke`, what remains of all its processes' CPU when the function's own, which its
REPORT has, is taken away; each in a new process, the median of several.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.measure import cost

ROOT = Path(__file__).parent.parent
HALFGIG = str(Path(sys.executable).with_name("halfgig"))
CLIP = "demo/clip.ogg"


def over_the_function(options: Sequence[str]) -> float:
    """The CPU seconds of one invocation that are not the function's."""
    before = os.times()
    done = subprocess.run(
        [HALFGIG, "invoke", "beats", CLIP, "--json", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    after = os.times()
    spent = after.children_user + after.children_system
    spent -= before.children_user + before.children_system
    its: float = json.loads(done.stdout)["report"]["cpu_s"]
    return spent - its


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    print("| command | CPU s | peak MB |\n|---|---|---|")
    for words in (["--help"], ["list"], ["doctor"], ["invoke", "beats", "--help"]):
        runs = [cost([HALFGIG, *words], ROOT) for _ in range(rounds)]
        cpu_s, peak_mb = (median(getattr(run, key) for run in runs) for key in ("cpu_s", "peak_mb"))
        print(f"| halfgig {' '.join(words)} | {cpu_s:.2f} | {peak_mb:.0f} |")
    for options in ([], ["--plan", "standard"]):
        runs_s = [over_the_function(options) for _ in range(rounds)]
        words = ["invoke", "beats", CLIP, *options]
        print(f"| halfgig {' '.join(words)}, over the function | {median(runs_s):.2f} | |")


if __name__ == "__main__":
    main()
