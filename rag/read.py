"""Reading without a language model: the one to three sentences of the hits that answer, verbatim.

A sentence's score is its similarity to the question, plus the score of its passage, plus the share of the question's
words it holds, plus what the reader found in it; where a date, a number or a person is asked for, a further sentence
must hold one if the best does. ``docs/experiments.md`` has the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rag.language import stem, words
from rag.question import holds, wanted
from rag.reader import Found
from rag.rerank import evidence
from rag.retrieve import Retrieval
from rag.types import Hit, Span

PASSAGE_WEIGHT = 1.0
OVERLAP_WEIGHT = 0.2
BEFORE_WEIGHT = 0.05
"""What the words of the sentence before it add to a sentence."""

READER_WEIGHT = 0.25
"""What a sentence gains in which the reader is certain of an answer."""

MARGIN, READ_MARGIN = 0.04, 0.16
"""A further sentence is quoted only if it scores within this of the best; the second where the reader looked."""

APART_MARGIN = 0.1
"""The same for a sentence of another passage: what goes on with an answer mostly stands beside it."""


@dataclass(frozen=True)
class Sentence:
    """A sentence of a hit: its span in the document, its score, cosine and share of the question's words (0..1).

    ``found`` is the likeliest short answer in it; None where the reader did not look.
    """

    hit: Hit
    span: Span
    text: str
    score: float
    cosine: float
    overlap: float
    found: Found | None = None


def rank_sentences(retrieval: Retrieval) -> list[Sentence]:
    """Return the sentences of the hits, best first, each sentence of a document once."""
    weights = retrieval.word_weights
    ranked: dict[tuple[str, Span], Sentence] = {}
    for hit in retrieval.hits:
        passage = hit.passage
        before = 0.0
        answers = retrieval.answers.get(passage.id) or (None,) * len(passage.sentences)
        for (start, end), cosine, found in zip(
            passage.sentences, retrieval.sentences[passage.id], answers, strict=True
        ):
            text = passage.text[start - passage.start : end - passage.start]
            overlap = _overlap(text, passage.language, weights)
            score = float(cosine) + PASSAGE_WEIGHT * hit.score + OVERLAP_WEIGHT * overlap + BEFORE_WEIGHT * before
            score += READER_WEIGHT * evidence(found) if found else 0.0
            key = (passage.document_id, (start, end))
            if key not in ranked or ranked[key].score < score:
                ranked[key] = Sentence(hit, (start, end), text, score, float(cosine), overlap, found)
            before = overlap
    return sorted(ranked.values(), key=lambda s: (-s.score, s.hit.passage.document_id, s.span))


def choose(ranked: list[Sentence], limit: int, question: str = "") -> list[Sentence]:
    """Return at most ``limit`` sentences in source order: the best, and others nearly as good that say more.

    Where ``question`` asks for a date, a number or a person and the best holds one, the others must.
    """
    kind = wanted(question)
    if kind is not None and ranked and not holds(ranked[0].text, kind):
        kind = None
    margin = READ_MARGIN if ranked and ranked[0].found else MARGIN
    chosen: list[Sentence] = []
    seen: set[tuple[str, ...]] = set()
    for sentence in ranked:
        content = tuple(words(sentence.text))
        behind = ranked[0].score - sentence.score
        if len(chosen) == limit or behind > margin:
            break
        if behind > APART_MARGIN and sentence.hit.passage.id != ranked[0].hit.passage.id:
            continue
        if content and content not in seen and (kind is None or holds(sentence.text, kind)):
            chosen.append(sentence)
            seen.add(content)
    order = list(dict.fromkeys(sentence.hit.passage.document_id for sentence in chosen))
    return sorted(chosen, key=lambda s: (order.index(s.hit.passage.document_id), s.span))


def _overlap(text: str, language: str, weights: Mapping[str, float]) -> float:
    """Return the share of the question's weight whose words, by stem, stand in the text."""
    found = {stem(word, language) for word in words(text)}
    total = sum(weights.values())
    return sum(w for word, w in weights.items() if stem(word, language) in found) / total if total else 0.0
