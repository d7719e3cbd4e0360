"""Tables in a passage: find which sentences are rows, and write each row with the names of its columns.

A table is written as in Markdown, ``| a | b |`` with a rule below the names of the columns; as ``a | b`` with a blank
line between rows, as it comes from HTML without names of columns; or as lines of plain text (`rag.text.table_lines`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType

import regex

from rag.text.table_lines import PIPE, SIGNS, line_tables, row_cells
from rag.types import Passage, Span

_ROW = regex.compile(r"[^|\n]*+(?:\|[^|\n]*+)++")
_NEXT_ROW = regex.compile(r"[ \t]*+(?:\|[ \t]*+)?\n\s*+(?:\|[ \t]*+)?")
_RULED = regex.compile(r"[ \t]*+(?:\|[ \t]*+)?\n[ \t]*+\|?(?:[ \t]*+:?-++:?[ \t]*+\|?)++[ \t]*+\n\s*+(?:\|[ \t]*+)?")
"""What stands between two rows, and between the names of the columns and the first row."""
_DIGIT = regex.compile(r"\p{N}")
_FIGURE = regex.compile(r"[\p{P}\p{S}\s]*+\p{N}[\p{N}\p{P}\p{S}\s]*+")
KEPT = 64
"""Passages whose rows are kept: the reader and the ranking of sentences ask for those of the same few."""
LEAST_ROWS = 3
"""Rows of a table without a rule whose first may be the names of its columns."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of a table; ``columns`` are empty where their names are not known, or this row is those.

    ``spans`` are where its cells lie in the passage's text. ``group`` is the row above it that names some rows, as
    "Children" does that stands alone above several ages. ``is_header`` says that it names columns or rows, and tells
    nothing. ``table`` is the number of the first sentence of its table.
    """

    cells: tuple[str, ...]
    columns: tuple[str, ...] = ()
    is_header: bool = False
    spans: tuple[Span, ...] = ()
    group: str = ""
    table: int = 0

    @property
    def text(self) -> str:
        """The row as it is embedded and read: every cell behind the name of its column."""
        return "".join(before + self.cells[number] for before, number in self.parts())

    def parts(self) -> Iterator[tuple[str, int]]:
        """Yield what stands before each cell in that text, and the number of the cell; empty cells are left out."""
        columns = self.columns or ("",) * len(self.cells)
        comma = f"{self.group}, " if self.group else ""
        for number, (column, cell) in enumerate(zip(columns, self.cells, strict=True)):
            if cell:
                yield comma + (f"{column}: " if column else ""), number
                comma = ", "


@dataclass(frozen=True, slots=True)
class _Table:
    """The rows of a table as spans of cells; the number of its first sentence, and whether a rule is below that."""

    first: int
    sign: str
    rows: list[tuple[Span, ...]]
    ruled: bool = False


def table_rows(passage: Passage, text: str | None = None) -> Mapping[int, TableRow]:
    """Return the rows of tables among a passage's sentences, by number; those of the last few passages are kept.

    Args:
        text: to take the cells from in place of the passage's; of the same length.
    """
    text = passage.text if text is None else text
    if not any(sign in text for sign in SIGNS):
        return {}
    spans = tuple((start - passage.start, end - passage.start) for start, end in passage.sentences)
    return _rows(text, spans, passage.columns)


@lru_cache(maxsize=KEPT)
def _rows(text: str, spans: tuple[Span, ...], columns: tuple[str, ...]) -> Mapping[int, TableRow]:
    rows: dict[int, TableRow] = {}
    for table in _tables(text, spans, columns):
        cells = [tuple(text[a:b] for a, b in row) for row in table.rows]
        above = columns if table.first == 0 and not table.ruled and len(cells[0]) == len(columns) else ()
        if len(cells) < 2 and not above:
            continue  # a pipe in prose
        header = not above and (table.ruled or _names_columns(cells, table.sign))
        names = above or (cells[0] if header else ())
        group = ""
        for number, row in enumerate(cells):
            is_header = header and not number
            is_group = not is_header and _is_group(cells, number)
            group = row[0] if is_group else group
            named = names if not is_header and not is_group and len(row) == len(names) else ()
            told = TableRow(
                row, named, is_header or is_group, table.rows[number], "" if is_group else group, table.first
            )
            rows[table.first + number] = told
    return MappingProxyType(rows)


def _is_group(table: Sequence[tuple[str, ...]], number: int) -> bool:
    """Return whether a row of at least three cells has only the first, and the next row has more."""
    row = table[number]
    return (
        len(row) > 2
        and bool(row[0])
        and not any(row[1:])
        and number + 1 < len(table)
        and sum(map(bool, table[number + 1])) > 1
    )


def columns_below(passage: Passage, gap: str | None) -> tuple[str, ...]:
    """Return the names of the columns of the table that goes on behind a passage; none where none does.

    Args:
        gap: the text between its last sentence and the first of the next passage; None where that is the same.
    """
    row = table_rows(passage).get(len(passage.sentences) - 1)
    if row is None or not (gap is None or _NEXT_ROW.fullmatch(gap) or (row.is_header and _RULED.fullmatch(gap))):
        return ()
    return row.cells if row.is_header else row.columns


def _tables(text: str, spans: Sequence[Span], columns: Sequence[str]) -> Iterator[_Table]:
    """Yield the tables among sentences; ``columns`` are those of the table in which the text begins."""
    signs = {start: table.sign for table in line_tables(text) if table.sign != PIPE for start, _ in table.rows}
    table: _Table | None = None
    edge = 0
    for number, (start, end) in enumerate(spans):
        gap = text[edge:start]
        edge = end
        sign = PIPE if _ROW.fullmatch(text, start, end) else signs.get(start, "")
        if not sign and columns and (number == 0 or (table is not None and table.first == 0)):
            sign = _sign_of(text, start, end, len(columns))
        rule = table is not None and len(table.rows) == 1 and bool(_RULED.fullmatch(gap))
        if table is not None and not (sign == table.sign and (rule or _NEXT_ROW.fullmatch(gap))):
            yield table
            table = None
        if sign:
            table = _Table(number, sign, []) if table is None else replace(table, ruled=table.ruled or rule)
            table.rows.append(tuple(row_cells(text, start, end, sign)))
    if table is not None:
        yield table


def _sign_of(text: str, start: int, end: int, cells: int) -> str:
    """Return what parts a line of plain text into so many cells; nothing where that is no row."""
    if "\n" in text[start:end]:
        return ""
    return next((s for s in SIGNS if s in text[start:end] and len(row_cells(text, start, end, s)) == cells), "")


def _names_columns(table: Sequence[tuple[str, ...]], sign: str) -> bool:
    """Return whether the first row alone has no figure in a column of figures, or names the columns of a text file."""
    head, *rows = table
    if len(table) < LEAST_ROWS:
        return False
    if sign != PIPE:
        named = [name for name in head if name]
        if len(set(named)) == len(head) and not any(_FIGURE.fullmatch(name) for name in named):
            return True
    return any(
        not _DIGIT.search(name) and all(len(row) > at and _DIGIT.search(row[at]) for row in rows)
        for at, name in enumerate(head)
    )
