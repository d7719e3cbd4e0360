"""Keep the vectors of texts on disk, so that a large corpus is embedded once."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from langchain_core.embeddings import Embeddings

from rag.models.e5 import GRAPH_VERSION
from rag.models.embeddings import VERSION, Embedder
from rag.types import Floats

BATCH = 512
"""Texts that are looked up and embedded at a time. Chosen by eye; not measured."""


class CachedEmbedder:
    """An embedder that keeps the vectors of passages under ``folder`` (fp16), until the model changes."""

    def __init__(self, embedder: Embedder, folder: Path) -> None:
        self.embedder = embedder
        self.name = embedder.name
        self.dimension = embedder.dimension
        folder.mkdir(parents=True, exist_ok=True)
        key = hashlib.sha256(f"{embedder.name}\0{GRAPH_VERSION}\0{VERSION}".encode()).hexdigest()[:12]
        path = folder / f"embeddings-{key}.sqlite3"
        self._rows = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
        self._rows.execute("PRAGMA journal_mode=WAL")
        self._rows.execute("PRAGMA synchronous=NORMAL")
        self._rows.execute("CREATE TABLE IF NOT EXISTS vectors (text BLOB PRIMARY KEY, vector BLOB NOT NULL)")

    def encode_query(self, text: str) -> Floats:
        return self.embedder.encode_query(text)

    def encode_passages(self, texts: Sequence[str], done: Callable[[int], None] = lambda count: None) -> Floats:
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for start in range(0, len(texts), BATCH):
            batch = list(texts[start : start + BATCH])
            keys = [hashlib.sha256(text.encode()).digest()[:16] for text in batch]
            found = self._get(keys)
            new = {key: text for key, text in zip(keys, batch, strict=True) if key not in found}
            if new:
                made = self.embedder.encode_passages(list(new.values())).astype(np.float16)
                self._rows.execute("BEGIN")
                rows = [(key, row.tobytes()) for key, row in zip(new, made, strict=True)]
                self._rows.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
                self._rows.execute("COMMIT")
                found |= dict(rows)
            joined = b"".join(found[key] for key in keys)
            vectors[start : start + len(batch)] = np.frombuffer(joined, np.float16).reshape(-1, self.dimension)
            done(len(batch))
        return vectors

    def _get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        marks = ",".join("?" * len(keys))
        return dict(self._rows.execute(f"SELECT text, vector FROM vectors WHERE text IN ({marks})", list(keys)))

    def as_langchain(self) -> Embeddings:
        return self.embedder.as_langchain()
