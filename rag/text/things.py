"""Things: the years, months, days of the week and names that a question is about, with where they stand in it.

A follow-up that names another thing of the same kind means that one in place of the earlier: "And on Sundays?" after
"When is the shop open on Saturdays?".
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import regex

from rag.text.language import fold
from rag.text.numbers_names import months, weekdays

WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:['’-][\p{L}\p{M}\p{N}]+)*")
_YEAR = regex.compile(r"1\p{N}{3}|2[01]\p{N}{2}")
_NAME = regex.compile(r"\p{Lu}[\p{L}\p{M}]+(?:['’-][\p{L}\p{M}]+)*")
_JOINS = regex.compile(r" (?:(?:de|of|la|du|del|della|von|van|al|și|and|&) )?")
"""What may stand within a name of several words."""
BESIDE = 5
"""Characters beside a word in which a number says that it is a month: "May 2021"."""
_CERTAIN_DAYS = {"vineri": 4, "duminica": 6}
"""Days that are no words for anything else: beside one of them a doubtful one counts."""


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing of a kind, ``text[start:end]``, and the folded word before it."""

    kind: str
    start: int
    end: int
    before: str = ""

    def words(self, text: str) -> str:
        """Return its words."""
        return text[self.start : self.end]


def things(text: str, empty: Collection[str] = ()) -> list[Thing]:
    """Return the things in a question, in their order.

    Args:
        empty: folded words that name nothing though they may begin a question with a capital letter.
    """
    found: list[Thing] = []
    before = ""
    for word in WORD.finditer(text):
        around = text[max(0, word.start() - BESIDE) : word.end() + BESIDE]
        kind = _kind(word.group(), around, empty)
        last = found[-1] if found else None
        if kind == "name" and last and last.kind == kind and _JOINS.fullmatch(text, last.end, word.start()):
            found[-1] = Thing(kind, last.start, word.end(), last.before)
        elif kind:
            found.append(Thing(kind, word.start(), word.end(), before))
        before = fold(word.group())
    return found


def _kind(word: str, around: str, empty: Collection[str]) -> str:
    folded = fold(word)
    if _YEAR.fullmatch(word):
        return "year"
    if any(weekdays(f"{folded}, {day}") - {number} for day, number in _CERTAIN_DAYS.items()):
        return "weekday"
    if months(f"1 {word}", certain=True) & months(around, certain=True):
        return "month"
    return "name" if folded not in empty and _NAME.fullmatch(word) else ""


def _meant(known: Sequence[Thing], new: Thing) -> Thing | None:
    """Return the one thing in whose place a new one stands: the only one of its kind, or behind the same word."""
    of_kind = [thing for thing in known if thing.kind == new.kind]
    if len(of_kind) != 1:
        of_kind = [thing for thing in of_kind if thing.before == new.before]
    return of_kind[0] if len(of_kind) == 1 else None


def substituted(text: str, question: str, news: Sequence[Thing], empty: Collection[str] = ()) -> str | None:
    """Return a text with its things exchanged for those of a question; None where it is not clear which are meant."""
    known = things(text, empty)
    meant = [(_meant(known, new), new.words(question)) for new in news]
    places = [(thing, words) for thing, words in meant if thing is not None]
    if len(places) < len(news) or len({thing for thing, _ in places}) < len(places):
        return None
    for thing, words in sorted(places, key=lambda place: -place[0].start):
        text = text[: thing.start] + words + text[thing.end :]
    return text


def without(text: str, news: Sequence[Thing], empty: Collection[str] = ()) -> str:
    """Return a text without the things in whose place new ones stand."""
    known = things(text, empty)
    for thing in sorted({thing for new in news if (thing := _meant(known, new))}, key=lambda one: -one.start):
        text = text[: thing.start] + text[thing.end :]
    return text
