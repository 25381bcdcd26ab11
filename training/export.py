"""From PyTorch to ONNX with its large weights in 8 bits."""

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from functions.kit import manifest
from training import quantise


def write(
    net: nn.Module,
    given: Mapping[str, Tensor],
    outputs: Sequence[str],
    properties: Mapping[str, str],
    out: Path,
    samples: Iterable[quantise.Given],
) -> None:
    """`net` with inputs as in `given`, each of any length in its second dimension.

    Those after the first can be of any length in their first too. `properties` are kept in the
    file's metadata. `samples` are inputs, by which convolutions are made of whole numbers.
    """
    first, *others = given
    with warnings.catch_warnings():
        # The exporter that is not deprecated needs onnxscript, and gives the same graph.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net.eval(),
            tuple(given.values()),
            out,
            input_names=list(given),
            output_names=list(outputs),
            dynamic_axes={
                first: {1: "length"},
                **{name: {0: name, 1: "length"} for name in others},
            },
            opset_version=20,
            dynamo=False,
        )
    model = onnx.load(out)
    quantise.convolutions(model, samples)
    _shrink(model.graph)
    helper.set_model_props(model, dict(properties))
    onnx.checker.check_model(model)
    onnx.save(model, out)


def declare(model: Path, folder: Path) -> None:
    """Write the sha256 of `model` into the `function.toml` of `folder`, which has one already."""
    path = folder / manifest.FILE
    line = f'sha256 = "{sha256(model.read_bytes()).hexdigest()}"'
    path.write_text(re.sub(r'^sha256 = ".*"$', line, path.read_text(), flags=re.MULTILINE))


def _shrink(graph: onnx.GraphProto) -> None:
    """Keep large weights as 8-bit integers and a scale a channel.

    They stay so in memory as well: a layer's become floats while it runs, which costs next to
    nothing beside it.
    """
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
        graph.initializer.append(numpy_helper.from_array(scale.reshape(-1), f"{name}.scale"))
        parts = [f"{name}.whole", f"{name}.scale"]
        before.append(helper.make_node("DequantizeLinear", parts, [name], axis=0))
    nodes = [*before, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
