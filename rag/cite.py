"""Citing: turn sentences into the text of an answer and its citations, each with its exact span."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import regex

from rag.read import Sentence
from rag.text.language import prose
from rag.text.markers import MARKER, split_behind_markers
from rag.text.markup import is_markdown, without_markup
from rag.types import Answer, Citation, ShortAnswer

_BLANKS = regex.compile(r"\s+")


def cite(
    sentences: Sequence[Sentence], again: Sequence[Sequence[Sentence]] = (), also: str = ""
) -> tuple[str, tuple[Citation, ...]]:
    """Return the sentences as one text, each followed by its marker, and their citations, numbered from 1.

    Args:
        again: for each sentence those of other documents that say the same; only their markers are shown.
        also: what stands before those.
    """
    said: list[str] = []
    citations: list[Citation] = []
    for sentence, others in zip(sentences, again or [()] * len(sentences), strict=True):
        first = len(citations) + 1
        citations += [citation(number, one) for number, one in enumerate([sentence, *others], first)]
        markers = "".join(f" [{number}]" for number in range(first + 1, len(citations) + 1))
        said.append(f"{as_prose(sentence.text)} [{first}]" + (f" – {also}{markers}" if markers else ""))
    return " ".join(said), tuple(citations)


def citation(number: int, sentence: Sentence) -> Citation:
    """Return the citation of a sentence, under a number."""
    passage = sentence.hit.passage
    start, end = sentence.span
    return Citation(
        number=number,
        document_id=passage.document_id,
        title=passage.title,
        source=passage.source,
        start=start,
        end=end,
        quote=sentence.text,
        score=sentence.score,
        page=passage.page + bisect_right(passage.page_breaks, start) if passage.page else 0,
        path=passage.path_at(start),
    )


def under_titles(citations: Sequence[Citation]) -> str:
    """Return citations as text, each behind the title of its document and its headings."""
    return " ".join(f"{as_prose(c.where)}: {as_prose(c.quote)} [{c.number}]" for c in citations)


def shorten(sentences: Sequence[Sentence], citations: Sequence[Citation] = ()) -> ShortAnswer | None:
    """Return the words that answer by themselves, inside one of the cited sentences; None where none stand out.

    Args:
        citations: of the sentences and others; where omitted, the sentences are numbered from 1.
    """
    numbers = {(c.document_id, c.start): c.number for c in citations}
    found = [
        (numbers.get((s.hit.passage.document_id, s.span[0]), number), s)
        for number, s in enumerate(sentences, 1)
        if s.found and s.found.is_shown
    ]
    if not found:
        return None
    # The answer in the best sentence, not the one that the reader finds likeliest: to the reader, the rows of a table
    # look alike.
    number, sentence = max(found, key=lambda row: row[1].score)
    assert sentence.found is not None
    start, end = sentence.found.span
    return ShortAnswer(sentence.text[start - sentence.span[0] : end - sentence.span[0]], number, start, end)


def without_marks(answer: Answer) -> str:
    """Return the text of an answer where nothing can be set: what it quotes of Markdown is without marks."""
    sources = {citation.number: citation.source for citation in answer.citations}
    parts = []
    for part in split_behind_markers(answer.text):
        marker = MARKER.search(part)
        marked = marker is not None and is_markdown(sources.get(int(marker[1]), ""))
        parts.append(
            f"{without_markup(part[: marker.start()])} {part[marker.start() :]}" if marker and marked else part
        )
    return " ".join(part.strip() for part in parts if part)


def as_prose(quote: str) -> str:
    """Return a quote on one line, as `on_one_line` has it, without HTML that is not code."""
    return on_one_line(quote if "`" in quote else prose(quote, cut=False))


def on_one_line(text: str) -> str:
    """Return a text on one line, its own ``[1]`` in full-width brackets so that only Temei's markers read as such."""
    return _BLANKS.sub(" ", MARKER.sub("［\\1］", text)).strip()
