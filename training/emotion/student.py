"""The network of `emotion`, before it knows of emotions: it says what its teachers would."""

import torch
from torch import Tensor, nn

from functions.kit.fine import BANDS, PER_ROW
from training import moonshine, teacher
from training.student import QUIET, context, under_loudest

FIRST, CONTEXT = 256, 320
"""Channels of the first convolution, and of what hears the context."""
DILATIONS = (1, 2, 4, 8)
TOLD = teacher.WIDTH + len(moonshine.LAYERS) * moonshine.WIDTH
"""How many numbers of the teachers' layers it learns."""


class Student(nn.Module):
    """Learns the first teacher's convolutions every 16 ms, and layers of both every 32 ms.

    It hears a row of two frames at a time, which costs half of what hearing each would. The
    context is wide rather than deep: at as much CPU that comes closer to the teachers.
    """

    def __init__(self) -> None:
        super().__init__()
        width = teacher.WIDTH
        self.stem = nn.Sequential(
            nn.Conv1d(PER_ROW * BANDS, FIRST, 3, padding=1, bias=False),
            nn.BatchNorm1d(FIRST),
            nn.GELU(),
            nn.Conv1d(FIRST, width, 1, bias=False),
            nn.BatchNorm1d(width),
            nn.GELU(),
        )
        self.scale = nn.Parameter(torch.ones(width, 1))
        self.shift = nn.Parameter(torch.zeros(width, 1))
        self.context = context(width, CONTEXT, DILATIONS, TOLD)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """What the teachers would say of frames, shape (n, t, 96).

        That is of the convolutions (n, 384, t / 2), and of the layers (n, 960, t / 4).
        """
        rows = ((under_loudest(frames) - QUIET / 2) / 4.0).reshape(len(frames), -1, PER_ROW * BANDS)
        stem = self.stem(rows.transpose(1, 2)) * self.scale + self.shift
        return stem, self.context(stem)
