"""Headings, questions and entries of contents in a document: they lead to other text and are no answer themselves.

A document may hold the user's question itself, for example in a list of frequently asked questions. Then the text below
that question is the answer. So such a sentence hands its score on to the next sentence (`rag.read`).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import regex

from rag.text.questions import LAST, asks
from rag.text.tables import table_rows
from rag.types import Passage

LONGEST_HEADING = 100
"""Characters of a line that may be a heading without being marked as one."""

_MARKED = regex.compile(r"#{1,6}[ \t]+[^\n]+|[^\n]+\n(?:=+|-+)[ \t]*")
"""Markdown's headings, with number signs or underlined."""
_NUMBER = regex.compile(r"(?:#{1,6}[ \t]+)?(?:[\p{N}.]+|[IVXLCDM]+\.|\p{Lu}\.)")
"""The number of a heading. Splitting at full stops makes it a sentence of its own."""
_CLOSING = r"(?:[\p{P}\p{S}]|\[\p{N}+\])*$"
"""What may follow the mark that ends a sentence: quotes, brackets, the number of a note."""
_NOT_HEADING = regex.compile(rf"[\n:：]|[\p{{Sentence_Terminal}};,…]{_CLOSING}")
"""Several lines, a fact ("Price: 100 lei"), or punctuation at the end."""
_CONTINUES = regex.compile(r"[^\p{L}\p{N}]|\P{L}*\p{Ll}")
"""How a line begins that is no heading: with a list's mark or a small letter."""
_FINISHED = regex.compile(rf"[\p{{Sentence_Terminal}}…]{_CLOSING}")
_OPENS = regex.compile(r"[:：]$")
_LISTED = regex.compile(r"(?:\.[ \t]?){6,}|…{3,}")
"""The dots between a heading and its page in a table of contents."""
_ASKED_LINE = regex.compile(r"[?？؟][ \t]*$", flags=regex.MULTILINE)
_BLANK_LINE_BEFORE = regex.compile(r"(?:^|\n[ \t]*\n)[ \t]*$")
_BLANK_LINE_AFTER = regex.compile(r"[ \t]*\n[ \t]*\n")


class HeadingKind(Enum):
    """How a sentence leads to another: a question, a heading or a colon at the end to what comes next.

    An entry in a table of contents leads to a page, the names of columns to all rows of their table.
    """

    QUESTION = "question"
    HEADING = "heading"
    COLON = "colon"
    CONTENTS = "contents"
    COLUMNS = "columns"

    @property
    def to_the_next(self) -> bool:
        return self not in (HeadingKind.CONTENTS, HeadingKind.COLUMNS)

    def says_nothing(self, wanted_is_there: bool) -> bool:
        """Return whether such a sentence is no answer, ``wanted_is_there`` where it holds the date or so asked for.

        A heading may be one ("Adopted on 5 May"), and what ends in a colon.
        """
        return self is not HeadingKind.COLON and not (self is HeadingKind.HEADING and wanted_is_there)


def headings(passage: Passage) -> list[HeadingKind | None]:
    """Return for every sentence of a passage how it leads to the next; None where it says something by itself."""
    texts = [passage.quote(span) for span in passage.sentences]
    rows = table_rows(passage)
    found: list[HeadingKind | None] = [None] * len(texts)
    # From the end, because the line above a heading may be a heading too.
    for row in reversed(range(len(texts))):
        if row in rows:
            found[row] = HeadingKind.COLUMNS if rows[row].is_header else None
        elif asks(texts[row]) or len(_ASKED_LINE.findall(texts[row])) > 1:
            found[row] = HeadingKind.QUESTION
        elif _LISTED.search(texts[row]):
            found[row] = HeadingKind.CONTENTS
        elif announces(texts[row]):
            found[row] = HeadingKind.COLON
        elif _is_heading(passage, texts, row, found):
            found[row] = HeadingKind.HEADING
    for row, heading in enumerate(found):
        if heading is HeadingKind.HEADING and not _MARKED.fullmatch(texts[row]) and _completes(texts, row, found):
            found[row] = None
    return found


def announces(text: str) -> bool:
    """Return whether a sentence ends in a colon, so that what it speaks of comes next."""
    return bool(_OPENS.search(text))


def _is_heading(passage: Passage, texts: Sequence[str], row: int, found: Sequence[HeadingKind | None]) -> bool:
    """Return whether a sentence is marked as a heading, or an unfinished line by itself above text."""
    text = texts[row]
    if _NUMBER.fullmatch(text):
        return False
    numbered = _is_numbered(texts, row)
    if _MARKED.fullmatch(texts[row - 1] + " " + text if numbered else text):
        return True
    if len(text) > LONGEST_HEADING or _NOT_HEADING.search(text) or (_CONTINUES.match(text) and not numbered):
        return False
    start, end = passage.sentences[row - numbered][0] - passage.start, passage.sentences[row][1] - passage.start
    if not (
        _BLANK_LINE_BEFORE.search(passage.text, max(0, start - LAST), start)
        and _BLANK_LINE_AFTER.match(passage.text, end)
    ):
        return False
    below = row + 1 + _is_numbered(texts, row + 2)
    if below >= len(texts):
        return False
    if found[below] is HeadingKind.QUESTION or (found[below] is HeadingKind.HEADING and _is_numbered(texts, below)):
        return True
    return len(texts[below]) > len(text) and _is_finished(texts[below])


def _completes(texts: Sequence[str], row: int, found: Sequence[HeadingKind | None]) -> bool:
    """Return whether a line stands below an unfinished one, which speaks of it: a command, the first of a list."""
    if row == 0 or _is_numbered(texts, row) or found[row - 1] in (HeadingKind.HEADING, HeadingKind.QUESTION):
        return False
    return not _is_finished(texts[row - 1])


def _is_finished(text: str) -> bool:
    return bool(_FINISHED.search(text[-LAST:]))


def _is_numbered(texts: Sequence[str], row: int) -> bool:
    return 0 < row < len(texts) and bool(_NUMBER.fullmatch(texts[row - 1]))
