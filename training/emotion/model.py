"""The network in PyTorch, and as ONNX."""

import json
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from functions.kit import mel
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
    """The network as ONNX with its large weights in 8 bits, and `properties` in its metadata."""
    with warnings.catch_warnings():
        # The exporter that is not deprecated needs onnxscript, and gives the same graph.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Shipped(net, temperature).eval(),
            (torch.zeros(1, 200, mel.BANDS),),
            out,
            input_names=["logs"],
            output_names=["logits"],
            dynamic_axes={"logs": {1: "frames"}},
            opset_version=17,
            dynamo=False,
        )
    model = onnx.load(out)
    _shrink(model.graph)
    helper.set_model_props(model, {"labels": json.dumps(LABELS), **properties})
    onnx.checker.check_model(model)
    onnx.save(model, out)


def _shrink(graph: onnx.GraphProto) -> None:
    """Keep large weights as 8-bit integers and a scale a channel; loading makes floats of them."""
    before = []
    for kept in list(graph.initializer):
        values = numpy_helper.to_array(kept)
        if values.dtype != np.float32 or values.ndim < 2 or values.size < 10_000:
            continue
        name, axes = kept.name, tuple(range(1, values.ndim))
        scale = np.abs(values).max(axis=axes, keepdims=True) / np.float32(127.0)
        scale = np.maximum(scale, np.float32(1e-12))
        whole = np.round(values / scale).astype(np.int8)
        kept.CopyFrom(numpy_helper.from_array(whole, f"{name}.whole"))
        graph.initializer.append(numpy_helper.from_array(scale, f"{name}.scale"))
        before += [
            helper.make_node(
                "Cast", [f"{name}.whole"], [f"{name}.cast"], to=onnx.TensorProto.FLOAT
            ),
            helper.make_node("Mul", [f"{name}.cast", f"{name}.scale"], [name]),
        ]
    nodes = [*before, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
