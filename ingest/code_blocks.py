"""Blocks of code between fences, as Markdown has them: each is one sentence, whatever stands in it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

import regex

from rag.text.markup import FENCES
from rag.types import Span

_FENCED = regex.compile(
    r"^[ ]{0,3}(?P<fence>```|~~~)[^\n]*\n(?:(?![ ]{0,3}(?P=fence)[`~]{0,9}[ \t]{0,9}$)[^\n]*\n)*+"
    r"[ ]{0,3}(?P=fence)[`~]{0,9}[ \t]{0,9}$",
    regex.MULTILINE,
)


def with_whole_blocks(text: str, sentences: Iterable[Span], body: int) -> Iterator[Span]:
    """Yield the spans of the sentences, and each fenced block of code as one; some have blanks around them."""
    blocks = [match.span() for match in _FENCED.finditer(text, body)] if any(f in text for f in FENCES) else []
    starts = [start for start, _ in blocks]
    done = body
    for start, end in sentences:
        for first, last in blocks[max(bisect_right(starts, start) - 1, 0) : bisect_left(starts, end)]:
            if last <= max(start, done):
                continue
            if first > max(start, done):
                yield max(start, done), first
            yield first, last
            done = last
        if end > done:
            yield max(start, done), end
