"""Convolutions in whole numbers of 8 bits, which take a third of the CPU time of floats."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from functions.kit.onnx import session

Given = Mapping[str, NDArray[np.float32]]
"""What a network is given, by the names of its inputs."""
NOTHING = -3.5
"""Of what is under this a GELU makes nothing."""
LARGEST = 63
"""Of a weight. In 7 bits, as processors without VNNI add pairs of products in 16."""
EPSILON = 1e-12


@dataclass
class Seen:
    """What a tensor of shape (1, channels, time) was."""

    low: float
    high: float
    total: NDArray[np.float64]
    """Of each channel."""
    count: int

    def scale(self) -> tuple[np.float32, np.uint8]:
        """The width of a step, and the step that is zero."""
        width = np.float32((self.high - self.low) / 255.0 + EPSILON)
        return width, np.uint8(np.clip(np.round(-self.low / width), 0, 255))


def some(clips: int) -> range:
    """Which of so many clips are enough to tell what numbers there will be."""
    return range(0, clips, max(1, clips // 200))


def convolutions(model: onnx.ModelProto, samples: Iterable[Given]) -> None:
    """Makes each convolution in `model` one of whole numbers, by what it does with `samples`.

    Each tensor's range is what was seen of it, and each channel's weights have a scale. What their
    rounding adds to a channel on average is taken off its bias (Nagel et al., ICCV 2019).
    """
    graph = model.graph
    kept = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    before_gelu = {node.input[0] for node in graph.node if node.op_type == "Gelu"}
    seen = _seen(model, samples)
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []

    def constant(name: str, value: NDArray[np.generic] | np.generic) -> str:
        constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    replaced = set()
    for node in graph.node:
        if node.op_type != "Conv":
            nodes.append(node)
            continue
        heard, said = seen[node.input[0]], seen[node.output[0]]
        if node.output[0] in before_gelu:
            said.low = max(said.low, NOTHING)
        weights, *biases = (kept[name] for name in node.input[1:])
        steps = np.maximum(np.abs(weights).max(axis=(1, 2)) / LARGEST, EPSILON).astype(np.float32)
        whole = np.round(weights / steps[:, None, None])
        added = (whole * steps[:, None, None] - weights).sum(axis=2) @ (heard.total / heard.count)
        width, zero = heard.scale()
        bias = np.round((sum(biases) - added) / (width * steps)).astype(np.int32)
        its = node.name
        before = [constant(f"{its}.in.scale", width), constant(f"{its}.in.zero", zero)]
        weight = [
            constant(f"{its}.weight", whole.astype(np.int8)),
            constant(f"{its}.weight.scale", steps),
            constant(f"{its}.weight.zero", np.zeros(len(steps), np.int8)),
        ]
        width, zero = said.scale()
        after = [constant(f"{its}.out.scale", width), constant(f"{its}.out.zero", zero)]
        given = [f"{its}.in", *before, *weight, *after, constant(f"{its}.bias", bias)]
        convolution = helper.make_node("QLinearConv", given, [f"{its}.out"])
        convolution.attribute.extend(node.attribute)
        nodes += [
            helper.make_node("QuantizeLinear", [node.input[0], *before], [f"{its}.in"]),
            convolution,
            helper.make_node("DequantizeLinear", [f"{its}.out", *after], [node.output[0]]),
        ]
        replaced |= {*node.input[1:]}
    left = [each for each in graph.initializer if each.name not in replaced]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend([*left, *constants])


def _seen(model: onnx.ModelProto, samples: Iterable[Given]) -> dict[str, Seen]:
    """What each input and output of a convolution was."""
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    names = sorted({name for node in convolutions for name in (node.input[0], node.output[0])})
    told = onnx.ModelProto()
    told.CopyFrom(model)
    told.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names
    )
    seen: dict[str, Seen] = {}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "told.onnx"
        onnx.save(told, path)
        run = session(path).run
        for sample in samples:
            for name, values in zip(names, run(names, dict(sample)), strict=True):
                its = seen.setdefault(name, Seen(0.0, 0.0, np.zeros(values.shape[1]), 0))
                its.low, its.high = min(its.low, values.min()), max(its.high, values.max())
                its.total += values[0].sum(axis=1)
                its.count += values.shape[2]
    return seen
