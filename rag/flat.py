"""Nearest passages by looking at every one: their vectors in int8 in a file beside BM25's, mapped into memory.

Up to some hundred thousand passages this is quicker than a graph (HNSW) and misses nothing, where a graph loses the
passages that lie apart from the rest: a few articles among many laws. ``docs/experiments.md`` has the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rag.graph import open_session
from rag.mapped import create, let_go

if TYPE_CHECKING:
    import onnxruntime

Floats = NDArray[np.float32]
VectorsOf = Callable[[Sequence[str]], Floats]
"""From passage ids to their vectors, shape (n, dimension); zero for one that has none."""

ZERO = 128
"""What stands for zero in a query, whose numbers are without a sign."""
CHUNK = 4096
BLOCK = 64
PRODUCT = Path(__file__).with_name("product.onnx")


@dataclass(frozen=True)
class Flat:
    """Vectors in int8, shape (dimension, n), each with the size of its steps, shape (n,)."""

    vectors: NDArray[np.int8]
    steps: Floats

    @classmethod
    def write(cls, folder: Path, ids: Sequence[str], vectors_of: VectorsOf, dimension: int) -> None:
        """Write the vectors of passages in their order."""
        vectors = create(folder / "vectors.npy", np.int8, (dimension, len(ids)))
        steps = np.zeros(len(ids), dtype=np.float32)
        for start in range(0, len(ids), CHUNK):
            some = vectors_of(ids[start : start + CHUNK])
            largest = np.abs(some).max(axis=1)
            steps[start : start + CHUNK] = largest / 127
            vectors[:, start : start + CHUNK] = np.rint(some * (127 / np.maximum(largest, 1e-12))[:, None]).T
            let_go(vectors)
        vectors.flush()
        np.save(folder / "steps.npy", steps)

    @classmethod
    def load(cls, folder: Path) -> Flat:
        """Return what was written in a folder."""
        return cls(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("vectors", "steps")))

    def __len__(self) -> int:
        return len(self.steps)

    def nearest(self, query: Floats, count: int, allowed: NDArray[np.bool_] | None = None) -> list[int]:
        """Return the rows of the ``count`` vectors with the largest product with a query's, the largest first."""
        if not len(self):
            return []
        largest = float(np.abs(query).max()) or 1.0
        asked = (np.rint(query * (127 / largest)) + ZERO).astype(np.uint8)
        (found,) = _session().run(None, {"query": asked[None], "vectors": self.vectors})
        products = found[0] * self.steps
        if allowed is not None:
            products[~allowed] = -np.inf
        rows = _at_least_the_best(products, count)
        rows = rows[products[rows] > -np.inf]
        return [int(row) for row in rows[np.lexsort((rows, -products[rows]))][:count]]


@cache
def _session() -> onnxruntime.InferenceSession:
    # Reading all vectors from memory is what takes the time, and two processors read more at once.
    return open_session(PRODUCT, spinning=False)


def _at_least_the_best(values: Floats, count: int) -> NDArray[np.intp]:
    """Return the positions of the ``count`` largest and few others: all that reach the count-th largest block maximum.

    Eight times as quick as partitioning all of them.
    """
    whole = len(values) // BLOCK
    if whole <= count:
        return np.arange(len(values))
    largest = values[: whole * BLOCK].reshape(whole, BLOCK).max(axis=1)
    return np.flatnonzero(values >= np.partition(largest, whole - count)[whole - count])


def product() -> Any:
    """Return ``product.onnx``: int32 products of a uint8 query with int8 vectors, as the processor has them at once."""
    import onnx
    from onnx import TensorProto, helper

    node = helper.make_node("MatMulInteger", ["query", "vectors", "zero"], ["products"])
    graph = helper.make_graph(
        [node],
        "temei-product",
        [
            helper.make_tensor_value_info("query", TensorProto.UINT8, [1, "dimension"]),
            helper.make_tensor_value_info("vectors", TensorProto.INT8, ["dimension", "n"]),
        ],
        [helper.make_tensor_value_info("products", TensorProto.INT32, [1, "n"])],
        [onnx.numpy_helper.from_array(np.array(ZERO, dtype=np.uint8), "zero")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
