"""Lists in a passage: which sentences are items, and what leads to them.

An item begins on a line of its own with a mark, as "-", "•", "2.", "b)" or "(iii)"; what follows it on its line, or
indented below it, belongs to it. Lines without marks are one sentence, which is quoted whole. What leads to a list is
the heading above, or a sentence that ends in a colon.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import regex

from rag.text.headings import HeadingKind, announces, headings
from rag.text.tables import table_rows
from rag.types import Passage, Span

LEAST_ITEMS = 2
KEPT = 64
"""Passages whose lists are kept."""

_MARK = regex.compile(
    r"[ \t>]{0,12}(?:(?P<bullet>[-*+•▪◦‣·–—●○■□☐✓✔➢])|(?P<digit>\p{N}{1,3})[.)]|\(?(?P<letter>\p{L}|[ivxIVX]{2,5})\)"
    r"|\((?P<number>\p{N}{1,3})\)|[①-⑳]|[（(]?[一二三四五六七八九十]{1,3}[）)、])(?=\s|(?<=[）)、]))"
)
_BLANK = regex.compile(r"\n[ \t]*\n")


@dataclass(frozen=True, slots=True)
class Listed:
    """A list in a passage, by numbers of sentences: those of each item, and the one that leads to it, if any."""

    items: tuple[tuple[int, ...], ...]
    lead: int | None = None
    announced: bool = False
    """Whether what leads to it ends in a colon, so that it is quoted with the items."""

    @property
    def sentences(self) -> frozenset[int]:
        """The numbers of all sentences of its items."""
        return frozenset(number for item in self.items for number in item)


@lru_cache(maxsize=KEPT)
def lists_in(passage: Passage) -> tuple[Listed, ...]:
    """Return the lists of a passage, in order."""
    text, spans = passage.text, [(a - passage.start, b - passage.start) for a, b in passage.sentences]
    kinds, rows = headings(passage), table_rows(passage)
    found: list[Listed] = []
    items: list[list[int]] = []
    first, style = 0, ""

    def close() -> None:
        nonlocal items
        if len(items) >= LEAST_ITEMS:
            lead = first - 1 if first and (announces(_of(text, spans[first - 1])) or kinds[first - 1]) else None
            announced = lead is not None and announces(_of(text, spans[lead]))
            found.append(Listed(tuple(map(tuple, items)), lead, announced))
        items = []

    for number, span in enumerate(spans):
        before = spans[number - 1] if number else None
        mark = None if number in rows else _mark(text, span, before)
        below = bool(items) and before is not None and not _BLANK.search(text, before[1], span[0])
        if kinds[number] is HeadingKind.HEADING and mark is None:
            close()
        elif mark is not None:
            if not items:
                first, style = number, mark
            items.append([number])
        elif below and style and _goes_on(text, span, before):
            items[-1].append(number)
        else:
            close()
            style = ""
    close()
    return tuple(found)


def _of(text: str, span: Span) -> str:
    return text[span[0] : span[1]]


def _mark(text: str, span: Span, before: Span | None) -> str | None:
    """Return the style of the mark with which a sentence begins its line; None where it begins none so."""
    line = text.rfind("\n", 0, span[0]) + 1
    if (
        before is not None
        and before[1] > line
        and text[line : before[1]].strip()
        and not _MARK.fullmatch(text[line : before[1]] + " ")
    ):
        return None  # another sentence begins the line
    found = _MARK.match(text, line, min(span[1], line + 40))
    return None if found is None else str(found.lastgroup or "other")


def _goes_on(text: str, span: Span, before: Span | None) -> bool:
    """Return whether a sentence stands on the line of the one before it, or indented below it."""
    if before is None:
        return False
    gap = text[before[1] : span[0]]
    return "\n" not in gap or gap.rsplit("\n", 1)[1].startswith(("  ", "\t"))
