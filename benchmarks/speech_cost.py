"""What emotion or voice_detect costs: CPU and peak memory, fresh and warm, beside a wav2vec2-base.

    python -m benchmarks.speech_cost voice_detect --peers wav2vec2

The tools take turns on the same speech, several rounds, one thread each; figures are medians, and
imports and loading are part of a fresh process. The peer is the audio-classification pipeline of
transformers with weights drawn at random: cost does not depend on what they are. Then ours alone on
1 to 60 minutes.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import clips, evaluations, measure, songs
from benchmarks.environments import ONE_THREAD, Environment, PeerError, named

SECONDS = (10, 60)
LENGTHS = (1, 10, 60)
WARM_UP, WARM = 3, 12

RUN = """
import json, sys, time

{answer}

path, times, took = sys.argv[1], int(sys.argv[2]), []
for _ in range(times):
    start = time.process_time()
    answer(path)
    took.append(time.process_time() - start)
print(json.dumps(took))
"""


@dataclass(frozen=True, kw_only=True)
class Tool(Environment):
    """A classifier: where it runs, its `answer(path)`, and what is run once before it."""

    answer: str
    before: str = ""

    def prepare(self) -> None:
        """Make what it needs. Raises PeerError where that fails."""
        done = subprocess.run(
            [self.python(), "-c", self.before], cwd=clips.ROOT, capture_output=True, text=True
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["nothing"])[-1]
            raise PeerError(f"{self.name} could not be prepared and said: {last}")

    def command(self, path: Path, times: int = 1) -> list[str]:
        """The command that answers for `path` so many times, and prints CPU seconds of each."""
        return [self.python(), "-c", RUN.format(answer=self.answer), str(path), str(times)]


OURS = {
    function: Tool(
        name="halfgig",
        version="this tree",
        answer=f"from functions.{function}.core import analyse as answer",
    )
    for function in ("emotion", "voice_detect")
}

WEIGHTS = clips.CACHE / "wav2vec2-base-random"

PEERS = {
    peer.name: peer
    for peer in (
        Tool(
            name="wav2vec2",
            version="transformers 5.23.0, torch 2.13.0",
            pythons=("3.11", "3.12", "3.13", "3.14", "3.10"),
            first=("numpy==2.4.6", "soundfile==0.14.0", "torch==2.13.0"),
            package="transformers==5.23.0",
            before=f"""
from pathlib import Path

folder = Path({str(WEIGHTS)!r})
if not (folder / "preprocessor_config.json").exists():
    import transformers

    config = transformers.Wav2Vec2Config(num_labels=9)  # But for that, wav2vec2-base.
    transformers.Wav2Vec2ForSequenceClassification(config).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(folder)
""",
            answer=f"""
import soundfile
from transformers import pipeline

classify = pipeline("audio-classification", model={str(WEIGHTS)!r})

def answer(path):
    samples, rate = soundfile.read(path, dtype="float32")
    return classify({{"raw": samples, "sampling_rate": rate}})
""",
        ),
    )
}


def warm(tools: Sequence[Tool], seconds: float, rounds: int) -> dict[str, Any]:
    """CPU ms that each tool needs for so much speech once it is loaded, and how many times ours."""
    speech = songs.speech(seconds)
    took: dict[str, list[float]] = {tool.name: [] for tool in tools}
    for _ in range(rounds):
        for tool in tools:
            done = subprocess.run(
                tool.command(speech, WARM_UP + WARM),
                cwd=clips.ROOT,
                env=os.environ | ONE_THREAD,
                capture_output=True,
                check=True,
            )
            took[tool.name].append(1000 * median(json.loads(done.stdout)[WARM_UP:]))
    ours = took[tools[0].name]
    return {
        name: {
            "cpu_ms": round(median(its), 1),
            "cpu_times_ours": round(median(a / b for a, b in zip(its, ours, strict=True)), 1),
        }
        for name, its in took.items()
    }


def markdown(result: dict[str, Any]) -> str:
    lines = [
        "Speech, 16 kHz mono WAV (times ours).",
        "",
        "| | a fresh process: CPU s | peak MB | warm: CPU ms |",
        "|---|---|---|---|",
    ]
    for seconds, tools in result["fresh"].items():
        for tool, its in tools.items():
            cells = [
                f"{its['cpu_s']:.2f} ({its['cpu_times_ours']:.1f}x)",
                f"{its['peak_mb']:.0f} ({its['peak_times_ours']:.1f}x)",
                _warm(result["warm"].get(seconds, {}).get(tool)),
            ]
            lines.append(f"| {tool}, {seconds} s | {' | '.join(cells)} |")
    its = result["invoked"]
    lines += ["", f"{SECONDS[0]} s by `halfgig invoke`, as its function's process reports:"]
    lines.append(f"{its['cpu_s']:.2f} CPU s, peak {its['mem_peak_mb']:.0f} MB.")
    lines += ["", "| minutes | CPU s | CPU s a minute | peak MB |", "|---|---|---|---|"]
    for row in result["lengths"]:
        each = row["cpu_s"] / row["minutes"]
        lines.append(f"| {row['minutes']} | {row['cpu_s']} | {each:.3f} | {row['peak_mb']} |")
    return "\n".join(lines)


def _warm(its: dict[str, float] | None) -> str:
    return f"{its['cpu_ms']:.0f} ({its['cpu_times_ours']:.1f}x)" if its else ""


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.speech_cost", description=__doc__)
    parser.add_argument("function", choices=OURS)
    parser.add_argument("--peers", default="", metavar="A,B", help=", ".join(PEERS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="OUT", help="write all figures there too")
    options = parser.parse_args()
    ours = OURS[options.function]
    tools = [ours]
    try:
        asked = named(options.peers, PEERS)
    except PeerError as error:
        print(error, file=sys.stderr)
        return 2
    for peer in asked:
        try:
            peer.prepare()
            tools.append(peer)
        except PeerError as missing:
            print(f"Left out: {missing}", file=sys.stderr)
    load_before = os.getloadavg()[0]
    result: dict[str, Any] = {"fresh": {}, "warm": {}}
    for seconds in SECONDS:
        commands = {tool.name: tool.command(songs.speech(seconds)) for tool in tools}
        result["fresh"][str(seconds)] = measure.side_by_side(
            commands, options.rounds, clips.ROOT, ONE_THREAD
        )
    result["warm"][str(SECONDS[0])] = warm(tools, SECONDS[0], options.rounds)
    result["invoked"] = measure.invoked(
        options.function, songs.speech(SECONDS[0]), options.rounds, clips.ROOT, ONE_THREAD
    )
    result["lengths"] = measure.growth(
        {minutes: ours.command(songs.speech(60 * minutes)) for minutes in LENGTHS},
        options.rounds,
        clips.ROOT,
        ONE_THREAD,
    )
    result["load_average"] = [round(load_before, 1), round(os.getloadavg()[0], 1)]
    print(markdown(result))
    if options.json:
        options.json.write_text(evaluations.written(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
