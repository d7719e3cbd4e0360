"""The lines of a PDF's page, with their places on it. Runs in the bounded process."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pypdfium2
import pypdfium2.raw as pdfium

from ingest.formats.pdf_letters import Code
from ingest.sandbox.child import tidy

HYPHEN = "\ufffe"
"""What PDFium gives for a hyphen at a line's end; it leaves the line end itself out."""

_SAMPLED = 16
"""Every how many characters of a page it is looked whether its font tells the letter: each look takes a microsecond."""
_MOST_LETTERS = 10
"""Lines of one letter that a page may have."""
_WORD_GAP = 0.12
"""Gap between two letters, by the height of their box, from which it is a space; a space has a quarter of it."""


@dataclass(slots=True)
class Line:
    """A line of text with its box in points; ``y`` is its baseline, growing upwards; ``broken`` if a word runs on.

    ``codes`` are its characters where its font does not say which letters some of them are.
    """

    text: str
    left: float
    right: float
    y: float
    height: float
    broken: bool
    codes: Sequence[Code] = ()


def lines_of(page: pypdfium2.PdfPage) -> list[Line]:
    """Return the lines of a page in reading order."""
    text_page = page.get_textpage()
    text = text_page.get_text_range()
    some_unknown = any(
        pdfium.FPDFText_HasUnicodeMapError(text_page, i) == 1 for i in range(0, text_page.count_chars(), _SAMPLED)
    )
    found = []
    start = 0
    for match in re.finditer(rf"\r\n|\n|\r|{HYPHEN}|\Z", text):
        words = tidy(text[start : match.start()])
        if words:
            visible = [i for i in (start, match.start() - 1) if i >= 0]
            while visible[0] < match.start() and text[visible[0]].isspace():
                visible[0] += 1
            while visible[1] > visible[0] and text[visible[1]].isspace():
                visible[1] -= 1
            found.append(_line(text_page, words, visible[0], visible[1], match.group() == HYPHEN, some_unknown))
        start = match.end()
    if len(found) > _MOST_LETTERS and sum(len(line.text) == 1 for line in found) > 0.8 * len(found):
        found = by_baseline(text_page)
    text_page.close()
    return found


def by_baseline(text_page: pypdfium2.PdfTextPage) -> list[Line]:
    """Return the lines of a page by where its characters stand.

    PDFium takes a page of few, long lines for one that is written downwards, and gives its letters one a line.
    """
    rows: list[list[tuple[float, float, float, float, str]]] = []
    box, x, y = pdfium.FS_RECTF(), ctypes.c_double(), ctypes.c_double()
    for i in range(text_page.count_chars()):
        letter = chr(pdfium.FPDFText_GetUnicode(text_page, i))
        if letter.isspace() or letter < " ":
            continue
        pdfium.FPDFText_GetCharOrigin(text_page, i, x, y)
        pdfium.FPDFText_GetLooseCharBox(text_page, i, box)
        height = abs(box.top - box.bottom)
        row = next((row for row in rows[-3:] if abs(row[0][2] - y.value) < 0.4 * height), None)
        if row is None:
            rows.append(row := [])
        row.append((box.left, box.right, y.value, height, letter))
    lines = []
    for row in sorted(rows, key=lambda row: -row[0][2]):
        row.sort()
        text = row[0][4]
        for before, after in pairwise(row):
            text += (" " if after[0] - before[1] > _WORD_GAP * after[3] else "") + after[4]
        lines.append(Line(tidy(text), row[0][0], row[-1][1], row[0][2], row[0][3], broken=False))
    return lines


def _line(
    text_page: pypdfium2.PdfTextPage, words: str, first: int, last: int, broken: bool, some_unknown: bool
) -> Line:
    box, x, y = pdfium.FS_RECTF(), ctypes.c_double(), ctypes.c_double()
    ends = [max(0, pdfium.FPDFText_GetCharIndexFromTextIndex(text_page, i)) for i in (first, last)]
    pdfium.FPDFText_GetCharOrigin(text_page, ends[0], x, y)
    pdfium.FPDFText_GetLooseCharBox(text_page, ends[1], box)
    right = box.right
    pdfium.FPDFText_GetLooseCharBox(text_page, ends[0], box)
    codes: list[Code] = []
    if some_unknown:
        codes = [
            (pdfium.FPDFText_GetUnicode(text_page, i), pdfium.FPDFText_HasUnicodeMapError(text_page, i) == 1)
            for i in range(ends[0], ends[1] + 1)
        ]
        codes = codes if any(is_unknown for _, is_unknown in codes) else []
    return Line(words, box.left, right, y.value, abs(box.top - box.bottom), broken, codes)
