"""The network in PyTorch, and as ONNX."""

import json
from pathlib import Path

import torch
from torch import Tensor, nn

from functions.kit import mel
from training import export
from training.emotion.clip import LABELS
from training.emotion.teacher import SIZE

WIDTH = 192


def normalised(logs: Tensor) -> Tensor:
    """Log bands, shape (n, frames, 64) -> (n, 64, frames), without the level.

    What is 61 dB under the loudest band counts as that.
    """
    top = logs.amax(dim=(1, 2), keepdim=True)
    return (((logs - top).clamp(min=-14.0) + 6.0) / 3.0).transpose(1, 2)


class Excitation(nn.Module):
    """Channels weighted by what all the frames say (Hu et al., CVPR 2018)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(width, width // 8)
        self.excite = nn.Linear(width // 8, width)

    def forward(self, x: Tensor) -> Tensor:
        gate = self.excite(torch.relu(self.squeeze(x.mean(dim=2))))
        return x * torch.sigmoid(gate)[:, :, None]


class Block(nn.Module):
    """A residual block: a convolution over time, then a mix of the channels."""

    def __init__(self, width: int, dilation: int, dropout: float, *, excited: bool) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Conv1d(width, width, 1, bias=False),
            nn.BatchNorm1d(width),
            Excitation(width) if excited else nn.Identity(),
            nn.Dropout1d(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.path(x)


class Student(nn.Module):
    """Normalised bands, shape (n, 64, frames) -> the teacher's answers, (n, 768, frames / 4)."""

    def __init__(self, width: int = WIDTH, dropout: float = 0.05) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(mel.BANDS, width, 5, stride=2, padding=2, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            Block(width, 1, dropout, excited=False),
            Block(width, 1, dropout, excited=False),
            nn.Conv1d(width, width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            *(Block(width, dilation, dropout, excited=True) for dilation in (1, 2, 3, 1)),
            nn.ReLU(),
            nn.Conv1d(width, SIZE, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.layers(x)
        return answer


class EmotionNet(nn.Module):
    """Normalised bands, shape (n, 64, frames) -> logits of `LABELS`, shape (n, 9).

    A linear model over the mean and the deviation in time of what the student says.
    """

    def __init__(self, student: Student, dropout: float = 0.2) -> None:
        super().__init__()
        self.student = student
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * SIZE, len(LABELS))
        self.register_buffer("mean", torch.zeros(2 * SIZE))
        self.register_buffer("deviation", torch.ones(2 * SIZE))

    def statistics(self, x: Tensor) -> Tensor:
        """Mean and deviation over the frames, shape (n, 1536)."""
        said = self.student(x).float()
        mean = said.mean(dim=2)
        variance = (said - mean[:, :, None]).square().mean(dim=2)
        return torch.cat([mean, variance.clamp(min=1e-5).sqrt()], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.dropout((self.statistics(x) - self.mean) / self.deviation))
        return logits


class Shipped(nn.Module):
    """Log bands of one window, shape (1, frames, 64) -> calibrated logits, shape (1, 9)."""

    def __init__(self, net: EmotionNet, temperature: float) -> None:
        super().__init__()
        self.net, self.temperature = net, temperature

    def forward(self, logs: Tensor) -> Tensor:
        return self.net(normalised(logs)) / self.temperature


def write(net: EmotionNet, temperature: float, properties: dict[str, str], out: Path) -> None:
    """The network as ONNX, with its labels and `properties` in its metadata."""
    export.write(
        Shipped(net, temperature),
        {"logs": torch.zeros(1, 200, mel.BANDS)},
        ["logits"],
        {"labels": json.dumps(LABELS), **properties},
        out,
    )
