"""Make questions that a document answers from its own sentences, in the language of the page.

Candidates come from `ui.page.phrases` and from questions in the document. Each candidate is put to Temei, and it is
kept only where the answer quotes the place that it was made from. The same document gives the same questions.
"""

from __future__ import annotations

import copy
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
from ui.page.render import HIGH

TRIED = (8, 10, 8)
"""Candidates of each kind that are put to Temei for each document."""
LEAST_WORDS = 4
"""Words of a document's own question that is suggested; a shorter one seldom stands alone. Chosen by eye; not
measured."""

_MARKS = regex.compile(r"^[\p{N}\s.):#*•–-]+")
"""What a document's own question may be numbered or marked with."""


def quoting(temei: Temei) -> Temei:
    """Return the same chain on the same index and models without a language model: it asks nobody else."""
    temei.index.search_index()  # so that the copy shares it
    twin = copy.copy(temei)
    twin.settings = temei.settings.model_copy(update={"chat_model": ""})
    return twin


def questions_for(temei: Temei, document_id: str, language: str, count: int = 3) -> list[str]:
    """Return up to ``count`` questions in a language that a document answers, none where there is no such document."""
    return list(itertools.islice(answerable(quoting(temei), document_id, language), count))


def answerable(temei: Temei, document_id: str, language: str) -> Iterator[str]:
    """Yield questions that this document answers: about new places first, and those with solid ground before others.

    It stops looking as soon as nobody asks for more: of each kind, what has solid ground is given at once.
    """
    document = temei.document(document_id)
    if document is None:
        return
    asked = _asked_in(document) if document.language == language else ()
    made = [*asked, *candidates(document, language)]
    places: set[Span] = set()
    later: list[str] = []
    for kind, most in enumerate(TRIED):
        weaker: list[tuple[float, str, Span]] = []
        try:
            for doubt, question, place in _tried(
                temei, document_id, _spread([c for c in made if c.kind == kind], most)
            ):
                if doubt > -HIGH:
                    weaker.append((doubt, question, place))
                elif place in places:
                    later.append(question)
                else:
                    places.add(place)
                    yield question
        except TemeiError:
            return
        for _, question, place in sorted(weaker):
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
