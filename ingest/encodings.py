"""Decode the bytes of a text file: UTF-8, what a mark at its start says, or an old code page where that is certain.

An old code page says nowhere which one it is. But under the right one its words are words of a language, and under a
wrong one they are not: "ţară" becomes "þarã". So the words that hold such letters are decoded in every way, and the
likeliest way is taken if it leads the next by a margin.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.models.vocabulary import vocabulary

UTF_8 = "UTF-8"
COMMON_PAGES = ("windows-1250", "windows-1252", "iso-8859-2", "iso-8859-16", "windows-1251")
RARE_PAGES = (
    "cp852", "mac-romanian", "mac-latin2", "mac-roman", "koi8-r", "cp866", "iso-8859-5", "windows-1253", "windows-1254",
    "windows-1257",
)  # fmt: skip
CODE_PAGES = COMMON_PAGES + RARE_PAGES
"""What is tried. Of those that give the same text, ş and ș taken for one, the first is taken."""
RARITY, MIXED = 6.0, 10.0
"""Nats that a rare code page must lead by besides, and those of a word that mixes scripts, as no word does. Chosen by
eye; not measured."""

MOST_WORDS = 400
"""Different words that are looked at; some tens already tell code pages apart."""
MARGIN = 8.0
"""Nats by which the likeliest code page must lead the next. See `docs/experiments.md`, "Code pages"."""
MOST_NATS = 6.0
"""Nats that a letter of these words may take. Those of texts take 2 to 5, random bytes some 10; see there."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WORD = re.compile(rb"[A-Za-z\x80-\xff]+")
_LONGEST_WORD = 40
"""Bytes of a word that is looked at."""
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_PARTS = re.compile(r"\w+|[^\w\s]")
"""A word, and a mark beside it such as a quotation mark."""
_MIXED = re.compile("[A-Za-z\u00c0-\u024f][\u0370-\u04ff]|[\u0370-\u04ff][A-Za-z\u00c0-\u024f]")
_COMMA_BELOW = str.maketrans("şţ", "șț")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text and the name of its encoding, such as "UTF-8" or "windows-1250"."""

    text: str
    encoding: str


def is_marked(data: bytes) -> bool:
    """Tell whether bytes begin with a mark of UTF-16 or UTF-32; such text holds zero bytes."""
    return data.startswith(tuple(mark for mark, _ in _MARKS[1:]))


def decode(data: bytes) -> Decoded | int:
    """Return the text of bytes without its mark, or the number of the byte that is not UTF-8 where none is certain."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return Decoded(data.decode(encoding), encoding.removesuffix("-sig").upper())
            except UnicodeDecodeError:
                continue  # the mark of UTF-32 begins with that of UTF-16
    try:
        return Decoded(data.decode("utf-8"), UTF_8)
    except UnicodeDecodeError as error:
        page = None if is_marked(data) or _is_damaged_utf8(data) else code_page(data)
        return error.start if page is None else Decoded(data.decode(page), page)


def _is_damaged_utf8(data: bytes) -> bool:
    """Return whether most letters beyond ASCII are valid UTF-8, so that only a part of the bytes is damaged."""
    shown = data.decode("utf-8", errors="replace")
    return sum(c > "\x7f" and c != "\ufffd" for c in shown) >= shown.count("\ufffd")


def code_page(data: bytes) -> str | None:
    """Return the name of the one code page in which the words of some bytes are words of a language, else None."""
    words = list(dict.fromkeys(word[:_LONGEST_WORD] for word in _WORD.findall(data) if not word.isascii()))[:MOST_WORDS]
    readings = {page: read for page in CODE_PAGES if (read := _read(data, words, page)) is not None}
    found = vocabulary()
    nats: dict[tuple[str, ...], float] = {}
    for page, read in readings.items():
        if read not in nats:
            mixed = sum(_MIXED.search(word) is not None for word in read)
            nats[read] = sum(map(found.nats, read)) + MIXED * mixed + RARITY * (page in RARE_PAGES)
    ranked = sorted(nats, key=nats.__getitem__)
    if not ranked or nats[ranked[0]] > MOST_NATS * sum(map(len, ranked[0])) + RARITY:
        return None
    if len(ranked) > 1 and nats[ranked[1]] - nats[ranked[0]] < MARGIN:
        return None
    return next(page for page, read in readings.items() if read == ranked[0])


def _read(data: bytes, words: Sequence[bytes], page: str) -> tuple[str, ...] | None:
    """Return words as a code page has them, in small letters, ş as ș; None where the text is none in it."""
    try:
        if _CONTROL.search(data.decode(page)):
            return None
    except UnicodeDecodeError:
        return None
    return tuple(part for word in words for part in _PARTS.findall(word.decode(page).lower().translate(_COMMA_BELOW)))
