"""Splitting: a document to passages, runs of whole sentences within a token budget.

Every passage is ``document.text[start:end]``, and together they cover every character of the body that is not blank.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import regex

from ingest.boundaries import boundaries
from rag.tables import columns_below
from rag.tokens import count_tokens
from rag.types import Document, Passage, Span

MAX_CHARS_PER_TOKEN = 16
"""A piece longer than this many characters a token is over the budget without counting (counting is not linear)."""

WINDOW = 20_000
"""Characters that are split into sentences at a time: the library's time grows faster than its input."""

_WORD = regex.compile(r"[\p{L}\p{N}]")
_MARK = regex.compile(r"(?:>[> \t]*+\n?[ \t]*+)++(?:[-*+•▪◦‣·][ \t]+)?|[-*+•▪◦‣·][ \t]+")
"""What marks a line as quoted from a letter, or as an item of a list."""
_CLAUSE_END = regex.compile(r"(?<=[,;:)\]}»”–—…،؛、，；：]|\s-)\s*+(?=\S)|(?<!\n)\n++(?=\S)")
_BLANK = regex.compile(r"(?<=\s)(?=\S)")


@dataclass(frozen=True, slots=True)
class _Piece:
    start: int
    end: int
    tokens: int


def sentence_spans(text: str, language: str) -> Iterator[Span]:
    """Yield the spans of the sentences of a text, without surrounding blanks; together they cover all else."""
    at = 0
    while at < len(text):
        window = text[at : at + WINDOW]
        ends = boundaries(window, language)
        if at + WINDOW >= len(text) or not ends:  # else the last sentence may go on behind the window
            ends.append(len(window))
        for start, end in pairwise([0, *ends]):
            yield from _trimmed(text, at + start, at + end)
        at += ends[-1]


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    piece = text[start:end]
    left = len(piece) - len(piece.lstrip())
    if left < len(piece):
        yield start + left, start + len(piece.rstrip())


def split(document: Document, max_tokens: int) -> list[Passage]:
    """Return the document's passages in order, each of at most ``max_tokens`` tokens.

    Neighbours share one sentence where that fits. A sentence over the budget is split on clause punctuation, then on
    blanks, then anywhere.
    """
    body = document.text[document.body :]
    pieces: list[_Piece] = []
    for start, end in sentence_spans(body, document.language):
        pieces += _within_budget(document.text, start + document.body, end + document.body, max_tokens)
    passages: list[Passage] = []
    for passage in (_passage(document, run) for run in _runs(document.text, pieces, max_tokens)):
        columns = _columns(document.text, passages[-1], passage) if passages else ()
        passages.append(replace(passage, columns=columns))
    return passages


def _columns(text: str, before: Passage, passage: Passage) -> tuple[str, ...]:
    """Return the names of the columns of the table that a passage begins in, where the one before ends in it."""
    last, first = before.sentences[-1], passage.sentences[0]
    return columns_below(before, None if last == first else text[last[1] : first[0]])


def _runs(text: str, pieces: list[_Piece], max_tokens: int) -> Iterator[list[_Piece]]:
    def fits(first: int, last: int) -> bool:
        return _count(text, pieces[first].start, pieces[last].end, max_tokens) <= max_tokens

    first = 0
    while first < len(pieces):
        last, tokens = first, pieces[first].tokens
        while last + 1 < len(pieces) and tokens + pieces[last + 1].tokens <= max_tokens:
            last += 1
            tokens += pieces[last].tokens
        # The sum is an estimate: blanks between pieces are tokens too, and pieces may share a token.
        while last > first and not fits(first, last):
            last -= 1
        while last + 1 < len(pieces) and fits(first, last + 1):
            last += 1
        yield pieces[first : last + 1]
        overlaps = last + 1 < len(pieces) and last > first and fits(last, last + 1)
        first = last if overlaps else last + 1


def _passage(document: Document, run: list[_Piece]) -> Passage:
    start, end = run[0].start, run[-1].end
    text = document.text[start:end]
    spans = [(piece.start, piece.end) for piece in run]
    # A stray full stop is covered by the passage but is no sentence to quote.
    spoken = [_quotable(document.text, a, b) for a, b in spans if _WORD.search(document.text, a, b)]
    return Passage(
        id=passage_id(document.id, start, end, document.language),
        document_id=document.id,
        title=document.title,
        source=document.source,
        start=start,
        end=end,
        text=text,
        language=document.language,
        sentences=tuple(spoken or spans),
        page=bisect_right(document.pages, start),
        page_breaks=tuple(at for at in document.pages if start < at < end),
    )


def _quotable(text: str, start: int, end: int) -> Span:
    """Return the span without what marks it as quoted, as an item of a list or as a row of a table."""
    if (mark := _MARK.match(text, start, end)) is not None:
        start = mark.end()
    elif text[start] == "|" == text[end - 1] and text.find("\n", start, end) < 0:
        start, end = start + 1, end - 1
    return next(_trimmed(text, start, end))


def passage_id(document_id: str, start: int, end: int, language: str) -> str:
    """Return the id of a passage: a hash of what determines it."""
    return hashlib.sha256(f"{document_id} {start} {end} {language}".encode()).hexdigest()[:32]


def _within_budget(text: str, start: int, end: int, max_tokens: int) -> Iterator[_Piece]:
    """Yield a span as pieces within the budget: cut at the mildest boundary, neighbours joined while they fit."""
    tokens = _count(text, start, end, max_tokens)
    if tokens <= max_tokens or end - start == 1:
        yield _Piece(start, end, tokens)
        return
    stretches = list(_stretches(text, start, end))
    joined = _joined(text, stretches, max_tokens)
    # Tokens do not quite add up, so that all may seem to fit what the count above says it does not.
    for a, b in joined if len(joined) > 1 else stretches:
        yield from _within_budget(text, a, b, max_tokens)


def _joined(text: str, stretches: list[Span], max_tokens: int) -> list[Span]:
    joined: list[Span] = []
    total = 0
    for start, end in stretches:
        tokens = _count(text, start, end, max_tokens) + 1
        if joined and total + tokens <= max_tokens:
            joined[-1], total = (joined[-1][0], end), total + tokens
        else:
            joined.append((start, end))
            total = tokens
    return joined


def _stretches(text: str, start: int, end: int) -> Iterator[Span]:
    cuts = [(start + end) // 2]
    for boundary in (_CLAUSE_END, _BLANK):
        found = [match.end() for match in boundary.finditer(text, start, end) if start < match.end() < end]
        if found:
            cuts = found
            break
    for a, b in pairwise([start, *cuts, end]):
        yield from _trimmed(text, a, b)


def _count(text: str, start: int, end: int, max_tokens: int) -> int:
    """Return the number of tokens of a span, or one more than the budget where it is far over."""
    if end - start > MAX_CHARS_PER_TOKEN * max_tokens:
        return max_tokens + 1
    return count_tokens(text[start:end])
