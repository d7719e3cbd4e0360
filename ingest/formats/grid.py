"""Rows of cells to text: a table as in Markdown, so that each row is read with the names of its columns.

Runs in the bounded process, for all formats of tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, time

from ingest.sandbox.child import Limits, tidy, too_long

_FIGURE = re.compile(r"[\s.,%:/€$£+-]*\d[\d\s.,%:/€$£+-]*")
_SEARCHED = 20
"""First rows among which that with the names of the columns is looked for. Chosen by eye; not measured."""
_LONGEST_NAME = 100
"""Characters of the name of a column. Chosen by eye; not measured."""
MOST_COLUMNS = 1_000
"""Cells of a row that are read."""


def cell_text(value: object) -> str:
    """Return a cell's value on one line without pipes, which part cells: 73707.0 is "73707"."""
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    text = str(value)
    if not (text.isascii() and text.isprintable()):
        text = tidy(text)
    return " ".join(text.replace("|", "¦").split()) if "|" in text or " " in text or "\n" in text else text


def grid_text(rows: Iterable[Sequence[object]], limits: Limits) -> str:
    """Return rows as text: the lines above a table as paragraphs, then its rows, below the names of its columns.

    Empty rows are left out, and columns that are empty everywhere.

    Raises:
        FormatError: it is longer than allowed.
    """
    table: list[list[str]] = []
    length = 0
    for row in rows:
        cells = [cell_text(cell) for cell in row[:MOST_COLUMNS]]
        if any(cells):
            table.append(cells)
            length += sum(map(len, cells)) + 3 * len(cells)
            if length > limits.characters:
                raise too_long(limits)
    width = max(map(len, table), default=0)
    filled = [at for at in range(width) if any(at < len(row) and row[at] for row in table)]
    table = [[row[at] if at < len(row) else "" for at in filled] for row in table]
    return "\n\n".join(_blocks(table))


def _blocks(table: list[list[str]]) -> Iterator[str]:
    if table and len(table[0]) == 1:
        yield from (row[0] for row in table)
        return
    head = _header(table)
    above, below = (table[:head], table[head:]) if head is not None else ([], table)
    for row in above:
        yield " ".join(filter(None, row))
    rows = [f"| {' | '.join(row)} |" for row in below]
    if head is not None:
        rows.insert(1, "|" + "---|" * len(below[0]))
    if rows:
        yield "\n".join(rows)


def _header(table: list[list[str]]) -> int | None:
    """Return the number of the first row that is mostly filled, where it is names of columns and rows follow it."""
    for number, row in enumerate(table[:_SEARCHED]):
        named = [cell for cell in row if cell]
        if len(named) < 2 or 2 * len(named) < len(row):
            continue
        names = not any(_FIGURE.fullmatch(cell) or len(cell) > _LONGEST_NAME for cell in named)
        return number if names and len(set(named)) == len(named) and number + 1 < len(table) else None
    return None
