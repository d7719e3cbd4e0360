"""Topic: find what a request is about: which documents or which section it names, and the words that are its topic."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import regex

from rag.index.index import Index
from rag.intent import request_words
from rag.text.language import fold, stem, words
from rag.types import DocumentRecord, Passage, Path

MOST_PASSAGES = 2000
"""Passages whose headings are looked through: a request must not take longer than a question."""
NAMED = 0.5
"""Share of the topic's words that must stand in a title or a heading that is meant by them."""
LEAST_LETTERS = 3
_NUMBER = regex.compile(r"\d+(?:\.\d+)*")
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]")


@dataclass(frozen=True)
class Scope:
    """The documents that a request is about, and the path of headings of a section in them, empty for all of them."""

    document_ids: tuple[str, ...]
    section: Path = ()


def topic_words(request: str) -> list[str]:
    """Return the words of a request that are not those in which people put it, as written."""
    known = request_words()
    spoken = [word for word in words(request) if not _UNSPACED.search(word)]
    return [word for word in spoken if (len(word) >= LEAST_LETTERS and fold(word) not in known) or word.isdecimal()]


def share_named(topic: Sequence[str], text: str, language: str) -> float:
    """Return the share (0..1) of a topic's words that stand in a text, by stem."""
    held = stems(words(text), language)
    return sum(bool(stems([word], language) & held) for word in topic) / len(topic) if topic else 0.0


def stems(some: Collection[str], language: str) -> set[str]:
    """Return words in their stems and without accents."""
    return {fold(stem(word, language)) for word in some}


def scope_of(request: str, index: Index, records: Sequence[DocumentRecord]) -> Scope:
    """Return what a request names among some documents; all of them where it names nothing."""
    every = tuple(record.id for record in records)
    topic = topic_words(request)
    named = [word for word in topic if not word.isdecimal()]
    chosen = every
    if named:
        shares = {r.id: share_named(named, f"{r.title} {r.source}", r.language) for r in records}
        best = max(shares.values(), default=0.0)
        if best >= NAMED:
            chosen = tuple(name for name, share in shares.items() if share == best)
    numbers = _NUMBER.findall(request)
    if (len(chosen) == len(every) and named) or numbers:
        found = _section(named, numbers, _passages(index, chosen))
        return Scope((found[0],), found[1]) if found else Scope(chosen)
    return Scope(chosen)


def section_named(words_of_it: str, index: Index, records: Sequence[DocumentRecord]) -> Path:
    """Return the path of the heading with some words or a number, the first of those that fit best; empty for none."""
    found = _section(words(words_of_it), _NUMBER.findall(words_of_it), _passages(index, [r.id for r in records]))
    return found[1] if found else ()


def _section(named: Sequence[str], numbers: Sequence[str], passages: Sequence[Passage]) -> tuple[str, Path] | None:
    """Return the document and the path of the heading that is named best, by its number or its words."""
    found: dict[tuple[str, Path], float] = {}
    for passage in passages:
        for path in [passage.path, *(path for _, path in passage.sections)]:
            for depth in range(1, len(path) + 1):
                title = path[depth - 1]
                by_number = bool(numbers) and numbers[0] in _NUMBER.findall(title)[:1]
                by_words = share_named(named, title, passage.language)
                if by_number or by_words >= NAMED:
                    found.setdefault((passage.document_id, path[:depth]), 2.0 * by_number + by_words - depth / 100)
    return max(found, key=lambda key: found[key]) if found else None


def _passages(index: Index, document_ids: Sequence[str]) -> list[Passage]:
    search_index = index.search_index()
    rows = np.flatnonzero(search_index.within(document_ids))[:MOST_PASSAGES]
    return sorted(index.passages_at(search_index, rows.tolist()).values(), key=lambda p: (p.document_id, p.start))
