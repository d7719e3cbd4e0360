"""Overview: choose sentences that together say what documents are about, word for word.

A document is parted into stretches of about equal length, and the sentence of each that is nearest to the mean of the
whole document's sentences stands for it. So the sentences come from all over the document, in its order. Of several
documents one sentence of each is chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from rag.index.index import Index
from rag.read import Sentence
from rag.text.headings import headings
from rag.text.language import tells_something, words
from rag.types import Floats, Hit, Passage, Span

MOST_SENTENCES, LEAST_SENTENCES = 7, 3
"""Of one document."""
EACH = 12
"""Sentences for which a document gets a further one in its overview."""
MOST_DOCUMENTS = 7
"""Documents that are told of."""
MOST_PASSAGES = 400
"""Passages of a document that are looked at, evenly spread: more would take longer than a question may."""
LONGEST, SHORTEST = 400, 30
"""Characters of a sentence that is chosen where there are others."""


def overview(index: Index, document_ids: Sequence[str]) -> list[Sentence]:
    """Return the sentences of an overview of one document, or one sentence of each of several, the first ones."""
    if len(document_ids) == 1:
        return _of_document(index, document_ids[0], MOST_SENTENCES)
    return [s for document_id in document_ids[:MOST_DOCUMENTS] for s in _of_document(index, document_id, 1)]


def _of_document(index: Index, document_id: str, most: int) -> list[Sentence]:
    found = list(_sentences(index, document_id))
    if not found:
        return []
    vectors = np.stack([vector for *_, vector in found])
    near = vectors @ vectors.mean(0)
    count = min(most, max(LEAST_SENTENCES, len(found) // EACH))
    chosen: dict[tuple[str, ...], Sentence] = {}
    for some in np.array_split(np.arange(len(found)), min(count, len(found))):
        best = max(some.tolist(), key=lambda row: (_fits(found[row]), float(near[row])))
        passage, span, _ = found[best]
        sentence = Sentence(
            Hit(passage, float(near[best]), float(near[best]), 0.0),
            span,
            passage.quote(span),
            float(near[best]),
            float(near[best]),
            0.0,
        )
        chosen.setdefault(tuple(words(sentence.text)), sentence)
    return list(chosen.values())


def _sentences(index: Index, document_id: str) -> Iterator[tuple[Passage, Span, Floats]]:
    """Yield the sentences of a document that say something, in its order, with their vectors of shape (dimension,)."""
    search_index = index.search_index()
    rows = np.flatnonzero(search_index.within([document_id]))
    if len(rows) > MOST_PASSAGES:
        rows = rows[np.linspace(0, len(rows) - 1, MOST_PASSAGES).astype(int)]
    passages = sorted(index.passages_at(search_index, rows.tolist()).values(), key=lambda passage: passage.start)
    vectors = index.vectors([passage.id for passage in passages])
    seen: set[Span] = set()
    for passage in passages:
        of_sentences = vectors[passage.id][1:] if passage.id in vectors else ()
        for span, heading, vector in zip(passage.sentences, headings(passage), of_sentences, strict=False):
            if heading is None and span not in seen and tells_something(passage.quote(span)):
                seen.add(span)
                yield passage, span, vector


def _fits(found: tuple[Passage, Span, Floats]) -> bool:
    _, (start, end), _ = found
    return SHORTEST <= end - start <= LONGEST
