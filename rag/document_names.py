"""The names of documents: what each is called, and which of them a question names.

A document is called by its title, the name of its file, and the names at its beginning: the heads and parties of a
contract, the number of a law. A question names a document with a word for its kind, such as "agreement", "Legea" or
"regulamentului", beside words of such a name. Words alone name nothing: where a document is titled "Library", "the
library" is no document.
"""

from __future__ import annotations

import math
import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np
import regex

from rag.index.index import Index
from rag.text.document_kinds import ANY, kinds
from rag.text.language import fold, shared_beginning
from rag.types import Passage

OPENING = 1500
"""Characters of a document's beginning in which names are looked for: the parties of a contract stand there."""
FIRST_PASSAGES = 3
"""Passages that have these characters."""
MOST_OPENINGS = 5000
"""Documents whose openings are read; of further ones only titles and file names are known. Reading takes 30 µs each."""
NAMING = 300
"""Characters of the opening in which a document says of what kind it is."""
BUCKET = 4
"""Letters by which inflected words are looked up."""

_WORD = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]{2}|[\p{L}\p{M}\p{N}]+")
_CAMEL = regex.compile(r"(?<=\p{Ll})(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})|_")
_NAME = regex.compile(r"\p{Lu}|\p{N}|\p{Lo}")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text: its span, folded, and whether it is written as a name is, with a capital letter or a figure."""

    start: int
    end: int
    text: str
    is_name: bool


def words_of(text: str) -> list[Word]:
    """Return the words of a text with their places; Chinese and Japanese in pairs of characters."""
    return [
        Word(found.start(), found.end(), fold(found.group()), bool(_NAME.match(found.group())))
        for found in _WORD.finditer(text)
    ]


@dataclass(frozen=True, slots=True)
class Called:
    """A document as it is called: its id and title, what its file is called, and the kinds of documents it may be."""

    document_id: str
    title: str
    stem: str
    kinds: frozenset[str]


@dataclass(frozen=True, slots=True)
class DocumentNames:
    """What the documents of one state of the index are called.

    ``holders`` says which documents a word belongs to, by number: those with it in their title or file name are in
    ``titled`` as well. ``alike`` are the words that begin with the same `BUCKET` letters. ``whole`` has the number of
    each document by its title and by its file's name, folded.
    """

    documents: Sequence[Called]
    holders: dict[str, frozenset[int]]
    titled: dict[str, frozenset[int]]
    alike: dict[str, tuple[str, ...]]
    whole: dict[str, int]

    @classmethod
    def of(cls, documents: Iterable[tuple[Called, str, str]]) -> DocumentNames:
        """Return the names of documents, each given with the words of its title and file, and its opening."""
        called: list[Called] = []
        holders: defaultdict[str, set[int]] = defaultdict(set)
        titled: defaultdict[str, set[int]] = defaultdict(set)
        for number, (document, title, opening) in enumerate(documents):
            called.append(document)
            for word in words_of(_CAMEL.sub(" ", title)):
                titled[word.text].add(number)
                holders[word.text].add(number)
            for word in words_of(opening):
                if word.is_name:
                    holders[word.text].add(number)
        alike: defaultdict[str, list[str]] = defaultdict(list)
        for text in holders:
            alike[text[:BUCKET]].append(text)
        return cls(
            called,
            {word: frozenset(found) for word, found in holders.items()},
            {word: frozenset(found) for word, found in titled.items()},
            {head: tuple(found) for head, found in alike.items()},
            {fold(name): number for number, one in enumerate(called) for name in (one.title, one.stem)},
        )

    def __len__(self) -> int:
        return len(self.documents)

    def with_word(self, word: str, *, title: bool = False) -> frozenset[int]:
        """Return the documents that are called by a folded word, whatever its ending; if ``title``, in their titles."""
        known = self.titled if title else self.holders
        if word.isdecimal() or len(word) < BUCKET:
            return known.get(word, frozenset())
        found = (known.get(other, frozenset()) for other in self.alike.get(word[:BUCKET], ()) if is_alike(word, other))
        return frozenset().union(*found)

    def rarity(self, found: frozenset[int]) -> float:
        """Return how much a word tells that so many documents are called by: 1 for one of them, near 0 for all."""
        count = len(self)
        return math.log((count + 1) / (len(found) + 0.5)) / math.log((count + 1) / 1.5) if count > 1 else 1.0


def is_alike(word: str, other: str) -> bool:
    """Return whether two folded words are one but for the ending."""
    if word == other:
        return True
    shorter, longer = sorted((word, other), key=len)
    shared = shared_beginning(shorter, longer)
    return shared >= max(BUCKET, math.ceil(0.75 * len(shorter))) and len(longer) - shared <= 4


class NamesOf:
    """Keeps the names of the documents in an index until the index changes; safe to share between threads."""

    def __init__(self) -> None:
        self._kept: tuple[str, DocumentNames] | None = None
        self._making = threading.Lock()

    def __call__(self, index: Index) -> DocumentNames:
        generation = index.search_index().generation
        with self._making:
            if self._kept is None or self._kept[0] != generation:
                self._kept = generation, _read(index)
            return self._kept[1]


def _read(index: Index) -> DocumentNames:
    """Return the names of all documents of an index."""
    search_index = index.search_index()
    _, first = np.unique(search_index.document_of, return_index=True)
    starts = np.sort(first)[:MOST_OPENINGS]
    near = np.unique(np.clip(starts[:, None] + np.arange(FIRST_PASSAGES), 0, len(search_index) - 1))
    openings: defaultdict[str, list[Passage]] = defaultdict(list)
    for passage in index.passages_at(search_index, near.tolist()).values():
        if passage.start < OPENING:
            openings[passage.document_id].append(passage)

    def named(document_id: str, title: str, source: str) -> tuple[Called, str, str]:
        passages = sorted(openings.get(document_id, ()), key=lambda passage: passage.start)
        path = "\n".join(part for passage in passages for part in passage.path)
        opening = path + "\n" + "\n".join(passage.text for passage in passages)[:OPENING]
        stem = PurePath(source).stem
        told = f"{title}\n{stem}"
        of_kinds = frozenset(
            kind for word in words_of(f"{_CAMEL.sub(' ', told)}\n{opening[:NAMING]}") for kind in kinds(word.text)
        )
        return Called(document_id, title, stem, of_kinds - {ANY}), told, opening

    return DocumentNames.of(named(record.id, record.title, record.source) for record in index.documents())
