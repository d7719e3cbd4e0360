"""PDF to text: pages, lines and, where the layout shows them, paragraphs. Runs in the bounded process.

PDFium gives the lines in reading order. The lines of a paragraph stay lines, and a blank line separates paragraphs. So
a sentence may go over line ends but not over paragraphs. A word that is hyphenated at the end of a line is joined. A
head or foot that repeats on the pages stays on the first of them only; page numbers are removed.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from statistics import median

import pypdfium2
import pypdfium2.raw as pdfium

from ingest.formats.pdf_edges import drop_page_numbers, drop_repeated
from ingest.formats.pdf_letters import accents_joined, deciphered, has_loose_accents, plain_forms, shift_of
from ingest.formats.pdf_lines import HYPHEN, Line, lines_of
from ingest.formats.titles import usable_title
from ingest.sandbox.child import Extracted, FormatError, Limits, tidy, too_long

_END = re.compile(r"[.!?…:;。！？؟।][)\]}»”’\"']*$")
_BULLET = re.compile(r"[•●○◦▪■□‣⁃–—-]\s|\(?(?:\d{1,3}|[a-zA-Z])[.)]\s")
_BROKEN_WORD = re.compile(rf"(?<![^\W\d_])([^\W\d_]++){HYPHEN}([^\W\d_]+)")
_CLITICS = {
    letter: frozenset(re.findall(r"\w+", some))
    for letter, some in {
        "ă": "a ai am ar au aș ați i îi îl l le li mi mă n ne ni o or se te ți ul un va vă vi și",
        "ã": "a as la las lo los lhe me na no nos o os se te vos",
    }.items()
}
"""Short words that Romanian, told by its ă, and Portuguese join to the word before with a hyphen."""
_BEFOREHYPHEN = frozenset(["într", "dintr", "printr"])

_LAST_WORDS, _TAIL_BYTES = b"startxref", 65_536
_STATED_SIZE = re.compile(rb"/Linearized\b[^>]*/L\s+(\d+)")


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
    pages: list[list[Line]] = []
    scans = characters = 0
    for number in range(count):
        page = pdf[number]
        lines = lines_of(page)
        characters += sum(len(line.text) for line in lines)
        if characters > limits.characters:
            raise too_long(limits)
        scans += not lines and any(page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=2))
        pages.append(lines)
        page.close()
    _decipher(pages)
    _refuse_without_text(pages, scans)
    _mend_letters(pages)
    _mend_cedillas(pages)
    title = _title(pdf.get_metadata_value("Title"), pages)
    drop_page_numbers(pages)
    drop_repeated(pages)
    return _joined(pages, title)


def _refuse_without_text(pages: list[list[Line]], scans: int) -> None:
    if not any(pages):
        raise FormatError("pdf_scanned", count=len(pages))
    if 2 * scans > len(pages):
        raise FormatError("pdf_partly_scanned", scans=scans, count=len(pages))
    shown = Counter(c for lines in pages for line in lines for c in line.text if not c.isspace())
    # Private use and unassigned characters: the font does not say which letters its shapes are.
    unknown = sum(n for c, n in shown.items() if c == "\ufffd" or "\ue000" <= c <= "\uf8ff" or ord(c) < 32)
    if 5 * unknown > shown.total():
        raise FormatError("pdf_without_letters")


def _decipher(pages: list[list[Line]]) -> None:
    """Give the lines their letters where the fonts do not tell them.

    Raises:
        FormatError: most of the text is cipher.
    """
    lines = [line for page in pages for line in page]
    codes = [code for line in lines for code in line.codes]
    shift = shift_of(codes)
    if shift is None:
        if 2 * len(codes) > sum(len(line.text) for line in lines):
            raise FormatError("pdf_without_letters")
    elif shift:
        for page in pages:
            for line in page:
                if line.codes:
                    line.text = tidy(deciphered(line.codes, shift))
            page[:] = [line for line in page if line.text]


def _mend_letters(pages: list[list[Line]]) -> None:
    """Put TeX's accents on their letters, and write the forms of Arabic letters as letters."""
    loose = has_loose_accents("\n".join(line.text for lines in pages for line in lines))
    for line in (line for lines in pages for line in lines):
        line.text = plain_forms(accents_joined(line.text) if loose else line.text)


def _mend_cedillas(pages: list[list[Line]]) -> None:
    """Give Romanian its ț back: by its glyph's name, "tcommaaccent", PDFium takes it for ţ, though ș for ș."""
    text = "".join(line.text for lines in pages for line in lines)
    if ("ș" in text or "Ș" in text) and "ş" not in text and "Ş" not in text:
        for lines in pages:
            for line in lines:
                line.text = line.text.translate({0x162: 0x21A, 0x163: 0x21B})


def _title(metadata: str, pages: list[list[Line]]) -> str:
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


def _joined(pages: list[list[Line]], title: str) -> Extracted:
    every = "\n".join(line.text for page in pages for line in page)
    words = Counter(re.findall(r"[^\W\d_]+(?:[-‐][^\W\d_]+)*", every))
    clitics = next((some for letter, some in _CLITICS.items() if letter in every), frozenset())
    starts: list[int] = []
    parts: list[str] = []
    length = 0
    last: list[Line] = []
    for lines in pages:
        page = _paragraphs(lines)
        page = _BROKEN_WORD.sub(lambda match: _whole(match, words, clitics), page).replace(HYPHEN, "-")
        between = ("\n" if _runs_on(last, lines) else "\n\n") if last and page else ""
        starts.append(length + len(between))
        if page:
            parts += [between, page]
            length += len(between) + len(page)
            last = lines
    return Extracted("".join(parts), title, tuple(min(start, length) for start in starts))


def _runs_on(last: list[Line], lines: list[Line]) -> bool:
    """Return whether a sentence goes on from the last line of a page to the first of the next."""
    before, line = last[-1], lines[0]
    if _END.search(before.text) or _is_item(line.text):
        return False
    if line.text[0].islower():
        return True
    # A name may come first there; but a heading has other print, and what stands above it a line that is not full.
    margin = max(line.right for line in last)
    full = len(last) > 2 and before.right > margin - 0.05 * (margin - before.left)
    return full and abs(line.height - before.height) < 0.06 * before.height and abs(line.left - before.left) < 2


def _whole(match: re.Match[str], words: Counter[str], clitics: frozenset[str]) -> str:
    """Return a word broken at a line's end, with or without its hyphen as the file or its language has it elsewhere."""
    left, right = match.groups()
    joined, hyphenated = left + right, f"{left}-{right}"
    if words[joined] != words[hyphenated]:
        return joined if words[joined] > words[hyphenated] else hyphenated
    # Nobody breaks a word behind its first letter, but Romanian has words such as "s-a" and "măsura-te".
    keeps = right in clitics or left.lower() in _BEFOREHYPHEN or len(left) == 1 or not right.islower()
    return hyphenated if keeps else joined


def _is_item(text: str) -> bool:
    return _BULLET.match(text) is not None


def _paragraphs(lines: list[Line]) -> str:
    if not lines:
        return ""
    drops = sorted(a.y - b.y for a, b in pairwise(lines) if 0.5 * b.height < a.y - b.y)
    usual = min(drops[len(drops) // 2], 2.5 * median(line.height for line in lines)) if drops else 0.0
    margin = sorted(line.right for line in lines)[int(0.9 * (len(lines) - 1))]
    width = margin - min(line.left for line in lines)
    text = lines[0].text
    for before, line in pairwise(lines):
        if before.broken:
            text += HYPHEN + line.text
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
