"""What the reader reads of a passage: its text as it is spoken, and a row of a table once more by itself.

A table is nothing that the reader knows: of "Haircut | 30 min | 60" it cannot tell the price, and of several rows it
takes the wrong one. So it reads "Service: Haircut, Minutes: 30 min, Price: 60" alone, and answers with one cell. But
where there are no other rows it is certain of any: a row counts no more than it did among them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rag.language import spoken
from rag.tables import Row, table_rows
from rag.types import Passage, Span


@dataclass(frozen=True, slots=True)
class Stretch:
    """Words that an answer may be from, ``text[start:end]`` of a reading; in the document they begin at ``origin``."""

    start: int
    end: int
    origin: int

    def origin_of(self, start: int, end: int) -> Span:
        """Return the span of the document for one of the text, as far as it lies in this stretch."""
        shift = self.origin - self.start
        return max(start, self.start) + shift, min(end, self.end) + shift


@dataclass(frozen=True, slots=True)
class Reading:
    """A text to read, and the stretches of it to look for an answer in, each by itself."""

    text: str
    stretches: tuple[Stretch, ...]


def reading(passage: Passage) -> Reading:
    """Return the whole of a passage, its sentences as stretches."""
    sentences = (Stretch(start - passage.start, end - passage.start, start) for start, end in passage.sentences)
    return Reading(spoken(passage.text), tuple(sentences))


def row_readings(passage: Passage) -> dict[int, Reading]:
    """Return the rows of the passage's tables by the number of their sentence, the cells of each as stretches.

    The names of the columns answer nothing: they have no stretches.
    """
    text = spoken(passage.text)
    return {number: _row(passage, number, row, text) for number, row in table_rows(passage, text).items()}


def _row(passage: Passage, number: int, row: Row, text: str) -> Reading:
    if row.is_header:
        return Reading("", ())
    line, stretches = "", []
    columns = row.columns or ("",) * len(row.cells)
    first, last = passage.sentences[number]
    for column, (start, end) in zip(columns, _cells(text, first - passage.start, last - passage.start), strict=True):
        if start < end:
            line += (", " if line else "") + (f"{column}: " if column else "")
            stretches.append(Stretch(len(line), len(line) + end - start, start + passage.start))
            line += text[start:end]
    return Reading(line, tuple(stretches))


def _cells(text: str, start: int, end: int) -> Iterator[Span]:
    for cell in text[start:end].split("|"):
        begin = start + len(cell) - len(cell.lstrip())
        yield begin, begin + len(cell.strip())
        start += len(cell) + 1
