"""Overview: choose sentences that together say what documents are about, word for word.

A document is parted at its headings, or into stretches of about equal length where it has none or many, and the
sentence of each part that is nearest to the mean of the whole document's sentences stands for it. So the sentences come
from all over the document, in its order. Of several documents one sentence of each is chosen. What says nearly the same
as a sentence that was chosen is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from rag.index.index import Index
from rag.read import Sentence
from rag.text.headings import headings
from rag.text.language import tells_something
from rag.types import Floats, Hit, Passage, Path, Span

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
SAME = 0.96
"""Cosine from which two sentences say nearly the same. Chosen by eye; not measured."""

Found = tuple[Passage, Span, Floats]
"""A sentence with its passage and its vector, of shape (dimension,)."""


def overview(index: Index, document_ids: Sequence[str], section: Path = ()) -> list[Sentence]:
    """Return the sentences of an overview of one document, or one sentence of each of several, the first ones.

    Args:
        section: the path of headings of the section that is wanted, all of the document where it is empty.
    """
    if len(document_ids) == 1:
        return _of_document(index, document_ids[0], MOST_SENTENCES, section)
    return [s for document_id in document_ids[:MOST_DOCUMENTS] for s in _of_document(index, document_id, 1)]


def _of_document(index: Index, document_id: str, most: int, section: Path = ()) -> list[Sentence]:
    found = [one for one in _sentences(index, document_id) if one[0].path_at(one[1][0])[: len(section)] == section]
    if not found:
        return []
    vectors = np.stack([vector for *_, vector in found])
    near = vectors @ vectors.mean(0)
    chosen: list[int] = []
    for rows in _parts(found, most, len(section)):
        new = [row for row in rows if not chosen or float((vectors[chosen] @ vectors[row]).max()) < SAME]
        if new:
            chosen.append(max(new, key=lambda row: (_fits(found[row]), float(near[row]))))
    return [_sentence(found[row], float(near[row])) for row in chosen]


def _parts(found: Sequence[Found], most: int, depth: int) -> list[list[int]]:
    """Return the rows of a document's parts: its sections below a depth of headings, or stretches of equal length."""
    sections: dict[Path, list[int]] = {}
    for row, (passage, (start, _), _) in enumerate(found):
        sections.setdefault(passage.path_at(start)[: depth + 1], []).append(row)
    if LEAST_SENTENCES <= len(sections) <= most:
        return list(sections.values())
    count = min(most, max(LEAST_SENTENCES, len(found) // EACH), len(found))
    return [some.tolist() for some in np.array_split(np.arange(len(found)), count)]


def _sentence(found: Found, near: float) -> Sentence:
    passage, span, _ = found
    return Sentence(Hit(passage, near, near, 0.0), span, passage.quote(span), near, near, 0.0)


def _sentences(index: Index, document_id: str) -> Iterator[Found]:
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


def _fits(found: Found) -> bool:
    _, (start, end), _ = found
    return SHORTEST <= end - start <= LONGEST
