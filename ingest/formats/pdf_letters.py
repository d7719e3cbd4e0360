"""Letters of a PDF that its fonts do not tell as such. Runs in the bounded process.

A font may lack the table that says which letters its shapes are. Then PDFium gives the numbers of the shapes. In most
TrueType fonts they follow one order, so every letter is 29 off: "Ehrung" is read as "(KUXQJ". The shift is undone
where that makes language. TeX writes an accent as a shape of its own before its letter.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from math import sqrt

Code = tuple[int, bool]
"""A character as PDFium gives it, and whether its font does not say which letter it is."""

_LETTERS = dict(
    zip(
        " abcdefghijklmnopqrstuvwxyz",
        (160, 75, 11, 31, 34, 117, 10, 13, 20, 69, 3, 4, 44, 24, 64, 48, 23, 3, 61, 58, 58, 38, 12, 6, 2, 7, 5),
        strict=True,
    )
)
"""In thousands, how often the letters and the space stand in Romanian, English, German, French and Spanish together."""
_LIKE_LANGUAGE = 0.85
"""Cosine of the letters of a text with these from which it is language; XQuAD's 480 Romanian and
English paragraphs have 0.917 and more, and shifted by any number 0.798 and less. Another alphabet has next to 0."""
LEAST_LETTERS = 100
"""Characters that are needed to tell."""
_GLYPH_SHIFT, _FIRST_MAC, _MAC_SHIFT, _LAST_MAC = 29, 98, 30, 225
"""Shapes 3 to 97 of a TrueType font are ASCII from the space on, the next as in the Mac's Roman character set."""

_ACCENTS = dict(
    zip("`´ˆ˜¨˘ˇ˙˚˝¯¸˛", "\u0300\u0301\u0302\u0303\u0308\u0306\u030c\u0307\u030a\u030b\u0304\u0327\u0328", strict=True)
)
_SURE_ACCENT = re.compile("[ˆ˜¨˘ˇ˙˚˝¸˛] ?[A-Za-zıȷ]")
_ACCENT = re.compile("([`´ˆ˜¨˘ˇ˙˚˝¯¸˛]) ?([A-Za-zıȷ])")
_COMMA_BELOW = re.compile(r"(?<=[A-Za-zÀ-ɏ])([st]),(?=[a-zà-ɏ])|(?<![^\W_])([sStT]),(?=[a-zà-ɏ])")
_LEAST_ACCENTS = 3
_FORMS = re.compile("[\ufb13-\ufb17\ufb1d-\ufdff\ufe70-\ufefc]+")


def shift_of(codes: Iterable[Code]) -> int | None:
    """Return by how much the unknown characters of a file are off: 0 where they are right, None where it is unclear."""
    unknown = Counter(code for code, is_unknown in codes if is_unknown)
    if unknown.total() < LEAST_LETTERS:
        return 0
    likeness = {shift: _likeness(unknown, shift) for shift in range(-96, 97)}
    if likeness[0] >= _LIKE_LANGUAGE:
        return 0
    best = max(likeness, key=likeness.__getitem__)
    return best if likeness[best] >= _LIKE_LANGUAGE else None


def _likeness(counts: Counter[int], shift: int) -> float:
    """Return the cosine (0..1) of how often letters stand in shifted characters and in language."""
    found = Counter[str]()
    for code, times in counts.items():
        if code + shift > 31:
            found[chr(code + shift).lower()] += times
    length = sqrt(sum(times * times for times in found.values())) * sqrt(sum(x * x for x in _LETTERS.values()))
    return sum(found[letter] * often for letter, often in _LETTERS.items()) / length if length else 0.0


def deciphered(codes: Sequence[Code], shift: int) -> str:
    """Return the text of characters, those that are unknown moved by ``shift``; U+FFFD where no letter is there."""
    return "".join(_letter(code, shift) if is_unknown else chr(code) for code, is_unknown in codes)


def _letter(code: int, shift: int) -> str:
    if shift == _GLYPH_SHIFT and code >= _FIRST_MAC:
        return bytes([code + _MAC_SHIFT]).decode("mac-roman") if code <= _LAST_MAC else "\ufffd"
    return chr(code + shift) if code + shift > 31 else " "


def has_loose_accents(text: str) -> bool:
    """Tell whether a text has accents before their letters, as TeX's oldest fonts write them."""
    return len(_SURE_ACCENT.findall(text)) >= _LEAST_ACCENTS


def accents_joined(text: str) -> str:
    """Return text with loose accents put on their letters, and the comma below s and t: "t,˘ar˘a" is "țară"."""
    text = _ACCENT.sub(_joined, text)
    return _COMMA_BELOW.sub(lambda found: {"s": "ș", "t": "ț", "S": "Ș", "T": "Ț"}[found[1] or found[2]], text)


def _joined(found: re.Match[str]) -> str:
    letter = {"ı": "i", "ȷ": "j"}.get(found[2], found[2])
    whole = unicodedata.normalize("NFC", letter + _ACCENTS[found[1]])
    return whole if len(whole) == 1 else found[0]


def plain_forms(text: str) -> str:
    """Return text with the letters of Arabic and Hebrew in place of the forms that they take beside others."""
    return _FORMS.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
