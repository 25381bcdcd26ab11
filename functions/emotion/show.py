"""A result of `emotion` for people: as text, and as a picture."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

# A text needs none of numpy and the decoder, whose imports would be half of what showing it costs.
if TYPE_CHECKING:
    from functions.kit.spectrum import Floats

LINES = 24
"""Windows of a timeline with a line each; of a longer one, those that say the same are joined."""
COLOURS = {
    "neutral": "#9aa5b1",
    "calm": "#6bbf8a",
    "happy": "#f2c14e",
    "sad": "#4a6fa5",
    "angry": "#d1495b",
    "fearful": "#7a5195",
    "disgust": "#7d8c3a",
    "surprised": "#ef8a47",
    "other": "#d9d9d9",
}
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def text(result: dict[str, Any], width: int) -> str:
    """The result in a few lines of at most `width` characters."""
    scores = sorted(result["scores"].items(), key=lambda pair: -pair[1])
    (first, _), (second, _) = scores[:2]
    sure = "certain" if result["certain"] else f"not certain: it may be {second}"
    room = max(1, min(40, width - 31))
    rows = [
        ("emotion", f"{first} ({sure})"),
        *_named("scores", [f"{name:<10} {p:.2f} {_bar(p, room)}" for name, p in scores]),
        ("speech", f"{result['speech_ratio']:.0%} of {result['duration_s']:.1f} s"),
        *_named("timeline", list(_timeline(result["segments"], room))),
        *(("warning", sentence) for sentence in result["warnings"]),
    ]
    return "\n".join(f"{name:<11} {line}"[:width].rstrip() for name, line in rows)


def _named(name: str, lines: list[str]) -> Iterator[tuple[str, str]]:
    """The name beside the first of the lines."""
    for i, line in enumerate(lines):
        yield name if i == 0 else "", line


def _timeline(segments: list[dict[str, Any]], room: int) -> Iterator[str]:
    """A line a window; in a long recording, one for each stretch of windows that agree."""
    if len(segments) <= LINES:
        stretches = [[segment] for segment in segments]
    else:
        stretches = [list(group) for _, group in groupby(segments, lambda each: each["emotion"])]
    for stretch in stretches[:LINES]:
        emotion = stretch[0]["emotion"]
        span = f"{_clock(stretch[0]['start'])} to {_clock(stretch[-1]['end'])}"
        if emotion is None:
            yield f"{span:<16} -"
        else:
            mean = sum(each["scores"][emotion] for each in stretch) / len(stretch)
            yield f"{span:<16} {emotion:<10} {mean:.2f} {_bar(mean, max(1, room - 17))}"
    if len(stretches) > LINES:
        yield f"and {len(stretches) - LINES} more, up to {_clock(segments[-1]['end'])}"


def _clock(seconds: float) -> str:
    tenths = round(seconds * 10)
    return f"{tenths // 600}:{tenths % 600 // 10:02}.{tenths % 10}"


def _bar(share: float, room: int) -> str:
    """A bar of `room` characters at 1."""
    full, rest = divmod(round(share * room * 8), 8)
    return "█" * full + _EIGHTHS[rest].strip()


def plot(result: dict[str, Any], audio: Path, out: Path) -> None:
    """Draw `out`: the waveform above, the emotions stacked over time below."""
    import os
    import warnings

    import numpy as np
    from matplotlib.figure import Figure

    from functions.kit.mel import FPS

    peaks = _outline(audio)
    labels = list(result["scores"])
    figure = Figure(figsize=(14, 7), layout="constrained")
    wave, stack = figure.subplots(2, sharex=True, height_ratios=(1, 2))
    seconds = np.arange(len(peaks)) / FPS
    wave.fill_between(seconds, -peaks, peaks, color="#4a6fa5", linewidth=0)
    wave.set_ylabel("waveform")
    name = os.fsencode(audio.name).decode(errors="replace")
    sure = "certain" if result["certain"] else "not certain"
    wave.set_title(
        f"{name}: {result['emotion']} ({sure}), {result['speech_ratio']:.0%} speech",
        parse_math=False,
    )
    times, shares = _stacked(result["segments"], labels)
    tops = np.cumsum(shares, axis=1)
    for i, label in enumerate(labels):
        bottom = tops[:, i - 1] if i else np.zeros(len(times))
        colour = COLOURS.get(label, f"C{i}")
        stack.fill_between(times, bottom, tops[:, i], color=colour, linewidth=0, label=label)
    stack.set_ylim(0, 1)
    stack.set_ylabel("probability")
    stack.set_xlabel("seconds")
    stack.set_xlim(0, result["duration_s"])
    stack.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), reverse=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # It draws a box in its place.
        figure.savefig(out, format="png", dpi=100)


def _stacked(segments: list[dict[str, Any]], labels: list[str]) -> tuple[Floats, Floats]:
    """Times, shape (n,), and the labels' probabilities then, (n, labels): NaN without speech.

    Windows overlap: each holds from the middle of the overlap before it to that after it.
    """
    import numpy as np

    starts = [each["start"] for each in segments]
    ends = [each["end"] for each in segments]
    edges = [(end + start) / 2 for end, start in zip(ends, starts[1:], strict=False)]
    times, shares = [], []
    for left, right, each in zip([starts[0], *edges], [*edges, ends[-1]], segments, strict=True):
        scores = each["scores"]
        row = [scores[label] if scores else np.nan for label in labels]
        times += [left, right]
        shares += [row, row]
    return np.array(times), np.array(shares, float)


def _outline(audio: Path) -> Floats:
    """Peak amplitude of each frame of 16 ms, shape (frames,)."""
    import numpy as np

    from functions.emotion import core
    from functions.kit.audio import Audio
    from functions.kit.mel import HOP, RATE

    peaks, rest = [], np.zeros(0, np.float32)
    with Audio(audio, rate=RATE, limits=core.MANIFEST.limits) as sound:
        for block in sound.blocks():
            held = np.abs(np.concatenate([rest, block]))
            whole = len(held) // HOP * HOP
            peaks.append(held[:whole].reshape(-1, HOP).max(axis=1))
            rest = held[whole:]
    return np.concatenate(peaks)
