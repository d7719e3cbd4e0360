"""Build an index of the documents of a question set.

The index is kept under ``TEMEI_HOME/eval`` until the documents, the settings or the code change.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from eval.cached_embedder import CachedEmbedder
from eval.code_files import code_files
from eval.sets.dataset import Dataset
from ingest import pipeline
from ingest.add import add_document
from rag.calibration import Calibration, load_calibration
from rag.chain import Temei
from rag.index.index import Index
from rag.models.embeddings import Embedder, open_embedder
from rag.settings import Settings

KEEP_DAYS = 14
MAKES_AN_INDEX = pipeline.__name__
"""The module whose code, with all that it imports, an index depends on."""
Advance = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


def open_corpus(
    dataset: Dataset,
    settings: Settings,
    *,
    embedder: Embedder | None = None,
    calibration: Calibration | None = None,
    checked: bool = True,
    report: Callable[[str], None] = lambda line: None,
    advance: Advance = lambda what, done, total: None,
) -> Temei:
    """Return Temei over exactly the documents of a question set; ingest the documents that are missing.

    Args:
        calibration: what turns evidence into confidence; where omitted, that of the model in ``settings.home``.
        checked: False keeps what a language model writes unchecked.

    Raises:
        LockedIndexError: another process is ingesting the same documents.
    """
    embedder = embedder or open_embedder(settings.embedding_model, settings.home / "models", report)
    calibration = calibration or load_calibration(settings.home, embedder)
    home = settings.home / "eval" / _key(dataset, settings, embedder)
    _forget_old(home)
    home.mkdir(parents=True, exist_ok=True)
    # Never on a server: the measured documents must not mix with documents that others search.
    settings = settings.model_copy(update={"home": home, "chroma_url": ""})
    index = Index(settings, _cached(dataset, embedder, home.parent), create=True)
    known = {record.id for record in index.documents()}
    missing = {name: document for name, document in dataset.documents.items() if document.id not in known}
    if missing:
        with index.writing():
            for number, (name, document) in enumerate(missing.items()):
                advance("ingesting", number, len(missing))
                add_document(document, index, where=name)
        advance("ingesting", len(missing), len(missing))
    index.close()
    (home / "used").touch()
    return Temei(settings, report=report, embedder=embedder, calibration=calibration, checked=checked)


def _cached(dataset: Dataset, embedder: Embedder, folder: Path) -> Embedder:
    """Return the embedder for ingestion; with distractors, one that keeps vectors when the code changes."""
    return CachedEmbedder(embedder, folder) if "distractors" in dataset.options else embedder


def _key(dataset: Dataset, settings: Settings, embedder: Embedder) -> str:
    """Return a hash of everything that the index depends on: documents, code and settings."""
    hashed = hashlib.sha256(f"{embedder.name}\0{settings.passage_tokens}\0".encode())
    for name, document in sorted(dataset.documents.items()):
        hashed.update(f"{name}\0{document.id}\0{document.title}\0{document.language}\0{document.body}\0".encode())
    for path in code_files(MAKES_AN_INDEX):
        hashed.update(path.read_bytes())
    return hashed.hexdigest()[:16]


def _forget_old(home: Path) -> None:
    """Remove the indexes that no run has used for `KEEP_DAYS`."""
    for stamp in home.parent.glob("*/used"):
        if stamp.parent != home and time.time() - stamp.stat().st_mtime > KEEP_DAYS * 86400:
            shutil.rmtree(stamp.parent, ignore_errors=True)
