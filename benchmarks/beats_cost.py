"""What beats cost: CPU seconds and peak memory of a fresh process, decoding and imports included.

    python -m benchmarks.beats_cost --peers librosa,aubio,madmom,essentia

The tools take turns on one song, several rounds, one thread each; figures are medians. Then ours
alone on songs of 1 to 60 minutes: CPU must be linear in the length, memory nearly level.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import clips, measure, peers, songs
from benchmarks.environments import ONE_THREAD, PeerError, named

SONG_MINUTES = 3
LENGTHS = (1, 3, 10, 60)


def formats(tools: Sequence[peers.Peer], rounds: int) -> dict[str, Any]:
    """All on the same song, in each format."""
    result = {}
    for suffix in songs.SUBTYPES:
        song = songs.song(SONG_MINUTES, suffix)
        commands = {tool.name: tool.command([song]) for tool in tools}
        result[suffix.upper()] = measure.side_by_side(commands, rounds, clips.ROOT, ONE_THREAD)
    return result


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
        asked = named(options.peers, peers.PEERS)
    except PeerError as error:
        print(error, file=sys.stderr)
        return 2
    for peer in asked:
        try:
            peer.python()
            tools.append(peer)
        except PeerError as missing:
            print(f"Left out: {missing}", file=sys.stderr)
    result = {
        "formats": formats(tools, options.rounds),
        "invoked": measure.invoked(
            "beats", songs.song(SONG_MINUTES), options.rounds, clips.ROOT, ONE_THREAD
        ),
        "linearity": measure.growth(
            {minutes: peers.OURS.command([songs.song(minutes)]) for minutes in LENGTHS},
            options.rounds,
            clips.ROOT,
            ONE_THREAD,
        ),
    }
    print(markdown(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
