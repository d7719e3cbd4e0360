"""BERT's encoder layers (Devlin et al., 2019) as an ONNX graph that onnxruntime runs quickly on a processor.

Linear layers are int8 per output channel, and their inputs are quantised at run time (``DynamicQuantizeMatMul``).
Attention is onnxruntime's own operator. There is no mask, because a mask takes a quarter of the time: all texts of a
batch have the same length, and one text at a time is as fast as several. onnxruntime's fusion of ``Add`` and
``LayerNormalization`` is five times slower than the two operators, so sessions use only the basic optimisations
(`open_session`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from rag.types import Floats

if TYPE_CHECKING:
    import onnxruntime

Whole = TypeVar("Whole", np.int8, np.int16)

FUSED = "com.microsoft"
EPSILON = 1e-12
"""Added to the variance in a layer normalisation, as the configuration of multilingual-e5-small has it."""


class LayerWeights(Protocol):
    """Where the weights of the layers come from; names are ``l0.q.w``, ``l0.q.b``, … as in `rag.models.weights`."""

    @property
    def hidden(self) -> int: ...

    @property
    def layers(self) -> int: ...

    @property
    def heads(self) -> int: ...

    @property
    def feed_forward(self) -> int: ...

    def tensor(self, name: str) -> Floats:
        """Return a bias or a norm's weights, one dimension."""

    def matrix(self, name: str, inputs: int) -> Floats:
        """Return a linear layer's weights, shape (outputs, inputs)."""


@dataclass
class Graph:
    """An ONNX graph in the making; every operation returns the name of its output.

    ``even`` has for a linear layer what to divide each channel of its input by and its weights to multiply by, shape
    (inputs,): where a few channels are many times larger than the rest, int8 levels are too coarse for these
    (SmoothQuant, Xiao et al., 2023).
    """

    int8: bool = True
    even: Mapping[str, Floats] = field(default_factory=dict)
    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def constant(self, name: str, value: NDArray[Any]) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, operator: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, [output], domain=domain, **attributes))
        return output

    def linear(self, source: str, name: str, weight: Floats, bias: Floats) -> str:
        """Return ``source @ weight.T + bias``; weight has shape (outputs, inputs)."""
        added = self.constant(f"{name}.bias", bias)
        if name in self.even:
            source = self.add("Mul", [source, self.constant(f"{name}.even", 1 / self.even[name])], f"{name}.evened")
            weight = weight * self.even[name]
        if not self.int8:
            product = self.add("MatMul", [source, self.constant(f"{name}.weight", weight.T)], f"{name}.product")
            return self.add("Add", [product, added], name)
        levels, scales = quantise(weight, np.int8)
        stored = [self.constant(f"{name}.levels", levels.T), self.constant(f"{name}.scales", scales)]
        return self.add("DynamicQuantizeMatMul", [source, *stored, "", added], name, FUSED)

    def norm(self, source: str, name: str, weight: Floats, bias: Floats) -> str:
        """Return the layer normalisation of ``source``."""
        stored = [self.constant(f"{name}.weight", weight), self.constant(f"{name}.bias", bias)]
        return self.add("LayerNormalization", [source, *stored], name, epsilon=EPSILON)

    def layers(self, source: str, weights: LayerWeights) -> str:
        """Return the states behind the encoder layers, shape (batch, n, hidden) as ``source``."""
        x = source
        for layer in range(weights.layers):
            x = self._layer(x, f"l{layer}.", weights)
        return x

    def _layer(self, x: str, at: str, weights: LayerWeights) -> str:
        def linear(source: str, part: str) -> str:
            inputs = weights.feed_forward if part == "fo" else weights.hidden
            return self.linear(
                source, at + part, weights.matrix(f"{at}{part}.w", inputs), weights.tensor(f"{at}{part}.b")
            )

        def add_and_norm(source: str, skip: str, part: str) -> str:
            total = self.add("Add", [source, skip], f"{at}{part}.sum")
            return self.norm(total, at + part, weights.tensor(f"{at}{part}.w"), weights.tensor(f"{at}{part}.b"))

        heads = [linear(x, part) for part in "qkv"]
        attended = self.add("MultiHeadAttention", heads, at + "attended", FUSED, num_heads=weights.heads)
        y = add_and_norm(linear(attended, "ao"), x, "aln")
        active = self.add("Gelu", [linear(y, "fi")], at + "active", FUSED)
        return add_and_norm(linear(active, "fo"), y, "oln")

    def model(self, name: str, inputs: dict[str, list[Any]], outputs: dict[str, list[Any]]) -> Any:
        """Return the ONNX model of fp32 ``inputs`` and ``outputs``, given by name with their shapes."""
        from onnx import TensorProto, helper

        def values(shapes: dict[str, list[Any]]) -> list[Any]:
            return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]

        graph = helper.make_graph(self.nodes, name, values(inputs), values(outputs), self.constants)
        opsets = [helper.make_opsetid("", 18), helper.make_opsetid(FUSED, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def quantise(rows: Floats, kind: type[Whole]) -> tuple[NDArray[Whole], Floats]:
    """Return the levels of rows, whole numbers of a kind, symmetric, and the size of each row's steps."""
    most = np.iinfo(kind).max
    steps = np.maximum(np.abs(rows).max(axis=1), 1e-12) / most
    return np.rint(rows / steps[:, None]).astype(kind), steps.astype(np.float32)


def open_session(path: Path, threads: int = 0) -> onnxruntime.InferenceSession:
    """Return a session on ``threads`` processors, all where 0; of one thread, several callers run side by side."""
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # where it was imported before `rag`
    onnxruntime.set_default_logger_severity(3)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.intra_op_num_threads = threads or os.cpu_count() or 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


@cache
def shared_session(path: Path) -> onnxruntime.InferenceSession:
    """Return the one session of a file in this process, of one thread; for files that do not change."""
    return open_session(path, threads=1)
