"""A folder of voices, and what the student is to learn of them, as they are and changed."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from functions.kit.audio import Audio
from functions.kit.mel import RATE
from functions.voice_detect import core
from training import manifest, teacher
from training.taught import Taught, kept
from training.teacher import Teacher
from training.voice_detect import channel
from training.voice_detect.channel import Samples


@dataclass(frozen=True)
class Clip:
    """One recording: where it is, on which page it was found, and whether a machine made it."""

    path: Path
    page: str
    machine: bool

    def samples(self, copy: int, number: int) -> Samples:
        """Its first 8 s at 16 kHz: copy 0 as it is, others through channels drawn for them."""
        with Audio(self.path, rate=RATE, limits=core.MANIFEST.limits) as audio:
            found = np.concatenate(list(audio.blocks()))[: teacher.LONGEST].astype(np.float32)
        if copy:
            found = channel.changed(found, np.random.default_rng([copy, number]))[: teacher.LONGEST]
        return found


def clips(folder: Path) -> list[Clip]:
    """The clips of `train` and `val` in a folder with a `manifest.csv`.

    Its columns: path, label (human or synthetic), repo, split.
    """
    rows = [row for row in manifest.rows(folder) if row["split"] != "test"]
    return [
        Clip(
            path=folder / row["path"],
            page=row["repo"],
            machine=row["label"] == "synthetic",
        )
        for row in rows
    ]


def taught(voices: list[Clip], copy: int, work: Path) -> Taught:
    """A copy of each clip with the teacher's answers, kept in `work`."""
    return kept(
        work / f"taught-{len(voices)}-{copy}.npz",
        lambda: (clip.samples(copy, number) for number, clip in enumerate(voices)),
        f"copy {copy} of {len(voices)}",
        lambda: [Teacher(work, teacher.STEM, teacher.FIRST)],
    )
