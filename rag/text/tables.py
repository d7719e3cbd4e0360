"""Tables in a passage: find which sentences are rows, and write each row with the names of its columns.

A table is written as in Markdown, ``| a | b |`` with a rule below the names of the columns. A table from HTML or Word
is written as ``a | b`` with a blank line between rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import regex

from rag.types import Passage, Span

_ROW = regex.compile(r"[^|\n]*+(?:\|[^|\n]*+)++")
_NEXT_ROW = regex.compile(r"[ \t]*+(?:\|[ \t]*+)?\n\s*+(?:\|[ \t]*+)?")
_RULED = regex.compile(r"[ \t]*+(?:\|[ \t]*+)?\n[ \t]*+\|?(?:[ \t]*+:?-++:?[ \t]*+\|?)++[ \t]*+\n\s*+(?:\|[ \t]*+)?")
"""What stands between two rows, and between the names of the columns and the first row."""
_DIGIT = regex.compile(r"\p{N}")
KEPT = 64
"""Passages whose rows are kept: the reader and the ranking of sentences ask for those of the same few."""
LEAST_ROWS = 3
"""Rows of a table without a rule whose first may be the names of its columns."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of a table; ``columns`` are empty where their names are not known, or this row is those."""

    cells: tuple[str, ...]
    columns: tuple[str, ...] = ()
    is_header: bool = False

    @property
    def text(self) -> str:
        """The row as it is embedded and read: every cell behind the name of its column."""
        return "".join(before + self.cells[number] for before, number in self.parts())

    def parts(self) -> Iterator[tuple[str, int]]:
        """Yield what stands before each cell in that text, and the number of the cell; empty cells are left out."""
        columns = self.columns or ("",) * len(self.cells)
        comma = ""
        for number, (column, cell) in enumerate(zip(columns, self.cells, strict=True)):
            if cell:
                yield comma + (f"{column}: " if column else ""), number
                comma = ", "


def table_rows(passage: Passage, text: str | None = None) -> Mapping[int, TableRow]:
    """Return the rows of tables among a passage's sentences, by number; those of the last few passages are kept.

    Args:
        text: to take the cells from in place of the passage's; of the same length.
    """
    text = passage.text if text is None else text
    if "|" not in text:
        return {}
    spans = tuple((start - passage.start, end - passage.start) for start, end in passage.sentences)
    return _rows(text, spans, passage.columns)


@lru_cache(maxsize=KEPT)
def _rows(text: str, spans: tuple[Span, ...], columns: tuple[str, ...]) -> Mapping[int, TableRow]:
    rows: dict[int, TableRow] = {}
    for first, table, ruled in _tables(text, spans):
        above = columns if first == 0 and not ruled and len(table[0]) == len(columns) else ()
        if len(table) < 2 and not above:
            continue  # a pipe in prose
        header = not above and (ruled or _names_columns(table))
        names = above or (table[0] if header else ())
        for number, cells in enumerate(table):
            is_header = header and not number
            named = names if not is_header and len(cells) == len(names) else ()
            rows[first + number] = TableRow(cells, named, is_header)
    return MappingProxyType(rows)


def columns_below(passage: Passage, gap: str | None) -> tuple[str, ...]:
    """Return the names of the columns of the table that goes on behind a passage; none where none does.

    Args:
        gap: the text between its last sentence and the first of the next passage; None where that is the same.
    """
    row = table_rows(passage).get(len(passage.sentences) - 1)
    if row is None or not (gap is None or _NEXT_ROW.fullmatch(gap) or (row.is_header and _RULED.fullmatch(gap))):
        return ()
    return row.cells if row.is_header else row.columns


def cell_spans(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield where the cells of the row ``text[start:end]`` lie in the text, without the blanks around them."""
    for cell in text[start:end].split("|"):
        begin = start + len(cell) - len(cell.lstrip())
        yield begin, begin + len(cell.strip())
        start += len(cell) + 1


def _tables(text: str, spans: Sequence[Span]) -> Iterator[tuple[int, list[tuple[str, ...]], bool]]:
    """Yield the number of each table's first sentence, its rows, and whether there is a rule below the first."""
    first, table, ruled = 0, list[tuple[str, ...]](), False
    edge = 0
    for number, (start, end) in enumerate(spans):
        gap = text[edge:start]
        edge = end
        cells = tuple(text[a:b] for a, b in cell_spans(text, start, end)) if _ROW.fullmatch(text, start, end) else ()
        rule = len(table) == 1 and bool(_RULED.fullmatch(gap))
        if table and not (cells and (rule or _NEXT_ROW.fullmatch(gap))):
            yield first, table, ruled
            table = []
        if cells and not table:
            first, ruled = number, False
        if cells:
            ruled = ruled or rule
            table.append(cells)
    if table:
        yield first, table, ruled


def _names_columns(table: Sequence[tuple[str, ...]]) -> bool:
    """Return whether the first row alone has no figure in a column of figures."""
    head, *rows = table
    return len(table) >= LEAST_ROWS and any(
        not _DIGIT.search(name) and all(len(row) > at and _DIGIT.search(row[at]) for row in rows)
        for at, name in enumerate(head)
    )
