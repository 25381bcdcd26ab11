"""A result of `voice_detect` for people: as text, and as a picture."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from functions.kit import show
from functions.kit.show import Segments

# A text needs none of numpy and the decoder, whose imports would be half of what showing it costs.
if TYPE_CHECKING:
    from functions.kit.spectrum import Floats

COLOURS = {"HUMAN": "#2e7d5b", "AI_GENERATED": "#d1495b"}
COLUMNS = 1_200
"""Of a picture's spectrogram, at most: a longer recording's frames are joined."""


def text(result: dict[str, Any], width: int) -> str:
    """The result in a few lines of at most `width` characters."""
    probability, sure = result["probability"], "certain" if result["certain"] else "not sure"
    room = max(1, min(40, width - 33))

    def said(stretch: Segments) -> str:
        mean = sum(each["probability"] for each in stretch) / len(stretch)
        return f"{stretch[0]['label']:<12} {mean:.2f} {show.bar(mean, max(1, room - 17))}"

    rows = [
        ("label", f"{result['label']} ({sure})"),
        ("probability", f"of AI_GENERATED {probability:.2f} {show.bar(probability, room)}"),
        *show.named("why", textwrap.wrap(result["explanation"], max(20, width - 12))),
        *show.named("votes", _votes(result["votes"])),
        ("speech", f"{result['speech_ratio']:.0%} of {result['duration_s']:.1f} s"),
        *show.named("timeline", show.timeline(result["segments"], "label", said)),
        *(("warning", sentence) for sentence in result["warnings"]),
    ]
    return show.lines(rows, width)


def _votes(votes: list[dict[str, Any]]) -> Iterator[str]:
    """The votes as a table."""
    yield f"{'feature':<18} {'value':>8} {'in human speech':>20} {'vote':<12} weight"
    for its in votes:
        span = f"{its['low']:.3g} to {its['high']:.3g}"
        yield (
            f"{its['feature']:<18} {its['value']:>8.3g} {span:>20} {its['vote']:<12} "
            f"{its['weight']:+.2f}"
        )


def plot(result: dict[str, Any], audio: Path, out: Path) -> None:
    """Draw `out`: the spectrogram above, the probability of AI_GENERATED over time below."""
    import numpy as np
    from matplotlib.figure import Figure

    from functions.kit.mel import RATE

    seconds = result["duration_s"]
    decibels = _spectrogram(audio, seconds)
    figure = Figure(figsize=(14, 7), layout="constrained")
    above, below = figure.subplots(2, sharex=True, height_ratios=(2, 1))
    top = decibels.max()
    above.imshow(
        decibels.T,
        origin="lower",
        aspect="auto",
        extent=(0, seconds, 0, RATE / 2000),
        vmin=top - 80,
        vmax=top,
        cmap="magma",
        interpolation="nearest",
    )
    above.set_ylabel("kHz")
    sure = "certain" if result["certain"] else "not sure"
    above.set_title(
        f"{show.name(audio)}: {result['label']} ({sure}), {result['speech_ratio']:.0%} speech",
        parse_math=False,
    )
    segments = result["segments"]
    spans = show.spans(segments)
    line = [np.nan if each["label"] is None else each["probability"] for each in segments]
    below.plot(np.ravel(spans), np.repeat(line, 2), color="#333333", linewidth=1.2)
    for (left, right), each in zip(spans, segments, strict=True):
        if each["label"] is not None:
            depth = 0.6 if each["certain"] else 0.2
            ends = {"color": COLOURS[each["label"]], "alpha": depth, "linewidth": 0}
            below.fill_between([left, right], 0.5, 2 * [each["probability"]], **ends)
    below.set_ylim(0, 1)
    below.set_yticks([0, 0.5, 1], ["HUMAN  0", "0.5", "AI_GENERATED  1"])
    below.set_ylabel("probability")
    below.set_xlabel("seconds")
    below.set_xlim(0, seconds)
    show.save(figure, out)


def _spectrogram(audio: Path, seconds: float) -> Floats:
    """Power in dB, shape (at most `COLUMNS` or so, 257): each the mean of some frames."""
    import numpy as np

    from functions.kit.audio import Audio
    from functions.kit.mel import FPS, HOP, RATE
    from functions.kit.spectrum import Spectrogram, hann
    from functions.voice_detect import core

    joined = max(1, round(seconds * FPS / COLUMNS))
    frames = Spectrogram(hann(2 * HOP), HOP)
    columns, rest = [], np.zeros((0, HOP + 1), np.float32)
    with Audio(audio, rate=RATE, limits=core.MANIFEST.limits) as sound:
        for block in sound.blocks():
            held = np.concatenate([rest, frames.push(block)])
            whole = len(held) // joined * joined
            columns.append(held[:whole].reshape(-1, joined, HOP + 1).mean(axis=1))
            rest = held[whole:]
    if len(left := np.concatenate([rest, frames.finish()])):
        columns.append(left.mean(axis=0, keepdims=True))
    return np.asarray(10 * np.log10(np.concatenate(columns) + 1e-10))
