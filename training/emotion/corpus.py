"""A folder of voices -> what is to be heard of them, labels and speakers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from functions.emotion import core
from functions.kit.audio import Audio
from functions.kit.fine import FineBands
from functions.kit.mel import RATE
from functions.kit.spectrum import Floats
from training import manifest, teacher
from training.emotion.clip import LABELS, Clip
from training.moonshine import Moonshine
from training.taught import Taught, kept
from training.teacher import Teacher


@dataclass(frozen=True)
class Frames:
    """Rows of `FineBands` of some clips, one clip after the other."""

    rows: NDArray[np.float16]
    ends: NDArray[np.int64]

    def of(self, clip: int) -> NDArray[np.float16]:
        """Those of one clip, shape (rows, 192)."""
        return self.rows[self.ends[clip - 1] if clip else 0 : self.ends[clip]]


def clips(folder: Path) -> list[Clip]:
    """The clips of `train` and `val` in a folder with a `manifest.csv`.

    Its columns: path, corpus, speaker, emotion (one of `LABELS`), split.
    """
    rows = _rows(folder)
    if unknown := {row["emotion"] for row in rows} - set(LABELS):
        raise SystemExit(
            f"{folder}/manifest.csv has emotions that are not known: {', '.join(sorted(unknown))}. "
            f"Name each one of {', '.join(LABELS)}."
        )
    return [
        Clip(
            path=folder / row["path"],
            corpus=row["corpus"],
            speaker=f"{row['corpus']}/{row['speaker']}",
            label=LABELS.index(row["emotion"]),
        )
        for row in rows
    ]


def frames(voices: Sequence[Clip], work: Path) -> Frames:
    """What the network is to hear of each clip, kept in `work`."""
    kept = work / f"frames-{len(voices)}.npz"
    if not kept.exists():
        work.mkdir(parents=True, exist_ok=True)
        found = []
        for number, clip in enumerate(voices, 1):
            found.append(_heard(clip.path))
            if number % 500 == 0:
                print(f"heard {number} of {len(voices)} clips", flush=True)
        np.savez(kept, rows=np.concatenate(found), ends=np.cumsum([len(each) for each in found]))
    with np.load(kept) as file:
        return Frames(file["rows"], file["ends"])


def taught(folder: Path, work: Path) -> Taught:
    """What is not of `test` in a folder with a `manifest.csv` (path, split), with its teachers'
    answers; kept in `work`.
    """
    paths = [folder / row["path"] for row in _rows(folder)]
    return kept(
        work / f"taught-{folder.name}-{len(paths)}.npz",
        lambda: map(_samples, paths),
        f"speech of {folder.name}, {len(paths)} clips",
        lambda: [Teacher(work, teacher.STEM, teacher.FIRST), Moonshine(work)],
    )


def _rows(folder: Path) -> list[dict[str, str]]:
    """What the folder's manifest says of each clip that is not of `test`."""
    return [row for row in manifest.rows(folder) if row["split"] != "test"]


def _samples(path: Path) -> Floats:
    with Audio(path, rate=RATE, limits=core.MANIFEST.limits) as audio:
        return np.concatenate(list(audio.blocks()))[: teacher.LONGEST].astype(np.float32)


def _heard(path: Path) -> NDArray[np.float16]:
    front = FineBands()
    with Audio(path, rate=RATE, limits=core.MANIFEST.limits) as audio:
        rows = [front.push(block) for block in audio.blocks()]
    return np.concatenate([*rows, front.finish()]).astype(np.float16)
