"""The input of the reader: the text of a passage as it is spoken under its headings, and each row of a table by itself.

The reader was not trained on tables: it cannot find the price in "Haircut | 30 min | 60", and of several rows it takes
a wrong one. So it reads "Service: Haircut, Minutes: 30 min, Price: 60" alone, and answers with one cell. But a row that
is read alone always looks certain. So its score is at most the score that it got among the other rows.
"""

from __future__ import annotations

from dataclasses import dataclass

from rag.text.language import spoken
from rag.text.tables import TableRow, table_rows
from rag.types import PATH, Passage, Span


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
class ReaderInput:
    """A text to read, and the stretches of it to look for an answer in, each by itself.

    ``above`` is read before whatever part of the text is read: the headings, in which no answer is looked for.
    """

    text: str
    stretches: tuple[Stretch, ...]
    above: str = ""


def reader_inputs(passage: Passage) -> tuple[ReaderInput, dict[int, ReaderInput]]:
    """Return the whole of a passage, its sentences as stretches, and the rows of its tables, their cells as stretches.

    The rows are by the number of their sentence. The names of the columns answer nothing: they have no stretches.
    """
    text = spoken(passage.text)
    spans = [(start - passage.start, end - passage.start) for start, end in passage.sentences]
    whole = tuple(Stretch(start, end, start + passage.start) for start, end in spans)
    rows = table_rows(passage, text)
    return ReaderInput(text, whole, _above(passage)), {number: _row(row, passage.start) for number, row in rows.items()}


def _above(passage: Passage) -> str:
    """Return the document's title and the path above a passage, as the reader was trained with them."""
    return f"{PATH.join([passage.title, *passage.path])}:" if passage.path else ""


def _row(row: TableRow, offset: int) -> ReaderInput:
    if row.is_header:
        return ReaderInput("", ())
    stretches = []
    at = 0
    for before, number in row.parts():
        start, end = row.spans[number]
        at += len(before)
        stretches.append(Stretch(at, at + end - start, start + offset))
        at += end - start
    return ReaderInput(row.text, tuple(stretches))
