"""Tables of HTML, and so of Word and OpenDocument, to text: cells that span several rows or columns stand in each.

A table with a line of names above it is written as in Markdown, so that its rows are read with them; two or three such
lines are one, "Weekday adult". Other rows are lines of their own with bars between the cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

MOST_COLUMNS = 100
"""Columns of a row that are written, so that no span makes a page long."""
MOST_NAMES = 3
"""Lines of names above a table. Chosen by eye; not measured."""
_BAR = " | "


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: its words on one line, over how many rows and columns it goes, and whether it names others."""

    text: str
    rows: int = 1
    columns: int = 1
    is_name: bool = False


def table_blocks(rows: Sequence[Sequence[Cell]]) -> list[str]:
    """Return the blocks of a table: what stands across it above the names, then all of it or a row each."""
    width = min(max((sum(cell.columns for cell in row) for row in rows), default=0), MOST_COLUMNS)
    across = list(takewhile(lambda row: len(row) == 1 and width > 1 and row[0].columns >= width, rows))
    blocks = [row[0].text for row in across if row[0].text]
    rows = rows[len(across) :]
    grid = _spread(rows)
    heads = len(list(takewhile(lambda row: bool(row) and all(cell.is_name for cell in row if cell.text), rows)))
    if not 0 < heads <= MOST_NAMES or heads == len(rows) or len(grid[0]) < 2:
        return [*blocks, *(_BAR.join(row) for row in grid if any(row))]
    width = max(map(len, grid))
    grid = [[*row, *[""] * (width - len(row))] for row in grid]
    names = [" ".join(dict.fromkeys(filter(None, column))) for column in zip(*grid[:heads], strict=True)]
    lines = [names, *(row for row in grid[heads:] if any(row))]
    told = [f"| {_BAR.join(line)} |" for line in lines]
    return [*blocks, "\n".join([told[0], "|" + "---|" * width, *told[1:]])]


def _spread(rows: Sequence[Sequence[Cell]]) -> list[list[str]]:
    """Return the words of every place of a table; a cell across a whole row stands once, as the name of a group."""
    grid: list[list[str]] = []
    hanging: dict[int, tuple[int, str]] = {}
    for row in rows:
        line: list[str] = []
        below: dict[int, tuple[int, str]] = {}
        for cell in row:
            _hang(line, hanging, below)
            once = len(row) == 1 and cell.columns > 1
            for at in range(max(1, min(cell.columns, MOST_COLUMNS - len(line)))):
                text = "" if once and at else cell.text.replace("|", "¦")
                if cell.rows > 1:
                    below[len(line)] = (cell.rows - 1, text)
                line.append(text)
        _hang(line, hanging, below)
        hanging = below
        grid.append(line[:MOST_COLUMNS])
    return grid


def _hang(line: list[str], hanging: dict[int, tuple[int, str]], below: dict[int, tuple[int, str]]) -> None:
    """Add the cells that reach into a row from those above it, as far as they follow at once."""
    while len(line) in hanging:
        left, text = hanging.pop(len(line))
        if left > 1:
            below[len(line)] = (left - 1, text)
        line.append(text)
