"""Splitting: divide a document into passages, runs of whole sentences within a budget of tokens.

Every passage is ``document.text[start:end]``. Together the passages cover every character of the body that is not
blank.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise, takewhile

import regex

from ingest.boundaries import boundaries
from ingest.code_blocks import with_whole_blocks
from rag.text.language import prose
from rag.text.outline import Heading, Place, outline, places
from rag.text.tables import columns_below
from rag.text.tokens import count_tokens
from rag.types import Document, Passage, Span

MAX_CHARS_PER_TOKEN = 16
"""A piece longer than this many characters a token is over the budget without counting (counting is not linear)."""

CHARS_PER_TOKEN = 3
"""Characters that the first passage is guessed to have a token: about as many as Romanian has."""

MOST_GUESSES = 4
"""Times that the length of a passage is guessed by the one before; then by halves, so that no text takes many."""

LEAST_SECTION = 120
"""Characters of a section from which on it has passages of its own, and of short ones that share a passage: about a
heading and a sentence, below which a passage says too little by itself (docs/experiments.md, Headings)."""

WINDOW = 20_000
"""Characters that are split into sentences at a time: the library's time grows faster than its input."""

QUOTES = "`«»‘“„‚‹›「《"
MOST_QUOTES = 500
"""Quotation marks that open in a window, at most: the library looks for the end of each up to the end of the window.

Texts have one in 40 characters at most; of 20,000 such as ``《‚`` a window takes 2.4 s."""

QUOTED_WINDOW = 2_500
"""Characters that are split at a time where there are more."""

_WORD = regex.compile(r"[\p{L}\p{N}]")
_MARK = regex.compile(r"(?:>[> \t]*+\n?[ \t]*+)++(?:[-*+•▪◦‣·][ \t]+)?|[-*+•▪◦‣·][ \t]+")
"""What marks a line as quoted from a letter, or as an item of a list."""
_CLAUSE_END = regex.compile(r"(?<=[,;:)\]}»”–—…،؛、，；：]|\s-)\s*+(?=\S)|(?<!\n)\n++(?=\S)")
_BLANK = regex.compile(r"(?<=\s)(?=\S)")
BOUNDARIES = (_CLAUSE_END, _BLANK)
"""Where a sentence over the budget is cut, the mildest first."""


def sentence_spans(text: str, language: str, told: str | None = None) -> Iterator[Span]:
    """Yield the spans of the sentences of a text, without surrounding blanks; together they cover all else.

    What stands in a tag of HTML ends no sentence.

    Args:
        told: the text with blanks for its HTML, where that is at hand.
    """
    told = prose(text, cut=False) if told is None else told
    at = 0
    while at < len(text):
        window = _window(told, at)
        ends = boundaries(window, language)
        if at + len(window) >= len(text) or not ends:  # else the last sentence may go on behind the window
            ends.append(len(window))
        for start, end in pairwise([0, *ends]):
            yield from _trimmed(text, at + start, at + end)
        at += ends[-1]


def _window(text: str, at: int) -> str:
    window = text[at : at + WINDOW]
    return window[:QUOTED_WINDOW] if sum(map(window.count, QUOTES)) > MOST_QUOTES else window


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    piece = text[start:end]
    left = len(piece) - len(piece.lstrip())
    if left < len(piece):
        yield start + left, start + len(piece.rstrip())


def split(document: Document, max_tokens: int) -> list[Passage]:
    """Return the document's passages in order, each of at most ``max_tokens`` tokens.

    Neighbours share one sentence where that fits. A sentence over the budget is split on clause punctuation, then on
    blanks, then anywhere. No passage goes on behind the end of a section, but for short ones, which are put together.
    """
    body = document.text[document.body :]
    told = document.text[: document.body] + prose(body, cut=False)
    headings = outline(document.text, document.body, document.headings)
    sections = places(document.text, headings, document.title)
    spans = sentence_spans(body, document.language, told[document.body :])
    sentences = [(a + document.body, b + document.body) for a, b in spans]
    pieces: list[Span] = []
    sentences = list(_around(document.text, sentences, headings)) if sections else sentences
    for first, last in with_whole_blocks(document.text, sentences, document.body):
        for start, end in _trimmed(document.text, first, last):
            pieces += _within_budget(document.text, start, end, max_tokens)
    passages: list[Passage] = []
    for group in _groups(pieces, sections):
        for passage in (_passage(document, told, run) for run in _runs(document.text, group, max_tokens)):
            columns = _columns(document.text, passages[-1], passage) if passages else ()
            passages.append(_placed(replace(passage, columns=columns), sections))
    return passages


def _around(text: str, sentences: Iterable[Span], headings: Sequence[Heading]) -> Iterator[Span]:
    """Yield the sentences cut where headings begin and end, and the line of each heading as one."""
    cuts = sorted({edge for heading in headings for edge in heading.edges})
    lines = {heading.start: heading.end for heading in headings if heading.is_line}
    done = 0
    for start, end in sentences:
        for a, b in pairwise([start, *cuts[bisect_right(cuts, start) : bisect_left(cuts, end)], end]):
            if b > done:
                done = max(b, lines.get(a, 0))
                yield from _trimmed(text, a, done)


def _groups(pieces: list[Span], sections: Sequence[Place]) -> Iterator[list[Span]]:
    """Yield the pieces that may share passages: those of a section, or of short ones that follow each other."""
    starts = [start for start, _ in pieces]
    edges = sorted({0, *(bisect_left(starts, section.start) for section in sections), len(pieces)})
    first = 0
    for edge, following in pairwise(edges[1:]):
        behind = pieces[following - 1][1] - pieces[edge][0]
        if max(pieces[edge - 1][1] - pieces[first][0], behind) >= LEAST_SECTION:
            yield pieces[first:edge]
            first = edge
    yield pieces[first:]


def _placed(passage: Passage, sections: Sequence[Place]) -> Passage:
    """Return a passage with the path above it, and where it holds several sections with that of each."""
    first = bisect_right(sections, passage.start, key=_start)
    last = bisect_left(sections, passage.end, key=_start)
    paths = [sections[first - 1].path if first else (), *(section.path for section in sections[first:last])]
    if not any(paths):
        return passage
    shared = tuple(titles[0] for titles in takewhile(lambda titles: len(set(titles)) == 1, zip(*paths, strict=False)))
    inside = [(passage.start, paths[0]), *((s.start, s.path) for s in sections[first:last])] if last > first else []
    name = passage_id(passage.document_id, passage.start, passage.end, passage.language, [shared, *inside])
    return replace(passage, id=name, path=shared, sections=tuple(inside))


def _start(section: Place) -> int:
    return section.start


def _columns(text: str, before: Passage, passage: Passage) -> tuple[str, ...]:
    """Return the names of the columns of the table that a passage begins in, where the one before ends in it."""
    last, first = before.sentences[-1], passage.sentences[0]
    return columns_below(before, None if last == first else text[last[1] : first[0]])


def _runs(text: str, pieces: list[Span], max_tokens: int) -> Iterator[list[Span]]:
    """Yield the pieces of each passage: as many as fit, from the last one of the passage before where that fits."""
    ends = [end for _, end in pieces]
    first, reach = 0, CHARS_PER_TOKEN * max_tokens
    while first < len(pieces):
        last = _last_that_fits(text, pieces, ends, first, reach, max_tokens)
        yield pieces[first : last + 1]
        reach = ends[last] - pieces[first][0]
        overlaps = last > first and last + 1 < len(pieces)
        overlaps = overlaps and _count(text, pieces[last][0], ends[last + 1], max_tokens) <= max_tokens
        first = last if overlaps else last + 1


def _last_that_fits(text: str, pieces: list[Span], ends: list[int], first: int, reach: int, max_tokens: int) -> int:
    """Return the number of the last piece of the passage that begins with ``first``, in a few counts.

    Args:
        reach: about how many characters the passage may have.
    """
    start = pieces[first][0]
    fits, exceeds = first, len(pieces)
    counts = 0
    while exceeds - fits > 1:
        guess = bisect_right(ends, start + reach) - 1 if counts < MOST_GUESSES else (fits + exceeds) // 2
        at = min(max(guess, fits + 1), exceeds - 1)
        tokens = _count(text, start, ends[at], max_tokens)
        if tokens <= max_tokens:
            fits = at
        else:
            exceeds = at
        reach = (ends[at] - start) * max_tokens // tokens
        counts += 1
    return fits


def _passage(document: Document, told: str, spans: list[Span]) -> Passage:
    """Return the passage of some spans; ``told`` is the document's text without HTML, of the same length."""
    start, end = spans[0][0], spans[-1][1]
    text = document.text[start:end]
    # A stray full stop is covered by the passage but is no sentence to quote.
    spoken = [_quotable(told, a, b) for a, b in spans if _WORD.search(told, a, b)]
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
        page_breaks=document.pages[bisect_right(document.pages, start) : bisect_left(document.pages, end)],
    )


def _quotable(text: str, start: int, end: int) -> Span:
    """Return the span without what marks it as quoted, as an item of a list, as a row of a table, or with HTML."""
    start, end = next(_trimmed(text, start, end))
    if (mark := _MARK.match(text, start, end)) is not None:
        start = mark.end()
    elif text[start] == "|" == text[end - 1] and text.find("\n", start, end) < 0:
        start, end = start + 1, end - 1
    return next(_trimmed(text, start, end))


def passage_id(document_id: str, start: int, end: int, language: str, paths: Sequence[object] = ()) -> str:
    """Return the id of a passage: a hash of what determines it and its vectors, so of its paths too."""
    told = f"{document_id} {start} {end} {language}" + (f" {json.dumps(paths)}" if paths else "")
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _within_budget(
    text: str, start: int, end: int, max_tokens: int, boundaries: Sequence[regex.Pattern[str]] = BOUNDARIES
) -> Iterator[Span]:
    """Yield a span as pieces within the budget: cut at the mildest boundary, neighbours joined while they fit.

    Args:
        boundaries: those that the span may have, the mildest first.
    """
    if end - start == 1 or _fits(text, start, end, max_tokens):
        yield start, end
        return
    stretches, boundaries = _stretches(text, start, end, boundaries)
    joined = _joined(text, stretches, max_tokens)
    # The tokens of the parts do not add up exactly to those of the whole. So all parts may seem to fit together,
    # although the count above says that the whole does not fit.
    for a, b in joined if len(joined) > 1 else stretches:
        yield from _within_budget(text, a, b, max_tokens, boundaries)


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


def _stretches(
    text: str, start: int, end: int, boundaries: Sequence[regex.Pattern[str]]
) -> tuple[list[Span], Sequence[regex.Pattern[str]]]:
    """Return the stretches between a span's mildest boundaries, or its halves; and what boundaries these may have."""
    cuts = [(start + end) // 2]
    while boundaries:
        found = [match.end() for match in boundaries[0].finditer(text, start, end) if start < match.end() < end]
        if found:
            cuts = found
            break
        boundaries = boundaries[1:]
    return [span for a, b in pairwise([start, *cuts, end]) for span in _trimmed(text, a, b)], boundaries


def _fits(text: str, start: int, end: int, max_tokens: int) -> bool:
    # No token has less than a byte, and no character more than four.
    return (end - start) * 4 <= max_tokens or _count(text, start, end, max_tokens) <= max_tokens


def _count(text: str, start: int, end: int, max_tokens: int) -> int:
    """Return the number of tokens of a span, or one more than the budget where it is far over."""
    if end - start > MAX_CHARS_PER_TOKEN * max_tokens:
        return max_tokens + 1
    return count_tokens(text[start:end])
