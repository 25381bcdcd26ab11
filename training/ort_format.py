"""A model in ONNX Runtime's own format as ONNX, so that what is inside it can be read.

The format keeps a model's graph as it was, in a FlatBuffer
(https://onnxruntime.ai/docs/performance/model-optimizations/ort-format-models.html); the reader of
its schema comes with onnxruntime.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, helper

import functions.kit.onnx  # noqa: F401 (before onnxruntime is imported: no telemetry)


def read(path: Path, inputs: Mapping[str, int], outputs: Sequence[str]) -> ModelProto:
    """The model at `path`, with the numbers of `outputs` handed out, whatever its own are.

    inputs : the types of the model's own, as ONNX numbers them
    outputs : names of any numbers of floats inside it

    Its graph may use the operators of `com.microsoft`.
    """
    from onnxruntime.tools.ort_format_model.ort_flatbuffers_py.fbs.InferenceSession import (
        InferenceSession,
    )

    model = InferenceSession.GetRootAsInferenceSession(path.read_bytes(), 0).Model()
    graph = model.Graph()
    weights = [_tensor(each) for each in _all(graph.InitializersLength, graph.Initializers)]
    nodes = [_node(each) for each in _all(graph.NodesLength, graph.Nodes)]
    floats = dict.fromkeys(outputs, TensorProto.FLOAT)
    return helper.make_model(
        GraphProto(
            name=path.stem,
            input=[helper.make_tensor_value_info(*each, None) for each in inputs.items()],
            output=[helper.make_tensor_value_info(*each, None) for each in floats.items()],
            initializer=weights,
            node=_ordered(nodes, {"", *inputs, *(each.name for each in weights)}),
        ),
        opset_imports=[
            helper.make_opsetid(_text(each.Domain()), each.Version())
            for each in _all(model.OpsetImportLength, model.OpsetImport)
        ],
        ir_version=model.IrVersion(),
    )


def _all(count: Callable[[], int], at: Callable[[int], Any]) -> Iterator[Any]:
    return (at(number) for number in range(count()))


def _text(value: bytes | None) -> str:
    return (value or b"").decode()


def _tensor(its: Any) -> TensorProto:
    data = its.RawDataAsNumpy().tobytes() if its.RawDataLength() else b""
    dims = list(_all(its.DimsLength, its.Dims))
    return TensorProto(name=_text(its.Name()), data_type=its.DataType(), dims=dims, raw_data=data)


def _node(its: Any) -> NodeProto:
    return NodeProto(
        name=_text(its.Name()),
        op_type=_text(its.OpType()),
        domain=_text(its.Domain()),
        input=[_text(each) for each in _all(its.InputsLength, its.Inputs)],
        output=[_text(each) for each in _all(its.OutputsLength, its.Outputs)],
        attribute=[_attribute(each) for each in _all(its.AttributesLength, its.Attributes)],
    )


def _attribute(its: Any) -> AttributeProto:
    values: dict[int, Callable[[], Any]] = {
        AttributeProto.FLOAT: its.F,
        AttributeProto.INT: its.I,
        AttributeProto.STRING: its.S,
        AttributeProto.TENSOR: lambda: _tensor(its.T()),
        AttributeProto.FLOATS: lambda: list(_all(its.FloatsLength, its.Floats)),
        AttributeProto.INTS: lambda: list(_all(its.IntsLength, its.Ints)),
        AttributeProto.STRINGS: lambda: list(_all(its.StringsLength, its.Strings)),
    }
    kind: int = its.Type()
    return helper.make_attribute(_text(its.Name()), values[kind](), attr_type=kind)


def _ordered(nodes: list[NodeProto], known: set[str]) -> list[NodeProto]:
    """So that each comes after what it needs, of which some is `known` at first."""
    found: list[NodeProto] = []
    while len(found) < len(nodes):
        ready = [each for each in nodes if each.output[0] not in known and known >= {*each.input}]
        found += ready
        known |= {name for each in ready for name in each.output}
    return found
