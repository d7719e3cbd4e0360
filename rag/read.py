"""Reading without a language model: choose the one to three sentences of the hits that answer, word for word.

The score of a sentence is a weighted sum (`WEIGHTS`) of its similarity to the question, the score of its passage, the
share of the question's words that it holds, and what the reader found in it. If the question asks for a date, a number
or a person and the best sentence holds one, a further sentence must hold one too. A heading or a question of the
document is not quoted: the sentence below it gets at least the same similarity (`rag.text.headings`).
``docs/experiments.md`` has the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rag.models.reader import ReaderAnswer
from rag.rerank import evidence
from rag.retrieve import Retrieval
from rag.text.headings import announces, headings
from rag.text.language import stem, words
from rag.text.limits import limits
from rag.text.markup import FENCES
from rag.text.questions import holds, wanted
from rag.text.referring import refers_back
from rag.text.tables import table_rows
from rag.types import PATH, Hit, Span

WEIGHTS = {
    "cosine": 1.0,
    "passage": 1.0,
    "overlap": 0.2,
    "before": 0.05,
    "path": 0.15,
    "found": 0.35,
    "row": 0.3,
}
"""What each kind of evidence adds to the score of a sentence, by the names of `Sentence.evidence`."""

MARGIN, READ_MARGIN = 0.04, 0.17
"""A further sentence is quoted only if it scores within this of the best; the second where the reader looked."""

APART_MARGIN = 0.15
"""The same for a sentence of another passage, if it is the smaller: an answer mostly goes on in its own passage."""

NEXT = 12
"""Characters between two sentences that follow each other, at most: line ends and the mark of an item."""


@dataclass(frozen=True)
class Sentence:
    """A sentence of a hit: its span in the document, its score, cosine and share of the question's words (0..1).

    The last two are at least those of the heading or question right above it. ``found`` is the likeliest short answer
    in it, None where the reader did not look; ``is_heading`` says that it is such a heading or question itself.
    ``evidence`` is what the score sums up, by name: ``cosine``, ``overlap``, ``passage`` (the score of its passage),
    ``before`` (the overlap of the sentence before it), ``path`` (that of the headings above it) and ``found`` (what the
    reader's answer counts, 0 to 1) and ``row`` (how far the question names it, where it is a row of a table).
    """

    hit: Hit
    span: Span
    text: str
    score: float
    cosine: float
    overlap: float
    found: ReaderAnswer | None = None
    is_heading: bool = False
    evidence: Mapping[str, float] = field(default_factory=dict, compare=False)


def rank_sentences(retrieval: Retrieval) -> list[Sentence]:
    """Return the sentences of the hits, best first, each sentence of a document once, and headings last."""
    weights = retrieval.word_weights
    kind = wanted(retrieval.query)
    ranked: dict[tuple[str, Span], Sentence] = {}
    for hit in retrieval.hits:
        passage = hit.passage
        before = above = told = 0.0
        answers = retrieval.answers.get(passage.id) or (None,) * len(passage.sentences)
        rows = retrieval.rows.get(passage.id, {})
        for number, (span, cosine, found, heading) in enumerate(
            zip(passage.sentences, retrieval.sentences[passage.id].tolist(), answers, headings(passage), strict=True)
        ):
            text = passage.quote(span)
            near, overlap = max(cosine, above), max(_overlap(text, passage.language, weights), told)
            seen = {
                "cosine": near,
                "passage": hit.score,
                "overlap": overlap,
                "before": before,
                "path": _overlap(PATH.join(passage.path_at(span[0])), passage.language, weights),
                "found": evidence(found) if found else 0.0,
                "row": rows.get(number, 0.0),
            }
            score = sum(WEIGHTS[name] * value for name, value in seen.items())
            is_heading = heading is not None and heading.says_nothing(kind is not None and holds(text, kind))
            sentence = Sentence(hit, span, text, score, near, overlap, found, is_heading, seen)
            key = (passage.document_id, span)
            if key not in ranked or ranked[key].score < score:
                ranked[key] = sentence
            before = overlap
            above, told = (near, overlap) if heading and heading.to_the_next else (0.0, 0.0)
    return sorted(ranked.values(), key=lambda s: (s.is_heading, -s.score, s.hit.passage.document_id, s.span))


def choose(ranked: list[Sentence], limit: int, question: str = "") -> list[Sentence]:
    """Return at most ``limit`` sentences in source order: the best, and others nearly as good that say more.

    A sentence right beside the best that limits it, an exception or a denial for others, comes on top of these.

    Where ``question`` asks for a date, a number or a person and the best holds one, the others must. What ends in a
    colon is followed by what it announces, and what stands above a block of code by that. What only refers to the
    sentence before it, and code, come with that. Beside a row of a table no other is quoted that the question names
    less.
    """
    kind = wanted(question)
    if kind is not None and ranked and not holds(ranked[0].text, kind):
        kind = None
    margin = READ_MARGIN if ranked and ranked[0].found else MARGIN
    chosen: list[Sentence] = []
    seen: set[tuple[str, ...]] = set()
    announced = [*_referred_to(ranked), *_announced(ranked)]
    for sentence in [*ranked[:1], *announced, *ranked[1:]]:
        content = tuple(words(sentence.text))
        behind = ranked[0].score - sentence.score
        told = sentence in announced
        if told:
            behind = 0.0
        if len(chosen) == limit or behind > margin or (sentence.is_heading and not ranked[0].is_heading):
            break
        if behind > APART_MARGIN and sentence.hit.passage.id != ranked[0].hit.passage.id:
            continue
        if behind > MARGIN and not _is_in_section_of(ranked[0], sentence):
            continue
        if (
            _is_row(ranked[0])
            and _is_row(sentence)
            and sentence.evidence.get("row", 0) < ranked[0].evidence.get("row", 0)
        ):
            continue
        if content and content not in seen and (told or kind is None or holds(sentence.text, kind)):
            chosen.append(sentence)
            seen.add(content)
    chosen += [sentence for sentence in _limiting(ranked) if sentence not in chosen]
    order = list(dict.fromkeys(sentence.hit.passage.document_id for sentence in chosen))
    return sorted(chosen, key=lambda s: (order.index(s.hit.passage.document_id), s.span))


def _is_row(sentence: Sentence) -> bool:
    """Return whether a sentence is a row of a table."""
    passage = sentence.hit.passage
    return any(passage.sentences[number] == sentence.span for number in table_rows(passage))


def _is_in_section_of(best: Sentence, other: Sentence) -> bool:
    """Return whether a sentence stands under the same headings as the best one, or in another document."""
    one, two = best.hit.passage, other.hit.passage
    return one.document_id != two.document_id or one.path_at(best.span[0]) == two.path_at(other.span[0])


def _referred_to(ranked: list[Sentence]) -> list[Sentence]:
    """Return the sentence right before the best one, where that only refers to it or is code; none else."""
    if not ranked or not (refers_back(ranked[0].text) or ranked[0].text.startswith(FENCES)):
        return []
    best = ranked[0]
    passage = best.hit.passage
    before = [
        s
        for s in ranked[1:]
        if s.hit.passage.document_id == passage.document_id and best.span[0] - NEXT <= s.span[1] <= best.span[0]
    ]
    same = [s for s in before if s.hit.passage.path_at(s.span[0]) == passage.path_at(best.span[0])]
    return [s for s in same if not s.is_heading][:1]


def _beside(ranked: Sequence[Sentence], step: int) -> list[Sentence]:
    """Return the sentence so many places after the best one in its passage; none where there is none."""
    best, spans = ranked[0], ranked[0].hit.passage.sentences
    row = spans.index(best.span) + step if best.span in spans else -1
    if not 0 <= row < len(spans):
        return []
    document = best.hit.passage.document_id
    return [s for s in ranked[1:] if s.span == spans[row] and s.hit.passage.document_id == document]


def _announced(ranked: Sequence[Sentence]) -> list[Sentence]:
    """Return the sentence that the best one announces, by a colon at its end or as code; none where it does not."""
    found = _beside(ranked, 1) if ranked else []
    code = [s for s in found if s.text.startswith(FENCES) and not ranked[0].text.startswith(FENCES)]
    return found if found and announces(ranked[0].text) else code


def _limiting(ranked: Sequence[Sentence]) -> list[Sentence]:
    """Return the sentence beside the best one that limits it, the one after it first; none where neither does."""
    if not ranked or ranked[0].is_heading:
        return []
    best, language = ranked[0], ranked[0].hit.passage.language
    beside = [*_beside(ranked, 1), *_beside(ranked, -1)]
    same = [s for s in beside if not s.is_heading and _is_in_section_of(best, s)]
    return [s for s in same if limits(s.text, best.text, language)][:1]


def _overlap(text: str, language: str, weights: Mapping[str, float]) -> float:
    """Return the share of the question's weight whose words, by stem, stand in the text."""
    found = {stem(word, language) for word in words(text)}
    total = sum(weights.values())
    return sum(w for word, w in weights.items() if stem(word, language) in found) / total if total else 0.0
