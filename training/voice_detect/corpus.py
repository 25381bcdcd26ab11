"""A folder of voices -> frames and what the teacher makes of them, as they are and changed."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from functions.kit.audio import Audio
from functions.kit.mel import HOP, RATE
from functions.kit.spectrum import Floats
from functions.voice_detect import core
from functions.voice_detect.frontend import Frontend
from training import teacher
from training.teacher import Teacher
from training.voice_detect import channel
from training.voice_detect.channel import Samples


@dataclass(frozen=True)
class Clip:
    """One recording: where it is, on which page it was found, and whether a machine made it."""

    path: Path
    page: str
    system: str
    machine: bool
    split: str

    def samples(self, copy: int, number: int) -> Samples:
        """Its first 8 s at 16 kHz: copy 0 as it is, others through channels drawn for them."""
        with Audio(self.path, rate=RATE, limits=core.MANIFEST.limits) as audio:
            found = np.concatenate(list(audio.blocks()))[: teacher.LONGEST].astype(np.float32)
        if copy:
            found = channel.changed(found, np.random.default_rng([copy, number]))[: teacher.LONGEST]
        return found


@dataclass(frozen=True)
class Taught:
    """What one copy of each clip is to the network and to its teacher."""

    frames: NDArray[np.float16]
    """Rows of `Frontend`, shape (all rows, 192)."""
    answers: NDArray[np.float16]
    """The teacher's, shape (all rows, 768): a row for each of those."""
    ends: NDArray[np.int64]
    """Where each clip ends among the rows."""


def clips(folder: Path) -> list[Clip]:
    """The clips of `train` and `val` in a folder with a `manifest.csv`.

    Its columns: path, label (human or synthetic), repo, system_or_corpus, split.
    """
    with (folder / "manifest.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] != "test"]
    return [
        Clip(
            path=folder / row["path"],
            page=row["repo"],
            system=row["system_or_corpus"],
            machine=row["label"] == "synthetic",
            split=row["split"],
        )
        for row in rows
    ]


def taught(voices: list[Clip], copy: int, work: Path) -> Taught:
    """A copy of each clip with the teacher's answers, kept in `work`."""
    kept = work / f"taught-{len(voices)}-{copy}.npz"
    if not kept.exists():
        work.mkdir(parents=True, exist_ok=True)
        both = list(_heard(voices, copy, Teacher(work, teacher.STEM, teacher.FIRST)))
        np.savez(
            kept,
            frames=np.concatenate([frames for frames, _ in both]),
            answers=np.concatenate([answers for _, answers in both]),
            ends=np.cumsum([len(frames) for frames, _ in both]),
        )
    with np.load(kept) as file:
        return Taught(file["frames"], file["answers"], file["ends"])


def frames(samples: Samples) -> NDArray[np.float32]:
    """All that the function's network hears of `samples`, shape (rows, 192)."""
    front = Frontend()
    return np.concatenate([front.push(samples), front.finish()])


def _heard(
    voices: list[Clip], copy: int, its_teacher: Teacher
) -> Iterator[tuple[NDArray[np.float16], NDArray[np.float16]]]:
    for number, clip in enumerate(voices):
        samples = clip.samples(copy, number)
        rows = frames(samples).astype(np.float16)
        yield rows, _between(*its_teacher.hear(samples), len(rows))
        if (number + 1) % 500 == 0:
            print(f"copy {copy}: heard {number + 1} of {len(voices)} clips", flush=True)


def _between(about: NDArray[np.int64], answers: Floats, rows: int) -> NDArray[np.float16]:
    """The answers at the frames of `LogMel`, between the two that are nearest, shape (rows, …)."""
    place = (HOP * np.arange(rows) - about[0]) / (about[1] - about[0])
    before = np.clip(place.astype(int), 0, len(answers) - 2)
    share = np.clip(place - before, 0.0, 1.0)[:, None]
    between = (1.0 - share) * answers[before] + share * answers[before + 1]
    return np.asarray(between, np.float16)
