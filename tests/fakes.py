"""Stand-ins that keep tests quick while what they test stays real."""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Callable, Sequence

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

_WORD = re.compile(r"\w+")


class FakeEmbedder(Embeddings):
    """Hashed bags of words as unit vectors: texts with the same words are near, ranking is real, nothing is slow.

    Args:
        name: as recorded in the index.
        dimension: of the vectors.
        delay: seconds slept for every text embedded.
        stop_at: the number, from 1, of the passage text at which ``stop`` is raised, if any.
        stop: what is raised there, once.
    """

    def __init__(
        self,
        name: str = "fake",
        dimension: int = 64,
        *,
        delay: float = 0.0,
        stop_at: int | None = None,
        stop: type[BaseException] = KeyboardInterrupt,
    ) -> None:
        self.name = name
        self.dimension = dimension
        self.delay = delay
        self.stop_at = stop_at
        self.stop = stop
        self.passages: list[str] = []
        self.queries: list[str] = []

    def _vector(self, text: str) -> NDArray[np.float32]:
        vector = np.zeros(self.dimension, dtype=np.float32)
        for word in _WORD.findall(text.casefold()) or [""]:
            vector[zlib.crc32(word.encode()) % self.dimension] += 1
        return vector / np.linalg.norm(vector)

    def encode_query(self, text: str) -> NDArray[np.float32]:
        self.queries.append(text)
        return self._vector(text)

    def encode_passages(
        self, texts: Sequence[str], done: Callable[[int], None] = lambda count: None
    ) -> NDArray[np.float32]:
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            if self.stop_at is not None and len(self.passages) + 1 >= self.stop_at:
                self.stop_at = None
                raise self.stop
            time.sleep(self.delay)
            vectors[row] = self._vector(text)
            self.passages.append(text)
            done(1)
        return vectors

    def embed_query(self, text: str) -> list[float]:
        return [float(x) for x in self.encode_query(text)]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[float(x) for x in row] for row in self.encode_passages(texts)]

    def as_langchain(self) -> Embeddings:
        return self
