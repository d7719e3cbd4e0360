"""Sentence boundaries: correct those of the library behind abbreviations, and add those of lines that it does not see.

The library (sentencex) knows few abbreviations in most languages: it ends a Romanian sentence behind "alin.", "tel."
and "dl.", and a quote would end there too. It divides neither the items of a list nor the text below the last item. It
does not know rows of a table, fields ("Tel: ..." below "Fax: ..."), numbered clauses and the quoted lines of a letter.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

import regex
import sentencex

from rag.text.table_lines import PIPE, line_tables
from rag.types import Span

TITLES = {
    "de": "hr fr dr prof ing dipl hl",
    "en": "messrs",
    "es": "sr sra srta sres dr dra dña lic ing prof gral sto av avda",
    "fr": "m mm mme mmes mlle mlles dr",
    "hu": "dr ifj id özv prof",
    "it": "sig sigg sig.ra dott dott.ssa prof prof.ssa ing avv arch on",
    "nl": "dhr mevr mw dr prof ing drs",
    "pl": "dr prof mgr inż hab ks św ul al pl",
    "pt": "sr sra dr dra prof profa eng av",
    "ro": "dl d-l dna d-na dra d-ra dr prof ing arh av col lt cpt sf sft mun jud com str bd bdul b-dul acad univ lect"
    " asist ec cf resp",
    "ru": "г-н г-жа проф акад св тов ул просп пер",
}
"""Abbreviations that stand before names, by language, the library's own aside; a sentence goes on behind them."""

_BEFORE_NUMBERS = (
    "tel tél fax nr nrs no núm n art arts fig figs p pp pag pág págs pg cap caps chap ch vol vols sec sect alin lit pct"
    " par ap bl sc et vb afb blz tab abb kap bd s str abs ust pkt poz rys zob ok kb ca cca circa aprox approx env max"
    " min est ext op cit cf crt ed ex liv tít см рис стр ст п пп гл табл тел прим разд"
)
REFERENCES = frozenset(_BEFORE_NUMBERS.split())
"""Abbreviations that stand before numbers, in any language; a sentence goes on behind them where a number follows."""

_LAST_WORD = regex.compile(r"(?<![\p{L}\p{M}\p{N}])([\p{L}\p{M}]+(?:[.-][\p{L}\p{M}]+)*)\.\s*$")
_FULL_STOP = regex.compile(r"[.][)\]}»”’\"']?\s*$")
_NUMBER = regex.compile(r"[\p{N}(§]|[IVXLCDM]+\b|\p{Lu}(?=[\p{N},;)])")
_GAP = regex.compile(r"[ \t\u00a0]*(?:\r?\n[ \t\u00a0]*)?")
_LOOK_BACK = 40
"""Characters before a full stop in which an abbreviation or a title is looked for. Chosen by eye; not measured."""

_ITEM = regex.compile(r"\s*(?:[-*+•]|\(?(?:\p{N}{1,3}|\p{L}|[ivxlc]{2,6})[.)])\s+(?=\S)")
"""What marks an item of a list, as the library has it."""
_FIELD = regex.compile(
    r"^[ \t>*]*+(?:[\p{Lu}\p{Lo}][^\n:.!?|]{0,30}|[\p{L}-]{1,20}):\**[ \t]+\S[^\n]*$", flags=regex.MULTILINE
)
_CLAUSE = regex.compile(r"^[ \t]*(\d{1,3}(?:\.\d{1,3}){1,3})\.?\s+(?=\p{L})", flags=regex.MULTILINE)
_QUOTED_BLANK = regex.compile(r"^[ \t]*>[> \t]*$", flags=regex.MULTILINE)
_ROW = regex.compile(r"^[ \t]*\|.*\|[ \t]*$", flags=regex.MULTILINE)
"""A row of a Markdown table; those of HTML and Word come with a blank line between rows."""


def boundaries(text: str, language: str) -> list[int]:
    """Return where in a text its sentences end, the end of the last excepted."""
    titles = frozenset(TITLES.get(language, "").split())
    ends = {end for end in _library(text, language) if not goes_on(text, end, titles)} | set(_lines(text))
    rows = sorted({*(match.span() for match in _ROW.finditer(text)), *_plain_rows(text)})
    starts = [start for start, _ in rows]

    def in_row(at: int) -> bool:
        before = bisect_left(starts, at) - 1
        return before >= 0 and at < rows[before][1]

    edges = {edge for row in rows for edge in row}
    return sorted(end for end in {end for end in ends if not in_row(end)} | edges if 0 < end < len(text))


def _plain_rows(text: str) -> Iterator[Span]:
    """Yield the lines that are rows of a table in plain text, without those that `_ROW` finds."""
    for table in line_tables(text):
        yield from ((a, b) for a, b in table.rows if not (table.sign == PIPE and text[a] == text[b - 1] == PIPE))


def _library(text: str, language: str, depth: int = 2) -> Iterator[int]:
    """Yield the library's boundaries, and those within what it takes for items of a list, and for items in these."""
    for found in sentencex.get_sentence_boundaries(language, text):
        start, end = found["start_index"], found["end_index"]
        item = _ITEM.match(text, start, end)
        if depth and item is not None:
            yield from (item.end() + inner for inner in _library(text[item.end() : end], language, depth - 1))
        yield end


def _lines(text: str) -> Iterator[int]:
    """Yield where lines begin and end that stand for themselves."""
    yield from (match.start() for match in _QUOTED_BLANK.finditer(text))
    fields = [match.span() for match in _FIELD.finditer(text)]
    ends = {end for _, end in fields}
    for start, end in fields:
        if start - 1 in ends:
            yield start
            if not text[end + 1 : end + 2].islower():  # else it goes on there
                yield end + 1
    clauses = {tuple(map(int, match[1].split("."))): match.start() for match in _CLAUSE.finditer(text)}
    # A line may begin with a figure by chance, but hardly with the next one.
    yield from (at for number, at in clauses.items() if (*number[:-1], number[-1] - 1) in clauses)


def goes_on(text: str, at: int, titles: frozenset[str]) -> bool:
    """Return whether a sentence goes on behind ``at``, where a full stop seems to end it."""
    first = max(0, at - _LOOK_BACK)
    before = text[first:at].rstrip()
    if not _FULL_STOP.search(before):
        return False
    gap = _GAP.match(text, first + len(before))
    if gap is None or gap.end() == len(text) or not gap.group():
        return False
    following = text[gap.end() : gap.end() + 8]
    if following[0].islower() and "\n" not in gap.group():
        return True
    word = _LAST_WORD.search(before)
    if word is None:
        return False
    name = word[1].casefold()
    if name in titles and following[0].isalpha():
        return True
    return (name in REFERENCES or name in titles) and bool(_NUMBER.match(following))
