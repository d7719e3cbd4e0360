"""Tables in plain text: lines below each other that are parted in the same way, by what a table is written with.

That is a pipe, a tab, a semicolon, a comma without a blank behind it, or the blanks of columns set below each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import regex

from rag.text.markup import FENCES
from rag.types import Span

PIPE, TAB, SEMICOLON, COMMA, BLANKS = "|", "\t", ";", ",", "  "
SIGNS = (PIPE, TAB, SEMICOLON, COMMA, BLANKS)
"""What may part the cells of a row, the surest first."""
LEAST_LINES = {PIPE: 2, TAB: 3, SEMICOLON: 3, COMMA: 3, BLANKS: 3}
"""Lines below each other from which on they are rows. Chosen by eye; not measured."""
LEAST_CELLS = {PIPE: 2, TAB: 2, SEMICOLON: 3, COMMA: 3, BLANKS: 2}
"""Cells of a row. Chosen by eye; not measured."""
LONGEST_ROW = 2_000
"""Characters of a line that may be a row. Chosen by eye; not measured."""
LONGEST_NAME = 40
"""Characters of the first cells in columns of blanks, on the mean: longer ones are two columns of prose. Chosen by
eye; not measured."""

_CELL = {
    sign: regex.compile(
        rf'(?:^|{regex.escape(sign)})(?:[ \t]*+"((?:[^"\n]|"")*+)"[ \t]*+|([^{regex.escape(sign)}\n]*+))'
    )
    for sign in (SEMICOLON, COMMA)
}
_GAP = regex.compile(r"[ \t]{2,}+|\t")
_LOOSE = regex.compile(r"[,;]\s")
_LETTER_OR_FIGURE = regex.compile(r"[\p{L}\p{N}]")
_LINE = regex.compile(r"[^\n]++")


@dataclass(frozen=True, slots=True)
class LineTable:
    """Rows of a table, ``text[start:end]`` without the blanks around, and the sign that parts their cells."""

    sign: str
    rows: tuple[Span, ...]


def line_tables(text: str) -> list[LineTable]:
    """Return the tables among the lines of a text, in no order; none of blocks of code."""
    found: list[LineTable] = []
    taken: set[int] = set()
    lines = list(_lines(text)) if any(sign in text for sign in SIGNS) else []
    for sign in SIGNS:
        if sign not in text:
            continue
        for run in _runs(text, lines, sign):
            if taken.isdisjoint(start for start, _ in run):
                found.append(LineTable(sign, tuple(run)))
                taken.update(start for start, _ in run)
    return found


def row_cells(text: str, start: int, end: int, sign: str) -> list[Span]:
    """Return where the cells of the row ``text[start:end]`` lie in the text, without blanks and quotes around them."""
    if sign in _CELL and '"' in text[start:end]:
        line = text[start:end]
        spans = [match.span(1) if match[1] is not None else match.span(2) for match in _CELL[sign].finditer(line)]
        return [_trimmed(text, start + a, start + b) for a, b in spans]
    if sign == BLANKS:
        edges = [start, *(edge for gap in _GAP.finditer(text, start, end) for edge in gap.span()), end]
        return list(zip(edges[::2], edges[1::2], strict=True))
    cells = []
    for cell in text[start:end].split(sign):
        cells.append(_trimmed(text, start, start + len(cell)))
        start += len(cell) + 1
    return cells


def _trimmed(text: str, start: int, end: int) -> Span:
    cell = text[start:end]
    begin = start + len(cell) - len(cell.lstrip())
    return begin, begin + len(cell.strip())


def _lines(text: str) -> Iterator[tuple[int, Span]]:
    """Yield the lines that may be rows, each with its number; numbers follow each other where lines do."""
    fenced = False
    number, before = 0, -1
    for line in _LINE.finditer(text):
        number += 1 + (line.start() > before + 1)
        before = line.end()
        start, end = _trimmed(text, *line.span())
        if text.startswith(FENCES, start):
            fenced = not fenced
        elif not fenced and start < end <= start + LONGEST_ROW:
            yield number, (start, end)


def _runs(text: str, lines: Sequence[tuple[int, Span]], sign: str) -> Iterator[list[Span]]:
    """Yield the lines below each other that a sign parts into as many cells."""
    kept = [(number, span, cells) for number, span in lines if (cells := _count(text, span, sign))]
    for _, run in groupby(enumerate(kept), key=lambda one: (one[1][0] - one[0], one[1][2])):
        rows = [span for _, (_, span, _) in run]
        if len(rows) < LEAST_LINES[sign] or (sign == BLANKS and not _are_columns(text, rows)):
            continue
        yield rows


def _count(text: str, span: Span, sign: str) -> int:
    """Return how many cells a line has, 0 where it is none of a table."""
    line = text[span[0] : span[1]]
    if sign not in line:
        return 0
    if sign in (SEMICOLON, COMMA) and _LOOSE.search(regex.sub(r'"[^"\n]*+"', "", line)):
        return 0
    cells = row_cells(text, *span, sign)
    if len(cells) < LEAST_CELLS[sign] or sum(bool(_LETTER_OR_FIGURE.search(text, a, b)) for a, b in cells) < 2:
        return 0
    return len(cells)


def _are_columns(text: str, rows: Sequence[Span]) -> bool:
    """Return whether the cells of every column begin or end below each other, and the first ones are short."""
    if sum(row_cells(text, *row, BLANKS)[0][1] - row[0] for row in rows) > LONGEST_NAME * len(rows):
        return False
    places = []
    for start, end in rows:
        line = text.rfind("\n", 0, start) + 1
        places.append([(a - line, b - line) for a, b in row_cells(text, start, end, BLANKS)])
    columns = list(zip(*places, strict=True))[1:]
    return all(any(max(e) - min(e) <= 2 for e in zip(*column, strict=True)) for column in columns)
