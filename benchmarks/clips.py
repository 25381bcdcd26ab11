"""The labelled clips: where they lie, what is known of each, and a WAV of each for the peers."""

import csv
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from benchmarks.score import Reference

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".bench"
WAV_RATE = 44_100


@dataclass(frozen=True)
class Clip:
    """One song: its audio, and the reference to judge a tracker by."""

    audio: Path
    dataset: str
    kind: str
    split: str
    reference: Reference


def folder() -> Path:
    """The folder with `beats/manifest.csv` and the like: `HALFGIG_DATA`, else `../shared/data`."""
    return ROOT / os.environ.get("HALFGIG_DATA", "../shared/data")


def cache(name: str) -> Path:
    """A folder of that name for what can be made again; git ignores it."""
    CACHE.mkdir(exist_ok=True)
    (CACHE / ".gitignore").write_text("*\n")
    path = CACHE / name
    path.mkdir(exist_ok=True)
    return path


def rows(data: Path, kind: str, split: str | None = None) -> Iterator[tuple[Path, dict[str, str]]]:
    """Path and manifest row of the clips in `data / kind`, of one split (all when None), in order.

    Raises FileNotFoundError when there is no manifest.
    """
    manifest = data / kind / "manifest.csv"
    if not manifest.is_file():
        raise FileNotFoundError(
            f"{manifest} is not there. Set HALFGIG_DATA to the folder with {kind}/manifest.csv."
        )
    with manifest.open(newline="") as lines:
        for row in csv.DictReader(lines):
            if split in (None, row["split"]):
                yield manifest.parent / row["path"], row


def load(data: Path, split: str | None = None) -> list[Clip]:
    """The songs of one split (all when None); see `rows`."""
    return [
        Clip(
            audio=audio,
            dataset=row["dataset"],
            kind=row["kind"],
            split=row["split"],
            reference=reference(*read_beats(audio.parent / row["beats"]), float(row["tempo_bpm"])),
        )
        for audio, row in rows(data, "beats", split)
    ]


def read_beats(path: Path) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Times in seconds, ascending, and numbers in the bar (0 where unknown) of a `.beats` file."""
    rows = [line.split() for line in path.read_text().splitlines() if line.strip()]
    times = np.array([float(row[0]) for row in rows])
    numbers = np.array([int(row[1]) if len(row) > 1 else 0 for row in rows], np.int64)
    order = np.argsort(times, kind="stable")
    return times[order], numbers[order]


def reference(
    beats: NDArray[np.float64], numbers: NDArray[np.int64], tempo_bpm: float
) -> Reference:
    """What beats and their numbers say; without a number for each, nothing of bars."""
    if not numbers.all():
        return Reference(beats, None, None, tempo_bpm)
    return Reference(beats, beats[numbers == 1], int(numbers.max()), tempo_bpm)


def as_wav(audio: Path) -> Path:
    """A 44.1 kHz mono 16-bit WAV of `audio`: the one form that every peer reads."""
    digest = hashlib.sha256(audio.read_bytes()).hexdigest()[:12]
    wav = cache("wav") / f"{audio.stem}-{digest}.wav"
    if not wav.exists():
        samples, rate = soundfile.read(audio, dtype="float32", always_2d=True)
        mono = soxr.resample(samples.mean(axis=1), rate, WAV_RATE)
        partial = wav.with_suffix(".partial")
        peak = max(1.0, float(np.abs(mono).max()))
        soundfile.write(partial, mono / peak, WAV_RATE, subtype="PCM_16", format="WAV")
        partial.rename(wav)
    return wav
