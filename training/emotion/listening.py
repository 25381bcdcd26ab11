"""Every clip as the student hears it, in numbers that a linear model can judge."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from functions.emotion.network import shares
from functions.kit.fine import PER_ROW
from functions.kit.listener import TOGETHER
from functions.kit.mel import FPS
from functions.kit.windows import FRAMES, HOP_S, LONGEST, lengthened
from training.emotion.augment import Augment, Worse
from training.emotion.corpus import Frames
from training.emotion.said import said
from training.emotion.student import Student
from training.student import split

COPIES = 3
"""Of each clip: as it is, and twice as another voice, in noise or by telephone."""
PACE, PITCH = 0.15, 0.12
WORSE = Worse(spared=0.2, equaliser=0.45, noisy=0.4, noise=(-10.0, -3.0), telephone=0.35, hiss=0.5)
"""How another voice may sound."""


@dataclass(frozen=True)
class Heard:
    """What the student says of some clips, in windows as the function's."""

    said: NDArray[np.float32]
    """Of each window, shape (windows, `SAID`)."""
    clips: NDArray[np.int64]
    """Which clip it is a window of, shape (windows,)."""


def hear(student: Student, frames: Frames, copy: int, work: Path, name: str) -> Heard:
    """Every clip, kept in `work` under `name`: copy 0 as it is, others as other, worse voices."""
    kept = work / f"heard-{name}-{len(frames.ends)}-{copy}.npz"
    if not kept.exists():
        augment = Augment(copy)
        found, clips = [], []
        for clip in range(len(frames.ends)):
            # Another voice is at another pace, so that each of its windows is heard by itself.
            for rows, starts in _windows(
                frames.of(clip).astype(np.float32), 1 if copy else TOGETHER
            ):
                heard = split(torch.from_numpy(rows)[None])
                if copy:
                    length = int(heard.shape[1] * np.exp(-PACE)) // PER_ROW * PER_ROW
                    heard = augment.worse(augment.voices(heard, length, PACE, PITCH), WORSE)
                windows = torch.from_numpy(shares(heard.shape[1] // PER_ROW, starts))
                with torch.no_grad():
                    stem, context = student(heard)
                    found.append(said(stem, context, windows).numpy())
                clips += [clip] * len(starts)
        np.savez(kept, said=np.concatenate(found), clips=np.array(clips))
    with np.load(kept) as file:
        return Heard(file["said"], file["clips"])


def _windows(
    rows: NDArray[np.float32], together: int
) -> Iterator[tuple[NDArray[np.float32], list[int]]]:
    """Those that the function would judge, up to so many at once, and where each begins."""
    length = FRAMES if len(rows) > LONGEST else len(rows)
    starts = sorted({*range(0, len(rows) - length + 1, int(HOP_S * FPS)), len(rows) - length})
    for i in range(0, len(starts), together):
        some = starts[i : i + together]
        yield (
            lengthened(rows[some[0] : some[-1] + length]),
            [start - some[0] for start in some],
        )
