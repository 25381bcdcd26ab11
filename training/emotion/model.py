"""The network in PyTorch, and as ONNX."""

import json
from pathlib import Path

import torch
from torch import Tensor, nn

from functions.kit import fine
from training import export
from training.emotion.clip import LABELS
from training.emotion.said import SAID, said
from training.linear import Linear
from training.student import Student, split


class EmotionNet(nn.Module):
    """Rows of one window, shape (1, rows, 192) -> calibrated logits of `LABELS`, shape (1, 9)."""

    def __init__(self, student: Student, its: Linear, temperature: float) -> None:
        super().__init__()
        self.student = student
        self.register_buffer("mean", torch.from_numpy(its.mean))
        self.register_buffer("deviation", torch.from_numpy(its.deviation))
        self.head = nn.Linear(SAID, len(LABELS))
        with torch.no_grad():
            self.head.weight.copy_(torch.from_numpy(its.weights.T / temperature))
            self.head.bias.copy_(torch.from_numpy(its.bias / temperature))

    def forward(self, rows: Tensor) -> Tensor:
        heard = said(*self.student(split(rows)))
        logits: Tensor = self.head((heard - self.mean) / self.deviation)
        return logits


def write(net: EmotionNet, properties: dict[str, str], out: Path) -> None:
    """The network as ONNX, with its labels and `properties` in its metadata."""
    export.write(
        net,
        {"frames": torch.zeros(1, 200, fine.PER_ROW * fine.BANDS)},
        ["logits"],
        {"labels": json.dumps(LABELS), **properties},
        out,
    )
