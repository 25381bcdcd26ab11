"""Songs to measure cost on: clips looped to any length, 44.1 kHz stereo, in any format."""

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from benchmarks import clips

RATE = 44_100
SUBTYPES = {"wav": "PCM_16", "flac": "PCM_16", "mp3": "MPEG_LAYER_III"}
DELAY = 300


def song(minutes: float, suffix: str = "wav") -> Path:
    """A file of that length, made of real clips of the data, or of the demo clip without them."""
    sources = _sources()
    path = clips.cache("songs") / f"{sources[0].stem}-{minutes:g}min.{suffix}"
    if path.exists():
        return path
    partial = path.with_suffix(".partial")
    left = round(minutes * 60 * RATE)
    with soundfile.SoundFile(
        partial, "w", RATE, 2, SUBTYPES[suffix], format=suffix.upper()
    ) as file:
        for block in _blocks(sources):
            file.write(block[:left])
            left -= len(block)
            if left <= 0:
                break
    partial.rename(path)
    return path


def _sources() -> list[Path]:
    try:
        those = clips.load(clips.folder(), "dev")
    except FileNotFoundError:
        return sorted(path for path in (clips.ROOT / "demo").iterdir() if path.suffix == ".ogg")
    return [clip.audio for clip in those if clip.kind == "real"]


def _blocks(sources: list[Path]) -> Iterator[NDArray[np.float32]]:
    """The clips one after the other, for ever, the right channel a little later and softer."""
    for path in cycle(sources):
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        mono = soxr.resample(samples.mean(axis=1), rate, RATE)
        both = np.column_stack((mono, 0.7 * np.roll(mono, DELAY)))
        yield both.astype(np.float32)
