"""Suggest three questions that the documents answer, made from their own sentences.

Candidates come from `ui.page.phrases` and from questions in the documents. Each candidate is put to Temei, and it is
kept only where the answer quotes the place that it was made from. The same documents give the same questions.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import regex

from ingest.split import sentence_spans
from rag.chain import Temei
from rag.errors import TemeiError
from rag.text.language import prose, words
from rag.text.questions import asks
from rag.types import Document, Span
from ui.page.phrases import LONGEST, LONGEST_QUESTION, Candidate, candidates

TRIED = (8, 10, 8)
"""Candidates of each kind that are put to Temei for each document."""
LEAST_WORDS = 4
"""Words of a document's own question that is suggested; a shorter one seldom stands alone. Chosen by eye; not
measured."""

_MARKS = regex.compile(r"^[\p{N}\s.):#*•–-]+")
"""What a document's own question may be numbered or marked with."""


class Suggestions:
    """Suggested questions, made anew only when the documents have changed."""

    def __init__(self, temei: Temei) -> None:
        self._temei = temei
        self._made: dict[str, tuple[frozenset[str], list[str]]] = {}

    def some(self, language: str) -> list[str]:
        """Return up to three questions."""
        try:
            present = frozenset(record.id for record in self._temei.index.documents())
        except TemeiError:
            return []
        made = self._made.get(language)
        if made is None or made[0] != present:
            made = self._made[language] = (present, suggest(self._temei, language=language))
        return made[1]


def suggest(temei: Temei, count: int = 3, language: str = "ro") -> list[str]:
    """Return up to ``count`` questions, taken in turn from the documents; fewer where little can be asked.

    ``language`` is that of the questions about documents in a language that there are no words for.
    """
    try:
        records = temei.index.documents()
    except TemeiError:
        return []
    # Documents in the visitor's language come first; of many, those that come first are enough.
    records = sorted(records, key=lambda record: record.language != language)[: 2 * count]
    queues = [answerable(temei, record.id, language) for record in records]
    found: list[str] = []
    while queues and len(found) < count:
        for queue in list(queues):
            question = next(queue, None)
            if question is None:
                queues.remove(queue)
            elif question not in found and len(found) < count:
                found.append(question)
    return found


def answerable(temei: Temei, document_id: str, language: str) -> Iterator[str]:
    """Yield questions that this document answers: first about new places, and in each kind by confidence."""
    document = temei.document(document_id)
    if document is None:
        return
    made = [*_asked_in(document), *candidates(document, language)]
    places: set[Span] = set()
    later: list[str] = []
    for kind, most in enumerate(TRIED):
        try:
            tried = list(_tried(temei, document_id, _spread([c for c in made if c.kind == kind], most)))
        except TemeiError:
            return
        for _, question, place in sorted(tried):
            if place in places:
                later.append(question)
            else:
                places.add(place)
                yield question
    yield from later


def _tried(temei: Temei, document_id: str, made: list[Candidate]) -> Iterator[tuple[float, str, Span]]:
    """Yield minus the confidence, the question and the quote, where the answer quotes the place of the question."""
    for candidate in made:
        answer = temei.answer(candidate.question, document_ids=[document_id])
        start, end = candidate.span
        quoted = next((c for c in answer.citations if c.start < end and start < c.end), None)
        if quoted is not None:
            yield -answer.confidence, candidate.question, (quoted.start, quoted.end)


def _asked_in(document: Document) -> Iterator[Candidate]:
    """Yield the document's own questions, each with the span of what stands below it."""
    text = prose(document.text[document.body : document.body + LONGEST], cut=False)
    for (start, end), below in itertools.pairwise(sentence_spans(text, document.language)):
        written = _MARKS.sub("", text[start:end])
        question = " ".join(written.split())
        fits = len(words(question)) >= LEAST_WORDS and len(question) <= LONGEST_QUESTION and "\n" not in written
        if fits and asks(question) and not asks(text[slice(*below)]):
            yield Candidate(question, (document.body + below[0], document.body + below[1]))


def _spread(made: list[Candidate], count: int) -> list[Candidate]:
    """Return at most ``count``, from the whole document where there are more."""
    return made if len(made) <= count else [made[i * len(made) // count] for i in range(count)]
