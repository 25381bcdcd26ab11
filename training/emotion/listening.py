"""Every clip as the student hears it, in numbers that a linear model can judge."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from functions.kit.mel import FPS
from functions.kit.windows import FRAMES, HOP_S, LONGEST, lengthened
from training.emotion.augment import Augment, Worse
from training.emotion.corpus import Frames
from training.emotion.said import said
from training.student import Student, split

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
            for window in _windows(frames.of(clip).astype(np.float32)):
                heard = split(torch.from_numpy(window)[None])
                if copy:
                    length = int(heard.shape[1] * np.exp(-PACE))
                    heard = augment.worse(augment.voices(heard, length, PACE, PITCH), WORSE)
                with torch.no_grad():
                    found.append(said(*student(heard))[0].numpy())
                clips.append(clip)
        np.savez(kept, said=np.stack(found), clips=np.array(clips))
    with np.load(kept) as file:
        return Heard(file["said"], file["clips"])


def _windows(rows: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Those that the function would judge."""
    length = FRAMES if len(rows) > LONGEST else len(rows)
    starts = {*range(0, len(rows) - length + 1, int(HOP_S * FPS)), len(rows) - length}
    return [lengthened(rows[start : start + length]) for start in sorted(starts)]
