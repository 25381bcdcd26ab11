"""The network in PyTorch: what the student says of a window, and its fine structure beside it."""

import torch
from torch import Tensor, nn

from functions.kit.fine import BANDS
from training import teacher
from training.student import split, under_loudest
from training.voice_detect.student import STEM, Student, change, moments

FINE, SPAN = 128, 3
"""Directions of the fine structure, and frames that each of them spans."""
STATISTICS = 3 * STEM + 3 * teacher.WIDTH + 2 * teacher.WIDTH
"""What is said of a window: the size of its embedding."""


def statistics(student: Student, frames: Tensor) -> Tensor:
    """Means, deviations and mean changes in time of the student's layers, (n, `STATISTICS`)."""
    first, stem, context = (layer.float() for layer in student.layers(frames))
    return torch.cat(
        [*moments(first), change(first), *moments(stem), change(stem), *moments(context)], dim=1
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
        return statistics(self.student, frames), self.fine(frames).flatten(1)


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
