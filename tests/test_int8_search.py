"""The nearest vectors by looking at all of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from rag.index import int8_search
from rag.index.int8_search import PRODUCT, Int8Vectors, best, product
from rag.types import Floats


def written(folder: Path, vectors: Floats) -> Int8Vectors:
    def vectors_of(ids: Sequence[str]) -> Floats:
        return vectors[[int(name) for name in ids]]

    Int8Vectors.write(folder, [str(row) for row in range(len(vectors))], vectors_of, vectors.shape[1])
    return Int8Vectors.load(folder)


def unit(rows: int, dimension: int, seed: int = 0) -> Floats:
    made = np.random.default_rng(seed).standard_normal((rows, dimension)).astype(np.float32)
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), dtype=np.float32)


def test_it_finds_what_the_exact_products_find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8_search, "CHUNK", 320)
    vectors = unit(1000, 384)
    stored = written(tmp_path, vectors)

    for query in unit(20, 384, seed=1):
        exact = np.argsort(-(vectors @ query))
        found = stored.nearest(query, 50)
        assert len(set(found) & set(exact[:50].tolist())) >= 47
        assert found[0] in exact[:3]
        assert found == stored.nearest(2.5 * query, 50)


def test_vectors_of_any_size_have_their_own_steps(tmp_path: Path) -> None:
    vectors = np.array([[1, 0, 0], [0.001, 0, 0], [0, 0, 0], [-1, 0, 0], [0.5, 0.5, 0]], dtype=np.float32)

    assert written(tmp_path, vectors).nearest(np.array([1, 0.2, 0], dtype=np.float32), 5) == [0, 4, 1, 2, 3]


def test_only_what_is_allowed_and_nothing_of_nothing(tmp_path: Path) -> None:
    vectors = unit(10, 8)
    stored = written(tmp_path, vectors)
    allowed = np.arange(10) % 2 == 1

    assert sorted(stored.nearest(vectors[4], 20, allowed)) == [1, 3, 5, 7, 9]
    assert stored.nearest(vectors[5], 1, allowed) == [5]
    assert stored.nearest(vectors[5], 3, np.zeros(10, dtype=np.bool_)) == []
    assert len(stored.nearest(np.zeros(8, dtype=np.float32), 3)) == 3
    (tmp_path / "empty").mkdir()
    assert written(tmp_path / "empty", np.zeros((0, 8), dtype=np.float32)).nearest(vectors[0], 3) == []


def test_vectors_in_another_layout_are_not_taken_for_these(tmp_path: Path) -> None:
    written(tmp_path, unit(70, 8))
    np.save(tmp_path / "firsts.npy", np.zeros((4, 70), dtype=np.int8))

    with pytest.raises(ValueError, match="layout"):
        Int8Vectors.load(tmp_path)


@pytest.mark.parametrize("size", [1, 5, 64, 300, 1000, 7001])
def test_the_best_are_among_those_picked_by_groups(size: int) -> None:
    values = np.random.default_rng(size).standard_normal(size).astype(np.float32)
    allowed = values < 1

    for count in (0, 1, 20, 100):
        largest = np.argsort(-values)[:count]
        assert set(largest.tolist()) <= set(best(values, count).tolist())
        assert len(best(values, count)) <= max(4 * count, 0)
        permitted = largest_of(values, allowed, count)
        assert set(permitted) <= set(best(values, count, allowed).tolist())
        assert allowed[best(values, count, allowed)].all()


def largest_of(values: Floats, allowed: NDArray[np.bool_], count: int) -> list[int]:
    return sorted(np.flatnonzero(allowed).tolist(), key=lambda row: -values[row])[:count]


def test_the_shipped_product_is_the_one_described() -> None:
    assert onnx.load(str(PRODUCT)) == product()
