"""The network as ONNX: first what the student says of windows, then what that makes of emotions."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from functions.emotion.network import shares
from functions.kit import fine
from training import export
from training.emotion.clip import LABELS
from training.emotion.said import said
from training.emotion.student import Student
from training.linear import Linear
from training.quantise import Given
from training.student import split

HEAD = "head.weight", "head.bias"


class Listening(nn.Module):
    """What the student says of so many windows, shape (n, `SAID`).

    They are of rows, shape (1, rows, 192), and how much of each is in each, shape (n, rows).
    """

    def __init__(self, student: Student) -> None:
        super().__init__()
        self.student = student

    def forward(self, rows: Tensor, windows: Tensor) -> Tensor:
        stem, context = self.student(split(rows))
        return said(stem, context, windows)


def listening(student: Student, samples: Iterable[Given], out: Path) -> None:
    """The student as `Listening`; `samples` of what it may hear tell what numbers to expect."""
    given = {
        "frames": torch.zeros(1, 200, fine.PER_ROW * fine.BANDS),
        "windows": torch.from_numpy(shares(200, (0, 40))),
    }
    export.write(Listening(student), given, ["said"], {}, out, samples)


def with_head(listens: Path, its: Linear, out: Path) -> None:
    """A file that `listening` wrote, but with logits of `LABELS`, shape (n, 9)."""
    model = onnx.load(listens)
    weights = its.weights / its.deviation[:, None]
    bias = its.bias - its.mean @ weights
    for name, values in zip(HEAD, (weights, bias), strict=True):
        model.graph.initializer.append(numpy_helper.from_array(values.astype(np.float32), name))
    model.graph.node.append(helper.make_node("Gemm", ["said", *HEAD], ["logits"]))
    logits = helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["windows", None])
    model.graph.output[0].CopyFrom(logits)
    onnx.checker.check_model(model)
    onnx.save(model, out)


def finished(network: Path, temperature: float, properties: dict[str, str], out: Path) -> None:
    """A file that `with_head` wrote, calibrated; its metadata has the labels and `properties`."""
    model = onnx.load(network)
    for each in model.graph.initializer:
        if each.name in HEAD:
            values = numpy_helper.to_array(each) / np.float32(temperature)
            each.CopyFrom(numpy_helper.from_array(values, each.name))
    helper.set_model_props(model, {"labels": json.dumps(LABELS), **properties})
    onnx.save(model, out)
