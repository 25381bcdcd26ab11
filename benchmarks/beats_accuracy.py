"""How right the beats are: ours and the peers' on the same labelled clips, with intervals.

    python -m benchmarks.beats_accuracy --split test --peers librosa,aubio,madmom,essentia

Ours reads the clips as they are; the peers read a 44.1 kHz mono WAV made of each, since some of
them cannot read Opus. Each evaluation of ours on `test` is written to `test_log.jsonl`, and what it
found to the `figures.json` that ships with the model.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import clips, evaluations, peers
from benchmarks.bootstrap import Floats, interval
from benchmarks.environments import PeerError, named
from benchmarks.score import Estimate, Score, figures, reliability, score

SHIPPED = ("version", "all", "interval", "parts", "confidence", "clips")
MEASURES = ("f", "cmlt", "amlt")


@dataclass(frozen=True)
class Judged:
    """One tracker's answers on the clips, and what they are worth."""

    tool: str
    version: str
    scores: list[Score]

    def of(self, measure: str) -> Floats:
        return np.array([100 * getattr(one, measure) for one in self.scores])


def judge(peer: peers.Peer, those: Sequence[clips.Clip]) -> Judged:
    """Run one tracker over the clips. Raises PeerError when it does not run here."""
    if peer is peers.OURS:
        answers = list(peer.answers([clip.audio for clip in those]))
    else:
        answers = peer.remembered([clips.as_wav(clip.audio) for clip in those])
    for one in answers:
        if "error" in one:
            print(f"{peer.name} failed on {one['path']}: {one['error']}", file=sys.stderr)
    keys = Estimate.__dataclass_fields__
    estimates = [Estimate(**{key: one[key] for key in keys if key in one}) for one in answers]
    scores = [score(clip.reference, one) for clip, one in zip(those, estimates, strict=True)]
    models = {one["model"]["version"] for one in answers if "model" in one}
    return Judged(peer.name, " ".join(["model", *models]) if models else peer.version, scores)


def report(those: Sequence[clips.Clip], tools: Sequence[Judged]) -> dict[str, Any]:
    """All figures as one JSON object; the first tool is the one the others are held against."""
    parts = {}
    for column in ("kind", "dataset"):
        for value in sorted({getattr(clip, column) for clip in those}):
            parts[value] = [getattr(clip, column) == value for clip in those]
    result = {}
    for tool in tools:
        table, error = reliability(tool.scores)
        gaps = {name: tools[0].of(name) - tool.of(name) for name in MEASURES}
        result[tool.tool] = {
            "version": tool.version,
            "all": figures(tool.scores),
            "interval": {name: _interval(tool.of(name)) for name in MEASURES},
            "first_ahead_by": {name: round(float(gaps[name].mean()), 2) for name in MEASURES},
            "first_ahead_interval": {name: _interval(gaps[name]) for name in MEASURES},
            "parts": {
                name: figures(list(compress(tool.scores, inside))) for name, inside in parts.items()
            },
            "confidence": {"bins": [asdict(one) for one in table], "ece": error},
            "clips": {
                clip.audio.name: {"f": one.f, "cmlt": one.cmlt, "amlt": one.amlt}
                for clip, one in zip(those, tool.scores, strict=True)
            },
        }
    return result


def _interval(values: Floats) -> list[float]:
    return [round(end, 2) for end in interval(values)]


def markdown(result: dict[str, Any]) -> str:
    """The tables a person reads."""
    first = next(iter(result))
    lines = [
        "Means x 100 over the clips, [95 % bootstrap interval].",
        "",
        "| | F | CMLt | AMLt | tempo 4 % | or its octave | downbeat F (clips) |",
        "|---|---|---|---|---|---|---|",
    ]
    for tool, its in result.items():
        every = its["all"]
        cells = [f"{every[name]:.1f} {_span(its['interval'][name])}" for name in MEASURES]
        cells += [f"{every['tempo1']:.0f}", f"{every['tempo2']:.0f}", _downbeats(every)]
        lines.append(f"| {tool} {its['version']} | {' | '.join(cells)} |")
    if len(result) > 1:
        lines += ["", f"How far {first} is ahead, clip by clip.", ""]
        lines += ["| of | F | CMLt | AMLt |", "|---|---|---|---|"]
        for tool, its in list(result.items())[1:]:
            cells = [
                f"{its['first_ahead_by'][name]:+.1f} {_span(its['first_ahead_interval'][name])}"
                for name in MEASURES
            ]
            lines.append(f"| {tool} | {' | '.join(cells)} |")
    lines += ["", "F / CMLt / AMLt of each part.", ""]
    lines += [f"| | clips | {' | '.join(result)} |", "|---|---|" + "---|" * len(result)]
    for part, ours in result[first]["parts"].items():
        cells = [
            " / ".join(f"{its['parts'][part][name]:.0f}" for name in MEASURES)
            for its in result.values()
        ]
        lines.append(f"| {part} | {ours['clips']} | {' | '.join(cells)} |")
    for tool, its in result.items():
        if its["confidence"]["bins"]:
            lines += ["", *_confidence(tool, its["confidence"])]
    return "\n".join(lines)


def _span(ends: Sequence[float]) -> str:
    return f"[{ends[0]:.1f}, {ends[1]:.1f}]"


def _downbeats(every: dict[str, Any]) -> str:
    if every["downbeat_f"] is None:
        return "-"
    return f"{every['downbeat_f']:.0f} ({every['downbeat_answered']}/{every['downbeat_clips']})"


def _confidence(tool: str, its: dict[str, Any]) -> list[str]:
    lines = [
        f"What the confidence of {tool} is worth: the chance that F >= 0.8; "
        f"expected calibration error {its['ece']:.3f}.",
        "",
        "| confidence | clips | mean confidence | mean F | F >= 0.8 |",
        "|---|---|---|---|---|",
    ]
    for one in its["bins"]:
        lines.append(
            f"| {one['low']:.1f} to {one['high']:.1f} | {one['clips']} | {one['confidence']:.2f} "
            f"| {100 * one['f']:.0f} | {100 * one['right']:.0f} % |"
        )
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.beats_accuracy", description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=clips.folder(), help="holds beats/manifest.csv"
    )
    parser.add_argument("--split", choices=["test", "dev"], default="dev")
    parser.add_argument("--peers", default="", metavar="A,B", help=", ".join(peers.PEERS))
    parser.add_argument("--without-ours", action="store_true", help="only the peers")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write all figures there too")
    options = parser.parse_args()
    try:
        those = clips.load(options.data, options.split)
        asked = named(options.peers, peers.PEERS)
    except (FileNotFoundError, PeerError) as error:
        print(error, file=sys.stderr)
        return 2
    tools = []
    for peer in asked if options.without_ours else [peers.OURS, *asked]:
        try:
            tools.append(judge(peer, those))
        except PeerError as missing:
            print(f"Left out: {missing}", file=sys.stderr)
    if not tools:
        return 1
    result = report(those, tools)
    print(f"{len(those)} clips of the split `{options.split}`.", markdown(result), sep="\n\n")
    if options.json:
        options.json.write_text(json.dumps(result) + "\n")
    if options.split == "test" and tools[0].tool == peers.OURS.name:
        its = result[peers.OURS.name]
        headline = {**its["all"], "ece": round(its["confidence"]["ece"], 4)}
        shipped = {key: its[key] for key in SHIPPED}
        evaluations.keep("beats", its["version"], headline, shipped)
    return 0


if __name__ == "__main__":
    sys.exit(main())
