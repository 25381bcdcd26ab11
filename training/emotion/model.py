"""The network in PyTorch, and as ONNX."""

import json
from pathlib import Path

import torch
from torch import Tensor, nn

from functions.emotion.network import shares
from functions.kit import fine
from training import export
from training.emotion.clip import LABELS
from training.emotion.said import SAID, said
from training.emotion.student import Student
from training.linear import Linear
from training.student import split


class EmotionNet(nn.Module):
    """Calibrated logits of `LABELS`, shape (n, 9), of so many windows.

    They are of rows, shape (1, rows, 192), and how much of each is in each, shape (n, rows).
    """

    def __init__(self, student: Student, its: Linear, temperature: float) -> None:
        super().__init__()
        self.student = student
        self.register_buffer("mean", torch.from_numpy(its.mean))
        self.register_buffer("deviation", torch.from_numpy(its.deviation))
        self.head = nn.Linear(SAID, len(LABELS))
        with torch.no_grad():
            self.head.weight.copy_(torch.from_numpy(its.weights.T / temperature))
            self.head.bias.copy_(torch.from_numpy(its.bias / temperature))

    def forward(self, rows: Tensor, windows: Tensor) -> Tensor:
        stem, context = self.student(split(rows))
        heard = said(stem, context, windows)
        logits: Tensor = self.head((heard - self.mean) / self.deviation)
        return logits


def write(net: EmotionNet, properties: dict[str, str], out: Path) -> None:
    """The network as ONNX, with its labels and `properties` in its metadata."""
    export.write(
        net,
        {
            "frames": torch.zeros(1, 200, fine.PER_ROW * fine.BANDS),
            "windows": torch.from_numpy(shares(200, (0, 40))),
        },
        ["logits"],
        {"labels": json.dumps(LABELS), **properties},
        out,
    )
