"""A result of `emotion` for people: as text, and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from functions.kit import show
from functions.kit.show import Segments

# A text needs none of numpy and the decoder, whose imports would be half of what showing it costs.
if TYPE_CHECKING:
    from functions.kit.spectrum import Floats

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


def text(result: dict[str, Any], width: int) -> str:
    """The result in a few lines of at most `width` characters."""
    scores = sorted(result["scores"].items(), key=lambda pair: -pair[1])
    (first, _), (second, _) = scores[:2]
    sure = "certain" if result["certain"] else f"not certain: it may be {second}"
    room = max(1, min(40, width - 31))

    def said(stretch: Segments) -> str:
        emotion = stretch[0]["emotion"]
        mean = sum(each["scores"][emotion] for each in stretch) / len(stretch)
        return f"{emotion:<10} {mean:.2f} {show.bar(mean, max(1, room - 17))}"

    rows = [
        ("emotion", f"{first} ({sure})"),
        *show.named("scores", [f"{name:<10} {p:.2f} {show.bar(p, room)}" for name, p in scores]),
        ("speech", f"{result['speech_ratio']:.0%} of {result['duration_s']:.1f} s"),
        *show.named("timeline", show.timeline(result["segments"], "emotion", said)),
        *(("warning", sentence) for sentence in result["warnings"]),
    ]
    return show.lines(rows, width)


def plot(result: dict[str, Any], audio: Path, out: Path) -> None:
    """Draw `out`: the waveform above, the emotions stacked over time below."""
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
    sure = "certain" if result["certain"] else "not certain"
    wave.set_title(
        f"{show.name(audio)}: {result['emotion']} ({sure}), {result['speech_ratio']:.0%} speech",
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
    show.save(figure, out)


def _stacked(segments: Segments, labels: list[str]) -> tuple[Floats, Floats]:
    """Times, shape (n,), and the labels' probabilities then, (n, labels): NaN without speech."""
    import numpy as np

    shares = []
    for each in segments:
        scores = each["scores"]
        shares += 2 * [[scores[label] if scores else np.nan for label in labels]]
    return np.array(show.spans(segments)).ravel(), np.array(shares, float)


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
