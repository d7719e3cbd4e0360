"""The numbers of headings: articles, sections and chapters of legal text in several languages, and "1.2 Title"."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import regex

from rag.text.language import fold


class Rank(IntEnum):
    """How high a numbered heading stands; a lower one is above. A bare number is between section and article."""

    ANNEX = 0
    PART = 1
    CHAPTER = 2
    SECTION = 3
    NUMBER = 5
    ARTICLE = 9


_NAMES = {
    Rank.ANNEX: "anexa anexo annex annexe appendix schedule anlage anhang allegato zalacznik melleklet bijlage"
    " приложение cartea book buch livre libro",
    Rank.PART: "partea part teil partie parte resz czesc часть deel titlul title titel titre titulo titolo tytul",
    Rank.CHAPTER: "capitolul cap chapter kapitel chapitre capitulo capitolo fejezet rozdzial hoofdstuk kapitola глава",
    Rank.SECTION: "sectiunea section abschnitt seccion sezione seccao secao szakasz oddzial afdeling раздел",
    Rank.ARTICLE: "articolul art article artikel articulo articolo artigo artykul cikk clanek clause clauza статья чл",
}
"""The words before or behind a number, folded, in Romanian, English, German, French, Spanish, Italian, Portuguese,
Hungarian, Polish, Dutch, Czech, Bulgarian and Russian."""
_RANKS = {name: rank for rank, names in _NAMES.items() for name in names.split()}

_ROMAN = r"[IVXLCDM]{1,9}"
_NUMBER = (
    r"(?:\p{Nd}{1,4}(?:[.\-/^]\p{Nd}{1,3}){0,3}(?:er|[a-z]|[ \t](?:bis|ter))?+|"
    + _ROMAN
    + r"|\p{Lu}|unic[ăa]?|ÎNTÂI|ÎNTÎI)"
)
_ENDED = r"(?:\.?[º°ª])?(?![\p{L}\p{N}])"
_WORD_FIRST = regex.compile(
    rf"(?P<word>\p{{Lu}}\p{{L}}{{2,14}}+)\.?[ \t]{{0,3}}(?:nr\.?[ \t]?)?(?P<number>{_NUMBER}){_ENDED}"
)
_NUMBER_FIRST = regex.compile(rf"(?P<number>{_NUMBER})\.[ \t]{{0,3}}(?:(?P<word>\p{{L}}{{4,14}}+)|(?P<sign>§)){_ENDED}")
_SIGN_FIRST = regex.compile(rf"(?P<sign>§)[ \t\u00a0]{{0,3}}(?P<number>{_NUMBER}){_ENDED}")
_PLAIN = regex.compile(rf"(?P<number>\p{{Nd}}{{1,2}}(?:\.\p{{Nd}}{{1,2}}){{0,3}}\.?|{_ROMAN}\.|\p{{Lu}}\.)[ \t]+(?=\S)")
_DIGITS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


@dataclass(frozen=True, slots=True)
class Label:
    """The number of a heading at the start of a line, and its word: ``line[:end]``.

    ``numbers`` are its parts, as (1, 2) of "1.2"; empty where they cannot be counted. ``kind`` tells "1." from "I." and
    "A.".
    """

    rank: Rank
    end: int
    numbers: tuple[int, ...]
    kind: str = ""


def legal_label(line: str) -> Label | None:
    """Return the label of an article, a section, a chapter or so that a line begins with, None for any other line."""
    if line[:1] == "§":
        found = _SIGN_FIRST.match(line)
    else:
        found = (None if line[:1].isdigit() else _WORD_FIRST.match(line)) or _NUMBER_FIRST.match(line)
    if found is None:
        return None
    word = found.groupdict().get("word")
    rank = Rank.ARTICLE if not word else _RANKS.get(fold(word))
    return None if rank is None else Label(rank, found.end(), _counted(found["number"]))


def plain_label(line: str) -> Label | None:
    """Return the number that a line begins with, as in "1.2 Title", "II. Title" and "A. Title"."""
    found = _PLAIN.match(line)
    if found is None:
        return None
    number = found["number"].rstrip(".")
    kind = "digit" if number[0].isdigit() else "roman" if regex.fullmatch(_ROMAN, number) else "letter"
    return Label(Rank.NUMBER, found.end(), _counted(number, letters=kind == "letter"), kind)


def _counted(number: str, *, letters: bool = False) -> tuple[int, ...]:
    parts = number.split(".")
    if all(part.isdecimal() for part in parts):
        return tuple(map(int, parts))
    if letters:
        return (ord(number) - ord("A") + 1,)
    if not regex.fullmatch(_ROMAN, number):
        return ()
    values = [_DIGITS[letter] for letter in number]
    return (sum(-a if a < b else a for a, b in zip(values, [*values[1:], 0], strict=True)),)
