"""Nearest passages by looking at every one: their vectors in int8 in a file beside BM25's, mapped into memory.

The file is read from end to end once a question, which is what takes the time, so it is laid out in that order.

Up to some hundred thousand passages this is quicker than a graph (HNSW) and misses nothing, where a graph loses the
passages that lie apart from the rest: a few articles among many laws. ``docs/experiments.md`` has the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.graph import shared_session
from rag.mapped import create, let_go, load
from rag.vectors import quantise

Floats = NDArray[np.float32]
VectorsOf = Callable[[Sequence[str]], Floats]
"""From passage ids to their vectors, shape (n, dimension); zero for one that has none."""

ZERO = 128
"""What stands for zero in a query, whose numbers are without a sign."""
CHUNK = 4096
BLOCK = 32
"""Vectors stored side by side, dimension by dimension: as many as one product takes, so that the file is read in order.

``CHUNK`` is a multiple of it.
"""
LARGEST_GROUP = 64
PRODUCT = Path(__file__).with_name("product.onnx")


@dataclass(frozen=True)
class Flat:
    """Vectors in int8, shape (blocks, dimension, BLOCK), each with the size of its steps, shape (n,).

    The last block is filled up with zeros.
    """

    vectors: NDArray[np.int8]
    steps: Floats

    @classmethod
    def write(cls, folder: Path, ids: Sequence[str], vectors_of: VectorsOf, dimension: int) -> None:
        """Write the vectors of passages in their order."""
        blocks = create(folder / "vectors.npy", np.int8, (-(-len(ids) // BLOCK), dimension, BLOCK))
        steps = np.zeros(len(ids), dtype=np.float32)
        for start in range(0, len(ids), CHUNK):
            levels, steps[start : start + CHUNK] = quantise(vectors_of(ids[start : start + CHUNK]), np.int8)
            filled = np.pad(levels, ((0, -len(levels) % BLOCK), (0, 0)))
            part = filled.reshape(-1, BLOCK, dimension).transpose(0, 2, 1)
            blocks[start // BLOCK : start // BLOCK + len(part)] = part
            let_go(blocks)
        blocks.flush()
        np.save(folder / "steps.npy", steps)

    @classmethod
    def load(cls, folder: Path) -> Flat:
        """Return what was written in a folder.

        Raises:
            ValueError: it is not laid out like this.
        """
        vectors, steps = (load(folder / f"{name}.npy") for name in ("vectors", "steps"))
        if vectors.ndim != 3 or vectors.shape[2] != BLOCK or len(vectors) != -(-len(steps) // BLOCK):
            raise ValueError(f"{folder} holds vectors in another layout")
        return cls(vectors, steps)

    def __len__(self) -> int:
        return len(self.steps)

    def nearest(self, query: Floats, count: int, allowed: NDArray[np.bool_] | None = None) -> list[int]:
        """Return the rows of the ``count`` vectors with the largest product with a query's, the largest first."""
        if not len(self):
            return []
        largest = float(np.abs(query).max()) or 1.0
        asked = (np.rint(query * (127 / largest)) + ZERO).astype(np.uint8)
        (found,) = shared_session(PRODUCT).run(None, {"query": asked[None, None], "vectors": self.vectors})
        products = found.ravel()[: len(self)] * self.steps
        rows = best(products, count, allowed)
        return [int(row) for row in rows[np.lexsort((rows, -products[rows]))][:count]]


def best(values: Floats, count: int, allowed: NDArray[np.bool_] | None = None) -> NDArray[np.intp]:
    """Return the positions of at least the ``count`` largest values that are allowed, in order of position.

    Those that reach the ``count``-th largest of the maxima of some values each: a few more than asked for, in an eighth
    of the time of partitioning all of them.
    """
    if count < 1:
        return np.arange(0)
    if allowed is not None:
        positions = np.flatnonzero(allowed)
        return positions[best(values[positions], count)]
    size = min(max(len(values) // (2 * count), 1), LARGEST_GROUP)
    groups = len(values) // size
    if groups <= count:
        return np.arange(len(values))
    # Neighbours, which are often alike, are in different groups.
    largest = values[: groups * size].reshape(size, groups).max(axis=0)
    return np.flatnonzero(values >= np.partition(largest, groups - count)[groups - count])


def product() -> Any:
    """Return ``product.onnx``: int32 products of a uint8 query with int8 vectors, as the processor has them at once."""
    import onnx
    from onnx import TensorProto, helper

    node = helper.make_node("MatMulInteger", ["query", "vectors", "zero"], ["products"])
    graph = helper.make_graph(
        [node],
        "temei-product",
        [
            helper.make_tensor_value_info("query", TensorProto.UINT8, [1, 1, "dimension"]),
            helper.make_tensor_value_info("vectors", TensorProto.INT8, ["blocks", "dimension", BLOCK]),
        ],
        [helper.make_tensor_value_info("products", TensorProto.INT32, ["blocks", 1, BLOCK])],
        [onnx.numpy_helper.from_array(np.array(ZERO, dtype=np.uint8), "zero")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
