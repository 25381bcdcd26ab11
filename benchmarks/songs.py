"""Audio to measure cost on: clips looped to any length, in any format."""

from collections.abc import Iterable, Iterator
from itertools import cycle
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from benchmarks import clips

RATE, SPEECH_RATE = 44_100, 16_000
SUBTYPES = {"wav": "PCM_16", "flac": "PCM_16", "mp3": "MPEG_LAYER_III"}
DELAY = 300


def song(minutes: float, suffix: str = "wav") -> Path:
    """Music of that length, 44.1 kHz stereo: real clips of the data, or the demo without them.

    The right channel is a little later and softer.
    """
    sources = _songs()
    path = clips.cache("songs") / f"{sources[0].stem}-{minutes:g}min.{suffix}"
    return _written(path, minutes * 60, RATE, 2, _stereo(_looped(sources, RATE)))


def speech(seconds: float, suffix: str = "wav") -> Path:
    """Speech of that length, 16 kHz mono: human voices of the data, or the demo without them."""
    sources = _voices()
    path = clips.cache("songs") / f"{sources[0].stem}-{seconds:g}s.{suffix}"
    return _written(path, seconds, SPEECH_RATE, 1, _looped(sources, SPEECH_RATE))


def _songs() -> list[Path]:
    try:
        those = clips.load(clips.folder(), "dev")
    except FileNotFoundError:
        return [clips.ROOT / "demo" / "clip.ogg"]
    return [clip.audio for clip in those if clip.kind == "real"]


def _voices() -> list[Path]:
    try:
        those = list(clips.rows(clips.folder(), "voice", "val"))
    except FileNotFoundError:
        return [clips.ROOT / "demo" / "speech.ogg"]
    return [audio for audio, row in those if row["label"] == "human"]


def _written(
    path: Path, seconds: float, rate: int, channels: int, blocks: Iterable[NDArray[np.float32]]
) -> Path:
    """The first `seconds` of `blocks` at `path`, unless they are there already."""
    if path.exists():
        return path
    partial = path.with_suffix(".partial")
    left, kind = round(seconds * rate), path.suffix[1:]
    with soundfile.SoundFile(
        partial, "w", rate, channels, SUBTYPES[kind], format=kind.upper()
    ) as file:
        for block in blocks:
            file.write(block[:left])
            left -= len(block)
            if left <= 0:
                break
    partial.rename(path)
    return path


def _looped(sources: list[Path], rate: int) -> Iterator[NDArray[np.float32]]:
    """The clips in mono, one after the other, for ever."""
    for path in cycle(sources):
        samples, its = soundfile.read(path, dtype="float32", always_2d=True)
        yield soxr.resample(samples.mean(axis=1), its, rate).astype(np.float32)


def _stereo(blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    for mono in blocks:
        yield np.column_stack((mono, 0.7 * np.roll(mono, DELAY))).astype(np.float32)
