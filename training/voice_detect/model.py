"""The network in PyTorch: a student of the teacher, and the fine structure beside it."""

import torch
from torch import Tensor, nn

from functions.voice_detect.frontend import BANDS
from training import teacher

STEM, CONTEXT = 256, 192
"""Channels of the first convolution, and of what hears the context."""
FINE, SPAN = 128, 3
"""Directions of the fine structure, and frames that each of them spans."""
STATISTICS = 3 * STEM + 3 * teacher.WIDTH + 2 * teacher.WIDTH
"""What is said of a window: the size of its embedding."""
_QUIET = -18.0
"""Natural logarithm of the power under the loudest band that still counts."""


def split(rows: Tensor) -> Tensor:
    """Rows of `Frontend`, shape (n, rows, 192) -> frames of 8 ms, shape (n, 2 rows, 96)."""
    return rows.reshape(rows.shape[0], -1, BANDS)


def under_loudest(frames: Tensor) -> Tensor:
    """Frames without the recording's level."""
    return (frames - frames.amax(dim=(1, 2), keepdim=True)).clamp(min=_QUIET)


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
        self.context = nn.Sequential(
            nn.Conv1d(width, CONTEXT, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm1d(CONTEXT),
            nn.GELU(),
            *(Block(CONTEXT, dilation) for dilation in (1, 2, 3)),
            nn.GELU(),
            nn.Conv1d(CONTEXT, width, 1),
        )

    def layers(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of frames, shape (n, t, 96): (n, 256, t), (n, 384, t / 2) and (n, 384, t / 4)."""
        first = self.first(((under_loudest(frames) - _QUIET / 2) / 4.0).transpose(1, 2))
        stem = self.stem(first) * self.scale + self.shift
        return first, stem, self.context(stem)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """What the teacher would say: its convolutions and its first layer."""
        _, stem, context = self.layers(frames)
        return stem, context

    def statistics(self, frames: Tensor) -> Tensor:
        """Means, deviations and mean changes in time of its layers, shape (n, `STATISTICS`)."""
        first, stem, context = (layer.float() for layer in self.layers(frames))
        return torch.cat(
            [*_moments(first), _change(first), *_moments(stem), _change(stem), *_moments(context)],
            dim=1,
        )


class Fine(nn.Module):
    """How the fine structure of the bands varies together, free of the recording's tone.

    Three frames at a time, without their mean over the window, are seen along the directions in
    which speech varies, each brought to the same variance; what counts is the covariance of these,
    its power normalised (Perronnin et al., ECCV 2010).
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("directions", torch.zeros(FINE, BANDS, SPAN))

    def forward(self, frames: Tensor) -> Tensor:
        """Of frames, shape (n, t, 96): shape (n, 128, 128)."""
        heard = under_loudest(frames)
        heard = ((heard - heard.mean(dim=1, keepdim=True)) / 4.0).transpose(1, 2)
        seen = nn.functional.conv1d(heard, self.directions)
        covariance = seen @ seen.transpose(1, 2) / seen.shape[2]
        return covariance.sign() * covariance.abs().sqrt()


class Listening(nn.Module):
    """Rows of one window -> embedding, shape (1, `STATISTICS`), and fine structure (1, 128²)."""

    def __init__(self, student: Student, fine: Fine) -> None:
        super().__init__()
        self.student, self.fine = student, fine

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        frames = split(rows)
        return self.student.statistics(frames), self.fine(frames).flatten(1)


class VoiceNet(nn.Module):
    """Rows of one window -> its score, shape (1,), and its embedding, shape (1, `STATISTICS`)."""

    def __init__(self, listening: Listening) -> None:
        super().__init__()
        self.listening = listening
        self.register_buffer("mean", torch.zeros(STATISTICS))
        self.register_buffer("deviation", torch.ones(STATISTICS))
        self.voice = nn.Linear(STATISTICS, 1)
        self.detail = nn.Linear(FINE * FINE, 1, bias=False)

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        statistics, fine = self.listening(rows)
        embedding = (statistics - self.mean) / self.deviation
        return (self.voice(embedding) + self.detail(fine))[:, 0], embedding


def _moments(layer: Tensor) -> tuple[Tensor, Tensor]:
    mean = layer.mean(dim=2)
    variance = (layer - mean[:, :, None]).square().mean(dim=2)
    return mean, (variance + 1e-5).sqrt()


def _change(layer: Tensor) -> Tensor:
    return (layer[:, :, 1:] - layer[:, :, :-1]).abs().mean(dim=2)
