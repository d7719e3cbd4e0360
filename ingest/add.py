"""Add one document to an index: split it into passages, embed their sentences, store both."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ingest.bounds import costing_only
from ingest.split import split
from rag.errors import DocumentError
from rag.index.index import Index
from rag.index.paths import embed_paths, under_paths
from rag.index.records import sentence_texts
from rag.models.embeddings import Embedder
from rag.types import Document, Floats, Passage

Advance = Callable[[str, int, int], None]
"""Called with a source, the sentences embedded of it so far, and how many it has."""

SLICE = 200
"""Passages that are embedded and stored at a time, so that a large document takes no more memory than a small one."""


def add_document(
    document: Document,
    index: Index,
    *,
    where: str,
    ingested: str = "",
    raw: str = "",
    advance: Advance = lambda source, done, total: None,
) -> None:
    """Split, embed and store one document, found at the path ``where``, ``ingested`` now or at that ISO 8601 time.

    Raises:
        DocumentError: its text cannot be split or embedded; nothing of it stays in the index.
    """
    with costing_only(document.source):
        passages = split(document, index.settings.passage_tokens)
    total = len({span for passage in passages for span in passage.sentences})
    done = 0

    def embedded(count: int) -> None:
        nonlocal done
        done += count
        advance(document.source, done, total)

    last: dict[str, Floats] = {}
    paths: dict[str, Floats] = {}
    for start in range(0, len(passages), SLICE):
        some = passages[start : start + SLICE]
        try:
            with costing_only(document.source):
                texts = [sentence_texts(passage) for passage in some]
                sentences = _embed(some, texts, last, index.embedder, embedded)
                paths = embed_paths(some, index.embedder, paths)
        except DocumentError:
            index.remove_passages_of([document.id])
            raise
        placed = [under_paths(rows, passage, paths) for rows, passage in zip(sentences, some, strict=True)]
        index.add_passages(some, placed, texts)
        last = {texts[-1][-1]: sentences[-1][-1]}
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    index.add_record(document, len(passages), path=where, ingested=ingested or now, raw=raw)


def _embed(
    passages: Sequence[Passage],
    texts: Sequence[Sequence[str]],
    known: Mapping[str, Floats],
    embedder: Embedder,
    embedded: Callable[[int], None],
) -> list[Floats]:
    """Return the unit vectors of each passage's sentences, from their texts; one that is there twice is made once."""
    spans = {span for passage in passages for span in passage.sentences}
    new = [text for text in dict.fromkeys(itertools.chain.from_iterable(texts)) if text and text not in known]
    vectors = {**known, **dict(zip(new, embedder.encode_passages(new, embedded), strict=True))}
    vectors[""] = np.zeros(embedder.dimension, dtype=np.float32)
    repeated = len(spans) - len(new) - (texts[0][0] in known)
    if repeated > 0:
        embedded(repeated)
    return [np.stack([vectors[text] for text in some]) for some in texts]
