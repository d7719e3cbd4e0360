"""The elements of a page as they are counted and written, and which of them are tables and their rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ingest.formats.html_tables import MOST_COLUMNS

_LONGEST_CELL = 300
"""Most letters of a cell in the row of a table; a longer one is a part of the page's layout. Chosen by eye; not
measured."""


class Element:
    """A part of a page: its texts and parts in order, and how many letters are text, links, and prose in paragraphs."""

    __slots__ = ("cells", "letters", "links", "named", "parts", "prose", "spans", "tables", "tag", "titled")

    def __init__(self, tag: str, named: bool = False) -> None:
        self.tag = tag
        self.named = named
        self.parts: list[Element | str] = []
        self.letters = self.links = self.prose = 0
        self.titled = tag == "h1"
        self.spans = (1, 1)
        """Over how many rows and columns a cell goes."""
        self.tables = int(tag == "table")
        self.cells = False
        """Whether it is a table of rows and columns, no part of the page's layout, or a cell of one."""


def mark_tables(elements: Sequence[Element]) -> None:
    """Say of every table and cell whether it is one of rows and columns, and no part of the page's layout."""
    for element in elements:
        if element.tag != "table":
            continue
        kept = list(rows(element)) if _is_grid(element) else [row for row in rows(element) if _is_labelled(row)]
        element.cells = len(kept) > 1
        for cell in (cell for row in kept for cell in children(row)):
            cell.cells = True


def span_of(written: str | None) -> int:
    return min(max(int(written), 1), MOST_COLUMNS) if written and written.isdecimal() and len(written) < 6 else 1


def _is_labelled(row: Element) -> bool:
    """Tell whether a row is cells behind a name that is no link, as in the box beside an article."""
    first = next(iter(children(row)), None)
    return first is not None and is_row(row) and first.letters > 2 * first.links


def children(element: Element) -> list[Element]:
    return [part for part in element.parts if isinstance(part, Element)]


def rows(table: Element) -> Iterator[Element]:
    for part in children(table):
        if part.tag in ("thead", "tbody", "tfoot"):
            yield from (row for row in children(part) if row.tag == "tr")
        elif part.tag == "tr":
            yield part


def _is_grid(table: Element) -> bool:
    """Tell whether a table has no table in it, two rows of several cells each, and more than links."""
    if table.tables > 1:
        return False
    lines = [[cell for cell in children(row) if cell.letters] for row in rows(table)]
    headed = any(cell.tag == "th" for row in lines for cell in row)
    return sum(len(row) > 1 for row in lines) > 1 and (headed or 10 * table.links < 9 * table.letters)


def is_row(part: Element) -> bool:
    if part.tag != "tr" or part.tables:
        return False
    cells = [cell.letters for cell in part.parts if isinstance(cell, Element)]
    return len(cells) > 1 and max(cells) <= _LONGEST_CELL
