"""Dense search: find the nearest passages by comparing all of them in half of the dimensions, and the best in all.

The vectors lie in int8 in files beside those of BM25, mapped into memory. Most of the time goes into reading them. So
the vectors of the first step are short, and lie in the order in which they are read. Their dimensions are the principal
components of the vectors: of the nearest vectors, 98 to 99% are among the best 20 times as many as are asked for. Up to
some hundred thousand passages this is faster than a graph (HNSW), and it misses less: a graph loses passages that
differ from the rest, such as a few articles among many laws. ``docs/experiments.md`` has the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.files.memmap import create, let_go, load
from rag.models.onnx_graph import quantise, shared_session
from rag.types import Floats

VectorsOf = Callable[[Sequence[str]], Floats]
"""From passage ids to their vectors, shape (n, dimension); zero for one that has none."""

ZERO = 128
"""Zero point of the uint8 query."""
CHUNK = 4096
"""Vectors multiplied at a time, which bounds the memory. Chosen by eye; not measured."""
SAMPLE = 8192
"""Vectors that tell in which directions all of them differ."""
SHORTLIST = 20
"""How many vectors are looked at in full for each one asked for."""
BLOCK = 32
"""Vectors that lie side by side in the first step, dimension by dimension: as many as one product takes.

``CHUNK`` is a multiple of it.
"""
LARGEST_GROUP = 64
"""Most scores of which only the best is compared at first, in `best`. Chosen by eye; not measured."""
PRODUCT = Path(__file__).with_name("product.onnx")
FILES = ("vectors", "steps", "directions", "firsts")


@dataclass(frozen=True)
class Int8Vectors:
    """Vectors in int8, shape (n, dimension), each with the size of its steps, shape (n,).

    ``directions``, shape (dimension, half), give the dimensions of the first step; ``firsts`` are the vectors in these,
    less what all have in common, in int8 with steps of one size, shape (blocks, half, BLOCK), the last block filled up
    with zeros.
    """

    vectors: NDArray[np.int8]
    steps: Floats
    directions: Floats
    firsts: NDArray[np.int8]

    @classmethod
    def write(cls, folder: Path, ids: Sequence[str], vectors_of: VectorsOf, dimension: int) -> None:
        """Write the vectors of passages in their order."""
        mean, directions, largest = _differences(ids, vectors_of, dimension)
        half = directions.shape[1]
        vectors = create(folder / "vectors.npy", np.int8, (len(ids), dimension))
        firsts = create(folder / "firsts.npy", np.int8, (-(-len(ids) // BLOCK), half, BLOCK))
        steps = np.zeros(len(ids), dtype=np.float32)
        for start in range(0, len(ids), CHUNK):
            part = slice(start, start + CHUNK)
            some = vectors_of(ids[part])
            vectors[part], steps[part] = quantise(some, np.int8)
            levels = np.clip(np.rint((some - mean) @ directions * (127 / largest)), -127, 127)
            filled = np.pad(levels, ((0, -len(levels) % BLOCK), (0, 0)))
            blocks = filled.reshape(-1, BLOCK, half).transpose(0, 2, 1)
            firsts[start // BLOCK : start // BLOCK + len(blocks)] = blocks
            let_go(vectors)
            let_go(firsts)
        vectors.flush()
        firsts.flush()
        np.save(folder / "steps.npy", steps)
        np.save(folder / "directions.npy", directions)

    @classmethod
    def load(cls, folder: Path) -> Int8Vectors:
        """Return what was written in a folder.

        Raises:
            OSError, ValueError: it is not there, or not laid out like this.
        """
        loaded = cls(*(load(folder / f"{name}.npy") for name in FILES))
        count, dimension = loaded.vectors.shape
        half = loaded.directions.shape[1]
        shapes = [array.shape for array in (loaded.steps, loaded.directions, loaded.firsts)]
        if shapes != [(count,), (dimension, half), (-(-count // BLOCK), half, BLOCK)]:
            raise ValueError(f"{folder} holds vectors in another layout")
        return loaded

    def __len__(self) -> int:
        return len(self.steps)

    def nearest(self, query: Floats, count: int, allowed: NDArray[np.bool_] | None = None) -> list[int]:
        """Return the rows of the ``count`` vectors with the largest product with a query's, the largest first."""
        if not len(self):
            return []
        first = query @ self.directions
        asked = (np.rint(first * (127 / (float(np.abs(first).max()) or 1.0))) + ZERO).astype(np.uint8)
        (found,) = shared_session(PRODUCT).run(None, {"query": asked[None, None], "vectors": self.firsts})
        rows = best(found.ravel()[: len(self)], SHORTLIST * count, allowed)
        products = (self.vectors[rows].astype(np.float32) @ query) * self.steps[rows]
        return [int(row) for row in rows[np.lexsort((rows, -products))][:count]]


def _differences(ids: Sequence[str], vectors_of: VectorsOf, dimension: int) -> tuple[Floats, Floats, float]:
    """Return the mean of the vectors, half as many directions as dimensions, and how far they differ at most.

    They are the directions in which they differ most, orthonormal columns; some vectors stand for all.
    """
    rows = np.unique(np.linspace(0, max(len(ids) - 1, 0), min(SAMPLE, len(ids))).astype(int)).tolist()
    some = vectors_of([ids[row] for row in rows]) if rows else np.zeros((1, dimension), dtype=np.float32)
    mean = some.mean(axis=0)
    _, found = np.linalg.eigh((some - mean).T @ (some - mean))
    directions = np.ascontiguousarray(found[:, dimension // 2 :], dtype=np.float32)
    return mean, directions, float(np.abs((some - mean) @ directions).max()) or 1.0


def best(values: NDArray[Any], count: int, allowed: NDArray[np.bool_] | None = None) -> NDArray[np.intp]:
    """Return the positions of at least the ``count`` largest values that are allowed, in order of position.

    The values are divided into groups, and the largest value of each group is found. Every value is returned that
    reaches the ``count``-th largest of these. That gives a few more than asked for, and takes an eighth of the time of
    partitioning all values.
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
