"""A result of `beats` for people: as text, as the song with clicks, as a picture."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from functions.kit import show

# A text needs none of numpy and the decoder, whose imports would be half of what showing it costs.
if TYPE_CHECKING:
    from functions.kit.spectrum import Floats

CLICK_RATE = 44_100
CLICK_HZ, DOWNBEAT_HZ = 1_000.0, 1_600.0
_BLOCKS = " ▁▂▃▄▅▆▇█"


def text(result: dict[str, Any], width: int) -> str:
    """The result in a few lines of at most `width` characters."""
    beats, downbeats = result["beats"], result["downbeats"]
    curve = result["tempo_curve"]
    tempo = f"{result['tempo_bpm']:.1f} BPM"
    if curve:
        slow, fast = (pick(point["bpm"] for point in curve) for pick in (min, max))
        tempo += f", moving between {slow:.0f} and {fast:.0f}"
    else:
        tempo += ", steady"
    bars = f"{result['beats_per_bar']} beats each" if downbeats else "not clear enough to say"
    sure = result["confidence"]
    word = "high" if sure >= 0.8 else "fair" if sure >= 0.5 else "low"
    few = " ".join(f"{time:.2f}" for time in beats[:5])
    room = max(10, width - 12)
    rows = [
        ("tempo", tempo),
        ("bars", bars),
        ("beats", f"{len(beats)} in {result['duration_s']:.1f} s: {few} … {beats[-1]:.2f}"),
        ("", _marks(beats, downbeats or [], room)),
        ("loudness", _sparkline(result["profile"]["loudness_db"], room)),
        ("confidence", f"{sure:.2f} ({word})"),
        *(("warning", sentence) for sentence in result["warnings"]),
    ]
    return show.lines(rows, width)


def _marks(beats: list[float], downbeats: list[float], room: int) -> str:
    """A mark a beat, a tall one where a bar begins."""
    first = set(downbeats)
    marks = "".join("┃" if time in first else "╷" for time in beats)
    return marks if len(marks) <= room else marks[: room - 1] + "…"


def _sparkline(levels: list[float], room: int) -> str:
    """Levels in dB as blocks: full is the loudest, empty 40 dB below."""
    count = min(room, len(levels))
    parts = pairwise(round(i * len(levels) / count) for i in range(count + 1))
    means = [sum(levels[start:end]) / (end - start) for start, end in parts]
    return "".join(_BLOCKS[max(0, round((mean - max(means)) / 5.0 + 8.0))] for mean in means)


def click(result: dict[str, Any], audio: Path, out: Path) -> None:
    """Write `audio` to `out` (WAV, mono, 44.1 kHz) with a click on every beat."""
    import wave  # Unlike soundfile's, its errors are the system's: they say what is wrong.

    from functions.beats import core
    from functions.kit.audio import Audio

    first = set(result["downbeats"] or [])
    clicks = [
        (round(time * CLICK_RATE), _click(DOWNBEAT_HZ if time in first else CLICK_HZ))
        for time in result["beats"]
    ]
    with (
        Audio(audio, rate=CLICK_RATE, limits=core.MANIFEST.limits) as song,
        out.open("wb") as opened,
        wave.open(opened, "wb") as file,
    ):
        file.setparams((1, 2, CLICK_RATE, 0, "NONE", ""))
        for start, block in _placed(song.blocks()):
            mixed = 0.6 * block
            for at, sound in clicks:
                begin, end = max(at, start), min(at + sound.size, start + block.size)
                if begin < end:
                    mixed[begin - start : end - start] += sound[begin - at : end - at]
            file.writeframes((32_767 * mixed.clip(-1.0, 1.0)).round().astype("<i2").tobytes())


def _placed(blocks: Iterator[Floats]) -> Iterator[tuple[int, Floats]]:
    """Each block with the index of its first sample."""
    start = 0
    for block in blocks:
        yield start, block
        start += block.size


def _click(hertz: float) -> Floats:
    """A decaying tone of 40 ms."""
    import numpy as np

    seconds = np.arange(int(0.04 * CLICK_RATE)) / CLICK_RATE
    tone = 0.5 * np.sin(2 * np.pi * hertz * seconds) * np.exp(-seconds / 0.01)
    return tone.astype(np.float32)


def plot(result: dict[str, Any], audio: Path, out: Path) -> None:
    """Draw `out`: the waveform, the onset envelope with the beats, the tempo curve."""
    import numpy as np
    from matplotlib.figure import Figure

    from functions.beats.frontend import FPS

    peaks, onsets = _outline(audio)
    beats, downbeats = np.array(result["beats"]), np.array(result["downbeats"] or [])
    figure = Figure(figsize=(14, 7), layout="constrained")
    wave, envelope, tempo = figure.subplots(3, sharex=True, height_ratios=(2, 2, 1))
    seconds = np.arange(len(peaks)) / FPS
    wave.fill_between(seconds, -peaks, peaks, color="#4a6fa5", linewidth=0)
    wave.set_ylabel("waveform")
    wave.set_title(
        f"{show.name(audio)}: {result['tempo_bpm']:.1f} BPM, confidence {result['confidence']:.2f}",
        parse_math=False,
    )
    envelope.plot(seconds, onsets, color="#333333", linewidth=0.8)
    envelope.vlines(beats, 0, onsets.max(), color="#d1495b", linewidth=0.8, label="beats")
    if downbeats.size:
        envelope.vlines(
            downbeats, 0, onsets.max(), color="#d1495b", linewidth=2.2, label="downbeats"
        )
    envelope.set_ylabel("onset envelope")
    envelope.legend(loc="upper right")
    curve = result["tempo_curve"] or [
        {"time_s": time, "bpm": result["tempo_bpm"]} for time in (beats[0], beats[-1])
    ]
    tempo.plot([p["time_s"] for p in curve], [p["bpm"] for p in curve], color="#2e7d5b")
    tempo.set_ylim(0.8 * min(p["bpm"] for p in curve), 1.2 * max(p["bpm"] for p in curve))
    tempo.set_ylabel("tempo (BPM)")
    tempo.set_xlabel("seconds")
    tempo.set_xlim(0, result["duration_s"])
    show.save(figure, out)


def _outline(audio: Path) -> tuple[Floats, Floats]:
    """Peak amplitude and spectral flux of each frame of 20 ms, both of shape (frames,)."""
    import numpy as np

    from functions.beats import core
    from functions.beats.frontend import HOP, RATE, Frontend, compress
    from functions.kit.audio import Audio

    front = Frontend()
    peaks, bands, rest = [], [], np.zeros(0, np.float32)
    with Audio(audio, rate=RATE, limits=core.MANIFEST.limits) as song:
        for block in song.blocks():
            bands.append(compress(front.push(block).bands))
            held = np.abs(np.concatenate([rest, block]))
            whole = len(held) // HOP * HOP
            peaks.append(held[:whole].reshape(-1, HOP).max(axis=1))
            rest = held[whole:]
    levels = np.concatenate([*bands, compress(front.finish().bands)])
    flux = np.maximum(np.diff(levels, axis=0, prepend=levels[:1]), 0.0).mean(axis=1)
    peak = np.concatenate(peaks)
    return peak, flux[: len(peak)]
