"""A folder of voices -> log mels, what the teacher makes of them, labels and speakers."""

import csv
from pathlib import Path

import numpy as np

from functions.emotion import core
from functions.kit import mel
from functions.kit.audio import Audio
from functions.kit.spectrum import Floats
from training.emotion.clip import LABELS, Clip
from training.emotion.teacher import SIZE, Teacher


def load(folder: Path, work: Path) -> list[Clip]:
    """Every clip of a folder with a `manifest.csv`; what is computed of them is kept in `work`.

    The manifest's columns are path, split (train, val or test), speaker, and for labelled voices
    corpus and emotion (one of `LABELS`).
    """
    with (folder / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    known = {row["emotion"] for row in rows if "emotion" in row}
    if unknown := known - set(LABELS):
        raise SystemExit(
            f"{folder}/manifest.csv has emotions that are not known: {', '.join(sorted(unknown))}. "
            f"Name each one of {', '.join(LABELS)}."
        )
    work.mkdir(parents=True, exist_ok=True)
    kept = work / f"{folder.resolve().name}-{len(rows)}.npz"
    if not kept.exists():
        _compute(folder, rows, kept, Teacher(work))
    with np.load(kept) as file:
        logs = np.split(file["logs"], file["logs_ends"][:-1])
        taught = np.split(file["taught"], file["taught_ends"][:-1])
    return [
        Clip(
            path=row["path"],
            corpus=row.get("corpus", ""),
            speaker=f"{row.get('corpus', '')}/{row['speaker']}",
            label=LABELS.index(row["emotion"]) if "emotion" in row else -1,
            split=row["split"],
            logs=its_logs,
            taught=its_taught,
        )
        for row, its_logs, its_taught in zip(rows, logs, taught, strict=True)
    ]


def _compute(folder: Path, rows: list[dict[str, str]], kept: Path, teacher: Teacher) -> None:
    logs, taught = [], []
    for done, row in enumerate(rows, 1):
        samples = _samples(folder / row["path"])
        front = mel.LogMel()
        logs.append(np.concatenate([front.push(samples), front.finish()]).astype(np.float16))
        heard = teacher.hear(samples) if row["split"] != "test" else np.zeros((0, SIZE), np.float16)
        taught.append(heard)
        if done % 500 == 0:
            print(f"{folder.name}: heard {done} of {len(rows)} clips", flush=True)
    np.savez(
        kept,
        logs=np.concatenate(logs),
        logs_ends=np.cumsum([len(each) for each in logs]),
        taught=np.concatenate(taught),
        taught_ends=np.cumsum([len(each) for each in taught]),
    )


def _samples(path: Path) -> Floats:
    """A clip as the function hears it, at 16 kHz."""
    with Audio(path, rate=mel.RATE, limits=core.MANIFEST.limits) as audio:
        return np.concatenate(list(audio.blocks()))
