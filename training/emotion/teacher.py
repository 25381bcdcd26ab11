"""What the teacher's first two layers make of a clip, every 64 ms."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from functions.kit import mel
from functions.kit.spectrum import Floats
from training import teacher

SIZE = 2 * teacher.WIDTH
STRIDE = 4
"""Frames of `LogMel` (64 ms) that one row of the answer stands for."""
_SPAN = STRIDE * mel.HOP


class Teacher:
    """The first two layers of the teacher. Raises SystemExit where its package is missing."""

    def __init__(self, work: Path) -> None:
        self._teacher = teacher.Teacher(work, teacher.FIRST, teacher.SECOND)

    def hear(self, samples: Floats) -> NDArray[np.float16]:
        """Both layers' means over each 64 ms of the first 8 s of `samples`, shape (rows, 768).

        Row i is centred on frame 4 i of `LogMel`.
        """
        about, both = self._teacher.hear(samples)
        heard = about >= -_SPAN // 2
        row = (about[heard] + _SPAN // 2) // _SPAN
        total = np.zeros((row.max() + 1, SIZE), np.float32)
        np.add.at(total, row, both[heard])
        return (total / np.maximum(np.bincount(row), 1)[:, None]).astype(np.float16)
