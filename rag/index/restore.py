"""Make Chroma's files again from the derived files, where Chroma's are damaged or missing.

The passage cache holds every document and passage, and the vectors lie beside it, so no file is read or embedded again.
The damaged files are kept under another name.
"""

from __future__ import annotations

import contextlib
import datetime
import shutil
import sqlite3
from collections.abc import Callable

import numpy as np
from filelock import FileLock

from rag.errors import StaleIndexError
from rag.files.checksums import DamagedError
from rag.index.connection import WRITING
from rag.index.derived_files import Derived
from rag.index.made_by import check_made_by
from rag.index.passage_cache import PassageCache
from rag.index.records import document_metadata
from rag.index.store import Store
from rag.models.embeddings import Embedder
from rag.settings import Settings
from rag.types import Floats, Passage

UNFINISHED = "chroma-unfinished"


def restore(
    derived: Derived,
    settings: Settings,
    embedder: Embedder,
    writer: FileLock,
    embed: Callable[[Passage], Floats],
    *,
    create: bool,
) -> str:
    """Put new files in the place of Chroma's; return what was done in words, or nothing where there was nothing to do.

    Args:
        embed: gives a passage's vectors, for one that is not stored.
        create: begin an empty database where nothing can be saved.
    """
    home = settings.home
    shutil.rmtree(home / UNFINISHED, ignore_errors=True)
    cache = _whole(derived)
    if cache is None and not create:
        return ""
    store = Store(settings, embedder, writer, create=True, accept_stale=True, folder=UNFINISHED)
    documents = _fill(store, cache, derived, settings, embedder, embed) if cache is not None else 0
    store.close()
    kept = ""
    if (home / "chroma").exists():
        kept = f"chroma-damaged-{datetime.datetime.now():%Y%m%d-%H%M%S-%f}"
        (home / "chroma").rename(home / kept)
    (home / UNFINISHED).rename(home / "chroma")
    told = f"what was there is kept in {kept}. " if kept else ""
    if cache is None:
        return f"{told}No document could be saved; to read them again name their files: temei ingest PATH"
    return f"{told}It was made again with its {documents} documents."


def _whole(derived: Derived) -> PassageCache | None:
    """Return a passage cache that is whole and agrees with a generation. Its format does not matter for its texts."""
    for cache in derived.passage_caches():
        with contextlib.suppress(sqlite3.Error, DamagedError):
            if not cache.generation:
                continue
            passages = sum(len(chunk) for chunk in cache.counted())
            if (passages, len(cache.document_rows())) == cache.noted():
                return cache
    return None


def _fill(
    store: Store,
    cache: PassageCache,
    derived: Derived,
    settings: Settings,
    embedder: Embedder,
    embed: Callable[[Passage], Floats],
) -> int:
    """Write all documents, and their passages too where these are the present model's; return how many documents."""
    generation = cache.generation
    store.mark(WRITING)
    rows = [row for row, _ in cache.document_rows()]
    for name, known in cache.documents_at(rows):
        document = cache.document(name, rows)
        if document is None:
            raise DamagedError(f"the passage cache lacks the document {name}")
        store.put_documents([(document, {**document_metadata(document, int(known["passages"])), **known})])
    try:
        check_made_by(cache.made_by, embedder, settings)
    except StaleIndexError:  # the passages are about to be made with the present model
        store.drop_passages()
        return len(rows)
    for chunk in cache.counted():
        found = derived.vectors.of_passages([passage.id for passage in chunk])
        passages = list(cache.passages_at([passage.row for passage in chunk]).values())
        found |= {passage.id: embed(passage)[:1] for passage in passages if passage.id not in found}
        store.put_passages(passages, np.concatenate([found[passage.id] for passage in passages]))
    store.mark(generation)
    return len(rows)
