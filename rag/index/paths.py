"""The path of headings in the vectors of sentences: each is moved towards the vector of the path above it.

A path is embedded with the document's title, and once, however many sentences stand under it. So this costs a short
text for each section. To embed the path before every sentence finds a little more and takes up to twice as long
(docs/experiments.md, Headings).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from rag.models.embeddings import Embedder
from rag.types import PATH, Floats, Passage

PATH_WEIGHT = 0.8
"""What the vector of the path above a sentence adds to that of the sentence (docs/experiments.md, Headings)."""


def embed_paths(passages: Iterable[Passage], embedder: Embedder, known: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return the unit vectors of the paths in passages, by their texts; those that are known are not made again."""
    texts = dict.fromkeys(text for passage in passages for text in _texts(passage) if text)
    new = [text for text in texts if text not in known]
    made = dict(zip(new, embedder.encode_passages(new), strict=True)) if new else {}
    return {text: made[text] if text in made else known[text] for text in texts}


def under_paths(sentences: Floats, passage: Passage, paths: Mapping[str, Floats]) -> Floats:
    """Return the vectors of a passage's sentences moved towards those of the paths above them, of unit length again.

    Args:
        sentences: unit vectors, or zero for one that has none; shape (n, dimension).
        paths: as `embed_paths` gives them.
    """
    above = _texts(passage)
    if not any(above):
        return sentences
    nothing = np.zeros(sentences.shape[1], dtype=np.float32)
    moved = sentences + PATH_WEIGHT * np.stack([paths[text] if text else nothing for text in above])
    moved[~sentences.any(axis=1)] = 0
    lengths = np.linalg.norm(moved, axis=1, keepdims=True)
    return np.asarray(moved / np.maximum(lengths, 1e-12), dtype=np.float32)


def _texts(passage: Passage) -> list[str]:
    paths = [passage.path_at(start) for start, _ in passage.sentences]
    return [PATH.join([passage.title, *path]) if path else "" for path in paths]
