"""A small network that learns what the teacher makes of speech, and what it says of a window."""

import torch
from torch import Tensor, nn

from functions.kit.fine import BANDS
from training import teacher
from training.student import QUIET, context, under_loudest

STEM, CONTEXT = 256, 192
"""Channels of the first convolution, and of what hears the context."""
DILATIONS = (1, 2, 3)
"""Of the blocks that hear it."""


class Student(nn.Module):
    """Learns the teacher's convolutions every 16 ms, and its first layer every 32 ms."""

    def __init__(self) -> None:
        super().__init__()
        width = teacher.WIDTH
        self.first = nn.Sequential(
            nn.Conv1d(BANDS, STEM, 5, padding=2, bias=False), nn.BatchNorm1d(STEM), nn.GELU()
        )
        self.stem = nn.Sequential(
            nn.Conv1d(STEM, width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm1d(width),
            nn.GELU(),
        )
        self.scale = nn.Parameter(torch.ones(width, 1))
        self.shift = nn.Parameter(torch.zeros(width, 1))
        self.context = context(width, CONTEXT, DILATIONS, width)

    def layers(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of frames, shape (n, t, 96): (n, 256, t), (n, 384, t / 2), (n, 384, t / 4)."""
        first = self.first(((under_loudest(frames) - QUIET / 2) / 4.0).transpose(1, 2))
        stem = self.stem(first) * self.scale + self.shift
        return first, stem, self.context(stem)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """What the teacher would say: its convolutions, and its first layer."""
        _, stem, context = self.layers(frames)
        return stem, context


def moments(layer: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation in time of a layer, shape (n, width, t): (n, width) each."""
    mean = layer.mean(dim=2)
    variance = (layer - mean[:, :, None]).square().mean(dim=2)
    return mean, (variance + 1e-5).sqrt()


def change(layer: Tensor) -> Tensor:
    """Mean change of a layer, shape (n, width, t), from one time to the next: (n, width)."""
    return (layer[:, :, 1:] - layer[:, :, :-1]).abs().mean(dim=2)
