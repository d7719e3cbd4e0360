"""PDF to text: pages, lines and, where the layout shows them, paragraphs. Runs in the bounded process.

PDFium gives the lines in reading order. The lines of a paragraph stay lines, and a blank line separates paragraphs. So
a sentence may go over line ends but not over paragraphs. A word that is hyphenated at the end of a line is joined. A
header that repeats on every page stays on the first page only; page numbers are removed.
"""

from __future__ import annotations

import ctypes
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import pypdfium2
import pypdfium2.raw as pdfium

from ingest.formats.titles import usable_title
from ingest.sandbox.child import Extracted, FormatError, Limits, tidy, too_long

_HYPHEN = "\ufffe"
"""What PDFium gives for a hyphen at a line's end; it leaves the line end itself out."""

_END = re.compile(r"[.!?…:;。！？؟।][)\]}»”’\"']*$")
_BULLET = re.compile(r"[•●○◦▪■□‣⁃–—-]\s|\(?(?:\d{1,3}|[a-zA-Z])[.)]\s")
_PAGE_NUMBER = re.compile(
    r"\W*(?:p(?:ag|ágina|agina|age)?\.?\s*|seite\s*)?(\d{1,5})(?:\s*(?:/|din|of|von|de)\s*\d{1,5})?\W*", re.I
)
_BROKEN_WORD = re.compile(rf"(?<![^\W\d_])([^\W\d_]++){_HYPHEN}([^\W\d_]+)")
_LAST_WORDS, _TAIL_BYTES = b"startxref", 65_536
_STATED_SIZE = re.compile(rb"/Linearized\b[^>]*/L\s+(\d+)")


@dataclass(slots=True)
class _Line:
    """A line of text with its box in points; ``y`` is its baseline, growing upwards; ``broken`` if a word runs on."""

    text: str
    left: float
    right: float
    y: float
    height: float
    broken: bool


def read_pdf(data: bytes, limits: Limits) -> Extracted:
    """Return the text of a PDF and where its pages begin."""
    # PDFium makes do with half a file, and says nothing.
    if _LAST_WORDS not in data[-_TAIL_BYTES:] or any(
        int(size) > len(data) for size in _STATED_SIZE.findall(data[:1024])
    ):
        raise FormatError("pdf_cut_short")
    try:
        pdf = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code == pdfium.FPDF_ERR_PASSWORD:
            raise FormatError("format_password") from error
        raise FormatError("pdf_damaged", reason=str(error)) from error
    count = len(pdf)
    if count > limits.pages:
        raise FormatError("pdf_too_many_pages", count=count, most=limits.pages)
    pages: list[list[_Line]] = []
    scans = characters = 0
    for number in range(count):
        page = pdf[number]
        lines = _lines(page)
        characters += sum(len(line.text) for line in lines)
        if characters > limits.characters:
            raise too_long(limits)
        scans += not lines and any(page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=2))
        pages.append(lines)
        page.close()
    _refuse_without_text(pages, scans)
    _mend_cedillas(pages)
    title = _title(pdf.get_metadata_value("Title"), pages)
    _drop_page_numbers(pages)
    _drop_repeated(pages)
    return _joined(pages, title)


def _refuse_without_text(pages: list[list[_Line]], scans: int) -> None:
    if not any(pages):
        raise FormatError("pdf_scanned", count=len(pages))
    if 2 * scans > len(pages):
        raise FormatError("pdf_partly_scanned", scans=scans, count=len(pages))
    shown = Counter(c for lines in pages for line in lines for c in line.text if not c.isspace())
    # Private use and unassigned characters: the font does not say which letters its shapes are.
    unknown = sum(n for c, n in shown.items() if c == "\ufffd" or "\ue000" <= c <= "\uf8ff" or ord(c) < 32)
    if 5 * unknown > shown.total():
        raise FormatError("pdf_without_letters")


def _mend_cedillas(pages: list[list[_Line]]) -> None:
    """Give Romanian its ț back: by its glyph's name, "tcommaaccent", PDFium takes it for ţ, though ș for ș."""
    text = "".join(line.text for lines in pages for line in lines)
    if ("ș" in text or "Ș" in text) and "ş" not in text and "Ş" not in text:
        for lines in pages:
            for line in lines:
                line.text = line.text.translate({0x162: 0x21A, 0x163: 0x21B})


def _lines(page: pypdfium2.PdfPage) -> list[_Line]:
    text_page = page.get_textpage()
    text = text_page.get_text_range()
    found = []
    start = 0
    for match in re.finditer(rf"\r\n|\n|\r|{_HYPHEN}|\Z", text):
        words = tidy(text[start : match.start()])
        if words:
            visible = [i for i in (start, match.start() - 1) if i >= 0]
            while visible[0] < match.start() and text[visible[0]].isspace():
                visible[0] += 1
            while visible[1] > visible[0] and text[visible[1]].isspace():
                visible[1] -= 1
            found.append(_line(text_page, words, visible[0], visible[1], match.group() == _HYPHEN))
        start = match.end()
    text_page.close()
    return found


def _line(text_page: pypdfium2.PdfTextPage, words: str, first: int, last: int, broken: bool) -> _Line:
    box, x, y = pdfium.FS_RECTF(), ctypes.c_double(), ctypes.c_double()
    ends = [max(0, pdfium.FPDFText_GetCharIndexFromTextIndex(text_page, i)) for i in (first, last)]
    pdfium.FPDFText_GetCharOrigin(text_page, ends[0], x, y)
    pdfium.FPDFText_GetLooseCharBox(text_page, ends[1], box)
    right = box.right
    pdfium.FPDFText_GetLooseCharBox(text_page, ends[0], box)
    return _Line(words, box.left, right, y.value, abs(box.top - box.bottom), broken)


def _title(metadata: str, pages: list[list[_Line]]) -> str:
    """Return the title a PDF states, or the first lines in clearly the largest print of its first page."""
    title = usable_title(tidy(metadata))
    if title:
        return title
    first = next(page for page in pages if page)
    usual = median(line.height for page in pages for line in page)
    largest = max(line.height for line in first)
    if largest < 1.3 * usual:
        return ""
    # One line of a heading may be somewhat higher than the others, by an accent or another font.
    start = next(i for i, line in enumerate(first) if line.height > 0.95 * largest)
    end = start
    while end < len(first) and first[end].height > 0.95 * largest:
        end += 1
    return " ".join(line.text for line in first[start:end])


def _edges(pages: list[list[_Line]], edge: int) -> Iterator[tuple[int, list[_Line], str]]:
    for number, lines in enumerate(pages):
        if lines:
            yield number, lines, lines[edge].text


def _drop_page_numbers(pages: list[list[_Line]]) -> None:
    """Take away first or last lines that are numbers counting up with the pages, on at least half of them."""
    for edge in (0, -1):
        numbered = {n: match for n, _, text in _edges(pages, edge) if (match := _PAGE_NUMBER.fullmatch(text))}
        steps = Counter(int(match[1]) - n for n, match in numbered.items())
        if not steps:
            continue
        step, times = steps.most_common(1)[0]
        if times >= 2 and 2 * times >= len(pages):
            for n, match in numbered.items():
                if int(match[1]) - n == step:
                    del pages[n][edge]


def _drop_repeated(pages: list[list[_Line]]) -> None:
    """Take away running headers and footers, the same line on three pages and 3 in 10, all but the first of each."""
    for edge in (0, -1, 0, -1):
        times = Counter(text for _, _, text in _edges(pages, edge))
        seen: set[str] = set()
        for _, lines, text in list(_edges(pages, edge)):
            if times[text] >= max(3, 0.3 * len(pages)):
                if text in seen:
                    del lines[edge]
                seen.add(text)


def _joined(pages: list[list[_Line]], title: str) -> Extracted:
    words = Counter(re.findall(r"[^\W\d_]+(?:[-‐][^\W\d_]+)*", "\n".join(x.text for page in pages for x in page)))
    text, starts = "", []
    parts: list[str] = []
    length = 0
    for lines in pages:
        page = _BROKEN_WORD.sub(lambda match: _whole(match, words), _paragraphs(lines)).replace(_HYPHEN, "-")
        runs_on = text and not _END.search(text) and page[:1].islower()
        between = ("\n" if runs_on else "\n\n") if text and page else ""
        starts.append(length + len(between))
        if page:
            parts += [between, page]
            length += len(between) + len(page)
            text = page
    return Extracted("".join(parts), title, tuple(min(start, length) for start in starts))


def _whole(match: re.Match[str], words: Counter[str]) -> str:
    """Return a word broken at a line's end, with or without its hyphen as the rest of the file has it."""
    left, right = match.groups()
    joined, hyphenated = left + right, f"{left}-{right}"
    if words[joined] != words[hyphenated]:
        return joined if words[joined] > words[hyphenated] else hyphenated
    # Nobody sets two letters on a line of their own, but Romanian has words such as "într-un".
    return joined if right.islower() and len(right) > 2 else hyphenated


def _is_item(text: str) -> bool:
    return _BULLET.match(text) is not None


def _paragraphs(lines: list[_Line]) -> str:
    if not lines:
        return ""
    drops = sorted(a.y - b.y for a, b in pairwise(lines) if 0.5 * b.height < a.y - b.y)
    usual = min(drops[len(drops) // 2], 2.5 * median(line.height for line in lines)) if drops else 0.0
    margin = sorted(line.right for line in lines)[int(0.9 * (len(lines) - 1))]
    width = margin - min(line.left for line in lines)
    text = lines[0].text
    for before, line in pairwise(lines):
        if before.broken:
            text += _HYPHEN + line.text
            continue
        ended = _END.search(before.text) is not None
        short = before.right < margin - 0.15 * width
        drop = before.y - line.y
        apart = (
            drop > 1.3 * usual
            or (ended and (short or line.left - before.left > 0.6 * line.height or drop < -line.height))
            or ((ended or short) and (abs(line.height - before.height) > 0.12 * line.height or _is_item(line.text)))
        )
        text += ("\n\n" if apart else "\n") + line.text
    return text
