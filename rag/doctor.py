"""A check-up of the model and the index: what is wrong, and how to mend it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

from rag.calibration import SHIPPED, load_calibration
from rag.errors import IndexStateError, ModelError, TemeiError
from rag.index.index import Index
from rag.models.e5 import is_prepared
from rag.models.embeddings import BUNDLED, Embedder, open_embedder
from rag.settings import Settings

CHUNK = 1000
"""Passages compared at a time, which bounds the memory. Chosen by eye; not measured."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; ``detail`` says how to mend it where it is not ``ok``."""

    subject: str
    ok: bool
    detail: str


def examine(settings: Settings, report: Callable[[str], None] = lambda line: None) -> list[Finding]:
    """Return the findings, in the order of the data flow; the first that stops the rest comes last."""
    findings = []
    try:
        embedder = open_embedder(settings.embedding_model, settings.home / "models", report)
        length = float((embedder.encode_passages(["temei"])[0] ** 2).sum() ** 0.5)
        findings.append(Finding("model", abs(length - 1) < 1e-3, f"{embedder.name}, {embedder.dimension} dimensions"))
        if embedder.name == BUNDLED and (settings.home / "models").exists():
            findings.append(_prepared(settings))
        findings.append(_calibration(settings, embedder))
        index = Index(settings, embedder)
        documents = len(index.documents())
        findings.append(Finding("index", True, f"{documents} documents, {len(index)} passages in {settings.home}"))
        findings.append(_search_files(index))
        try:
            findings.append(_database(index))
            findings += [
                _search_index_agrees(index),
                _counts_agree(index),
                _passage_cache_agrees(index),
                _quotes_match(index),
            ]
        except IndexStateError as error:
            findings.append(Finding("database", False, str(error)))
        index.close()
        if settings.chat_model:
            findings.append(_chat(settings))
    except TemeiError as error:
        findings.append(Finding("index" if findings else "model", False, str(error)))
    return findings


def _prepared(settings: Settings) -> Finding:
    whole = is_prepared(settings.home / "models")
    detail = "its files are as they were written"
    return Finding("prepared model", whole, detail if whole else "its files are damaged; ask a question to mend it")


def _calibration(settings: Settings, embedder: Embedder) -> Finding:
    """Say whether the confidence was fitted for the embedding model."""
    found = load_calibration(settings.home, embedder)
    where = "shipped" if found.path == SHIPPED else str(found.path)
    return Finding("calibration", not found.remark, found.remark or f"fitted for {embedder.name} ({where})")


def _chat(settings: Settings) -> Finding:
    """Ask the language model for a word."""
    from rag.chat.generate import probe
    from rag.chat.model import open_chat

    try:
        chat = open_chat(settings)
        if chat is not None:
            probe(chat, settings)
    except ModelError as error:
        return Finding("language model", False, str(error))
    return Finding("language model", True, f"{settings.chat_model} replies")


def _search_files(index: Index) -> Finding:
    """Read every byte of what a question reads; what is damaged is made again, unless it may not be written."""
    damaged = index.check_derived()
    if damaged:
        return Finding("search files", False, f"{damaged}; run: temei ingest, which makes them again")
    return Finding("search files", True, "they are as they were written")


def _database(index: Index) -> Finding:
    """Read all of Chroma's database; raise IndexStateError where it is damaged."""
    index.check_store()
    return Finding("database", True, "it is laid out as it should be")


def _search_index_agrees(index: Index) -> Finding:
    ours, theirs = set(index.search_index().ids), {passage.id for passage in index.scan()}
    detail = f"{len(ours)} passages in BM25, as in Chroma"
    if ours != theirs:
        detail = f"BM25 and Chroma differ by {len(ours ^ theirs)} passages; run: temei ingest --rebuild"
    return Finding("lexical index", ours == theirs, detail)


def _passage_cache_agrees(index: Index) -> Finding:
    total = wrong = 0
    stored = index.scan()
    while some := {passage.id: passage for passage in itertools.islice(stored, CHUNK)}:
        held = index.cached_passages(list(some))
        total += len(some)
        wrong += sum(held.get(name) != passage for name, passage in some.items())
    detail = f"{total} passages as in Chroma"
    if wrong:
        detail = f"{wrong} passages differ from Chroma; run: temei ingest --rebuild"
    return Finding("passage cache", not wrong, detail)


def _counts_agree(index: Index) -> Finding:
    held: dict[str, int] = {}
    for passage in index.scan():
        held[passage.document_id] = held.get(passage.document_id, 0) + 1
    lacking = [record for record in index.stored_documents() if held.pop(record.id, 0) != record.passages]
    if held:
        return Finding("documents", False, f"passages of {len(held)} unknown documents; run: temei ingest --rebuild")
    if lacking:
        # On a server others may be writing them; only a rebuild knows that nobody is.
        how = "temei ingest --rebuild" if index.settings.chroma_url else "temei ingest"
        return Finding("documents", False, f"{len(lacking)} documents lack passages; run: {how}")
    return Finding("documents", True, "every document has its passages")


def _quotes_match(index: Index) -> Finding:
    texts: dict[str, str] = {}
    wrong = 0
    for passage in index.scan():
        if passage.document_id not in texts:
            document = index.stored_document(passage.document_id)
            texts = {passage.document_id: document.text if document else ""}
        wrong += texts[passage.document_id][passage.start : passage.end] != passage.text
    detail = "every passage is a span of its document"
    if wrong:
        detail = f"{wrong} passages differ from their document; run: temei ingest --rebuild"
    return Finding("quotes", not wrong, detail)
