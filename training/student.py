"""A small network that learns what the teacher makes of speech, and what it says of a window."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from functions.kit.fine import BANDS
from training import teacher

STEM, CONTEXT = 256, 192
"""Channels of the first convolution, and of what hears the context."""
QUIET = -18.0
"""Natural logarithm of the power under the loudest band that still counts."""


def split(rows: Tensor) -> Tensor:
    """Rows of `FineBands`, shape (n, rows, 192) -> frames of 8 ms, shape (n, 2 rows, 96)."""
    return rows.reshape(rows.shape[0], -1, BANDS)


def under_loudest(frames: Tensor) -> Tensor:
    """Frames without the recording's level."""
    return (frames - frames.amax(dim=(1, 2), keepdim=True)).clamp(min=QUIET)


class Block(nn.Module):
    """A residual block: a convolution over time, then a mix of the channels."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation, bias=False),
            nn.BatchNorm1d(width),
            nn.GELU(),
            nn.Conv1d(width, width, 1, bias=False),
            nn.BatchNorm1d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.path(x)


class Student(nn.Module):
    """Learns the teacher's convolutions every 16 ms, and layers of it and others every 32 ms.

    dilations : of the blocks that hear the context
    told : how many numbers of those layers it learns
    """

    def __init__(self, dilations: Sequence[int] = (1, 2, 3), told: int = teacher.WIDTH) -> None:
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
        self.context = nn.Sequential(
            nn.Conv1d(width, CONTEXT, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm1d(CONTEXT),
            nn.GELU(),
            *(Block(CONTEXT, dilation) for dilation in dilations),
            nn.GELU(),
            nn.Conv1d(CONTEXT, told, 1),
        )

    def layers(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of frames, shape (n, t, 96): (n, 256, t), (n, 384, t / 2), (n, told, t / 4)."""
        first = self.first(((under_loudest(frames) - QUIET / 2) / 4.0).transpose(1, 2))
        stem = self.stem(first) * self.scale + self.shift
        return first, stem, self.context(stem)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """What the teachers would say: the convolutions, and the layers."""
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
