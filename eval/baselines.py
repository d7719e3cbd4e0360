"""Search in other ways with the same questions, so that a report shows what each part of Temei contributes.

Four baselines search Temei's own passages with Temei's own model: Temei without the reader, BM25 alone, dense search
alone, and the equal-weight rank fusion of these two. The fifth, the tutorial, is LangChain's plain retrieval chain on
the same weights: chunks of 1000 characters with an overlap of 200, torch, Chroma, `similarity_search`. It shares no
code with Temei and takes as long as torch takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eval.corpus import Advance
from eval.records import Found, Record
from eval.runner import DEPTH, BaselineRun, run_baseline
from eval.sets.dataset import Dataset
from eval.tutorial import export_model, open_splitter, open_store
from rag.chain import Temei
from rag.index.search_index import top

RRF = 60
"""The constant of reciprocal rank fusion (Cormack et al., 2009): ``score = sum over rankings of 1 / (60 + rank)``."""

BATCH = 64
"""Passages embedded at a time. Chosen by eye; not measured."""

Ranking = Mapping[str, float]
"""Passages by id with their scores, best first."""


def run_baselines(
    dataset: Dataset,
    temei: Temei,
    records: Sequence[Record],
    *,
    tutorial: bool = False,
    models: Path | None = None,
    advance: Advance = lambda what, done, total: None,
) -> dict[str, BaselineRun]:
    """Search for every question in every other way; ``models`` keeps the tutorial's exported model."""
    names = {document.id: name for name, document in dataset.documents.items()}

    def over(search: Callable[[Temei, str], Ranking]) -> Callable[[Record], list[Found]]:
        return lambda record: _found(temei, names, search(temei, record.standalone_question))

    search_dense = open_dense(temei)

    def search_fused(temei: Temei, question: str) -> Ranking:
        return fuse_ranks([list(search_bm25(temei, question)), list(search_dense(temei, question))])

    def search_unread(temei: Temei, question: str) -> Ranking:
        return {hit.passage.id: hit.score for hit in temei.retrieve(question, DEPTH)}

    runs = {}
    if temei.settings.reader:
        runs["unread"] = run_baseline("Temei without the reader", records, over(search_unread), advance)
    runs |= {
        "bm25": run_baseline("BM25 alone", records, over(search_bm25), advance),
        "dense": run_baseline("Dense alone", records, over(search_dense), advance),
        "rrf": run_baseline("Equal-weight rank fusion", records, over(search_fused), advance),
    }
    if tutorial:
        search = open_tutorial(dataset, models or temei.settings.home / "models", temei.settings.home, advance)
        runs["tutorial"] = run_baseline("LangChain tutorial", records, lambda r: search(r.example.question), advance)
    return runs


def search_bm25(temei: Temei, question: str) -> Ranking:
    """Return the passages by BM25 alone; those without a word of the question are not found."""
    search_index = temei.index.search_index()
    scores, *_ = search_index.words.scores(question)
    best = top(scores, DEPTH)
    return dict(zip(search_index.ids_of(best), map(float, scores[best]), strict=True))


def open_dense(temei: Temei) -> Callable[[Temei, str], Ranking]:
    """Return the search by the cosine of question and passage alone.

    Exact, over all passages: Chroma's approximate search differs from one build of an index to the next.
    """
    ids = temei.index.search_index().ids
    stored = temei.index.vectors(ids)
    matrix = np.stack([stored[name][0] for name in ids])

    def search(temei: Temei, question: str) -> Ranking:
        cosines = matrix @ temei.embedder.encode_query(question)
        return {ids[row]: float(cosines[row]) for row in np.argsort(-cosines, kind="stable")[:DEPTH]}

    return search


def fuse_ranks(rankings: Sequence[Sequence[str]]) -> dict[str, float]:
    """Return ``sum over the rankings of 1 / (60 + rank)`` for everything ranked, best first, ties by name."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, name in enumerate(ranking, 1):
            scores[name] = scores.get(name, 0.0) + 1 / (RRF + rank)
    return dict(sorted(scores.items(), key=lambda item: (-item[1], item[0])))


def _found(temei: Temei, names: Mapping[str, str], ranking: Ranking) -> list[Found]:
    passages = temei.index.passages(list(ranking)[:DEPTH])
    return [
        Found(names[p.document_id], p.start, p.end, ranking[p.id], p.text)
        for p in (passages[name] for name in ranking if name in passages)
    ]


def open_tutorial(
    dataset: Dataset, models: Path, home: Path, advance: Advance = lambda what, done, total: None
) -> Callable[[str], list[Found]]:
    """Return the tutorial's search over the set's documents, its collection kept under ``home``."""
    from langchain_core.documents import Document as Page

    store = open_store(export_model(models), home / "tutorial")
    pages = [Page(document.text, metadata={"source": name}) for name, document in dataset.documents.items()]
    chunks = open_splitter().split_documents(pages)
    # The index holds these documents alone, so the stored chunks are the first ones of this list.
    held = len(store.get(include=[])["ids"])
    for start in range(held, len(chunks), BATCH):
        advance("ingesting for the tutorial", start, len(chunks))
        batch = chunks[start : start + BATCH]
        store.add_documents(batch, ids=[f"{start + number:08}" for number in range(len(batch))])
    advance("ingesting for the tutorial", len(chunks), len(chunks))

    def search(question: str) -> list[Found]:
        hits = store.similarity_search_with_score(question, k=min(DEPTH, len(chunks)))
        return [_chunk(page, -float(distance)) for page, distance in hits]

    return search


def _chunk(page: Any, score: float) -> Found:
    start = int(page.metadata["start_index"])
    return Found(page.metadata["source"], start, start + len(page.page_content), score, page.page_content)
