"""Agreement: whether a sentence speaks of the years, months, days, numbers and names of the question, or of others.

"How many branches were opened in 2019?" is not answered by the number of 2021, and "the branch in Timișoara" not by
the one in Cluj, however near the sentences are in meaning. A sentence is looked at with what says what it is about:
the title of its document, the path of headings above it, the names of a table's columns, and the sentences before it in
its passage.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import regex

from rag.text.headings import headings
from rag.text.language import SAME_LANGUAGE, language_share, question_language
from rag.text.numbers_names import Value, latin_words, mentions, months, named, values, weekdays
from rag.types import Passage, Span

CAPITALISED = frozenset(["de", "lb"])
"""Languages in which all nouns are capitalised, so that names cannot be told from them."""
DATES = ("year", "month", "weekday")
KINDS = (*DATES, "number", "name")
AGREED, NEAR, OTHER, ABSENT = WAYS = ("agreed", "near", "other", "absent")

_YEAR = regex.compile(r"(?<![\p{N}.,])(1\p{N}{3}|2[01]\p{N}{2})(?![\p{N}]|[.,]\p{N})")
"""Four figures from 1000 to 2199."""
_NAME = regex.compile(r"(?<=\S[\s(„“\"«])\p{Lu}[\p{L}\p{M}]+(?:[-’']\p{L}[\p{L}\p{M}]*)*")
"""A capitalised word, but the first of a text, with which everything begins."""


@dataclass(frozen=True)
class Mentioned:
    """The things that a question mentions, by kind; each number is the values that it may stand for."""

    year: frozenset[int]
    month: frozenset[int]
    weekday: frozenset[int]
    number: tuple[frozenset[Value], ...]
    name: tuple[str, ...]

    @classmethod
    def of(cls, question: str, language: str) -> Mentioned:
        """Return what a question in a language mentions."""
        years = frozenset(map(int, _YEAR.findall(question)))
        numbers = tuple(each for each in mentions(question, language) if not each & set(map(float, years)))
        return cls(years, months(question, certain=True), weekdays(question), numbers, _names(question, language))

    def __bool__(self) -> bool:
        return any((self.year, self.month, self.weekday, self.number, self.name))


def _names(question: str, language: str) -> tuple[str, ...]:
    """Return the names of a question, but those of months and days; none where every noun is capitalised."""
    if language in CAPITALISED:
        return ()
    names = dict.fromkeys(_NAME.findall(question))
    return tuple(name for name in names if latin_words(name) and not months(name) and not weekdays(name))


@dataclass(frozen=True)
class _Told:
    """A text, with the years, months, days of the week and values that stand in it."""

    text: str
    year: frozenset[int]
    month: frozenset[int]
    weekday: frozenset[int]
    value: frozenset[Value]


@lru_cache(maxsize=4096)
def _told(text: str) -> _Told:
    years = frozenset(map(int, _YEAR.findall(text)))
    return _Told(text, years, months(text, certain=True), weekdays(text), values(text))


def agreement_with(question: str, languages: Collection[str], passage: Passage, span: Span) -> dict[str, float]:
    """Return the `agreement` of a sentence with a question; ``languages`` are those of the corpus."""
    return agreement(Mentioned.of(question, question_language(question, languages)), question, passage, span)


def agreement(asked: Mentioned, question: str, passage: Passage, span: Span) -> dict[str, float]:
    """Return what share (0..1) of the mentioned things stands where, by kind and way; nothing of kinds without any.

    - ``year_agreed``: in the sentence, in the path of headings above it, or in the document's title;
    - ``year_near``: elsewhere before it in the passage, or between two years of the sentence;
    - ``year_other``: in none of these, and the sentence names another year;
    - ``year_absent``: in none of these, and it names no year.

    The same for ``month``, ``weekday``, ``number`` and ``name``; of the last two nothing counts as ``other``.
    """
    if not asked:
        return {}
    said = _told(passage.quote(span))
    path = passage.path_at(span[0])
    above = _told("\n".join([passage.title, *path, *passage.columns, *_headings_above(passage, span)]))
    before = _told(passage.text[: span[1] - passage.start])
    same = language_share(question, passage.language) >= SAME_LANGUAGE if asked.name else True
    shares = dict.fromkeys((f"{kind}_{way}" for kind in KINDS for way in WAYS if getattr(asked, kind)), 0.0)
    for kind in KINDS:
        things = getattr(asked, kind)
        others = getattr(said, kind, ())
        for thing in things:
            if _holds(said, kind, thing, same) or _holds(above, kind, thing, same):
                way = AGREED
            elif _holds(before, kind, thing, same) or (kind == "year" and _is_between(thing, others)):
                way = NEAR
            else:
                way = OTHER if others else ABSENT
            shares[f"{kind}_{way}"] += 1 / len(things)
    return shares


def _holds(told: _Told, kind: str, thing: Any, same_language: bool) -> bool:
    if kind == "name":
        return named(thing, told.text, same_language=same_language)
    return bool(thing & told.value) if kind == "number" else thing in getattr(told, kind)


def _is_between(year: int, years: Collection[int]) -> bool:
    return len(years) > 1 and min(years) < year < max(years)


@lru_cache(maxsize=512)
def _headings_of(passage: Passage) -> tuple[tuple[Span, str], ...]:
    return tuple(
        (span, passage.quote(span))
        for span, kind in zip(passage.sentences, headings(passage), strict=True)
        if kind is not None
    )


def _headings_above(passage: Passage, span: Span) -> list[str]:
    """Return the headings of a passage above a sentence, of several sections only those of its own."""
    begins = max((at for at, _ in passage.sections if at <= span[0]), default=passage.start)
    return [text for place, text in _headings_of(passage) if begins <= place[0] and place[1] <= span[0]]
