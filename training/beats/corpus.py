"""A folder of songs with beat times -> cached log-mel features and frame-wise targets."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr
from numpy.typing import NDArray

from benchmarks.clips import read_beats
from functions.beats import frontend
from training import manifest

Floats = NDArray[np.float32]
FLOOR = 1e-6


@dataclass(frozen=True)
class Song:
    """One clip: log band magnitudes, shape (frames, 64), and its annotated beats."""

    name: str
    dataset: str
    split: str
    logs: NDArray[np.float16]
    beats: NDArray[np.float64]
    """Seconds, ascending."""
    numbers: NDArray[np.int64]
    """Each beat's number in its bar, 1 on downbeats; all 0 where the annotation has none."""


def log_bands(path: Path, speed: float = 1.0) -> NDArray[np.float16]:
    """The front end's bands as natural logarithms, the clip played `speed` times as fast."""
    samples, rate = sf.read(path, dtype="float32", always_2d=True)
    mono = soxr.resample(samples.mean(axis=1), rate * speed, frontend.RATE, quality="MQ")
    front = frontend.Frontend()
    bands = np.concatenate([front.push(mono.astype(np.float32)).bands, front.finish().bands])
    return np.log(bands + FLOOR).astype(np.float16)


def load(folder: Path, cache: Path, speeds: tuple[float, ...] = (1.0,)) -> list[Song]:
    """Every song of a folder with `manifest.csv`, once a speed; features are kept under `cache`."""
    cache.mkdir(parents=True, exist_ok=True)
    songs = []
    for row in manifest.rows(folder):
        times, numbers = read_beats(folder / row["beats"])
        for speed in speeds:
            kept = cache / f"{Path(row['path']).stem}@{speed}.npy"
            if not kept.exists():
                np.save(kept, log_bands(folder / row["path"], speed))
            songs.append(
                Song(
                    name=f"{row['path']}@{speed}" if speed != 1.0 else row["path"],
                    dataset=row["dataset"],
                    split=row["split"],
                    logs=np.load(kept),
                    beats=times / speed,
                    numbers=numbers,
                )
            )
    return songs
