"""Marks around headings and code while a page becomes text: one character each, which `unmarked` takes out again.

So their places are known when the text is whole, whatever was made of its blanks. Runs in the bounded process.
"""

from __future__ import annotations

import re

LEVELS = frozenset(f"h{level}" for level in range(1, 7))
_LEVEL, _END = "\ue900", "\ue907"
"""What stands before a heading, its level added to the character, and behind it, until the text is whole."""
_MARKED = re.compile(f"(?P<level>[\ue901-\ue906])(?P<words>[^\ue900-\ue907]*){_END}?|{_END}")
_CODE, _CODE_END = "\ue908", "\ue909"
"""The same around code, in place of its fences."""
_CODES = re.compile(f"{_CODE}\\s{{0,4}}|\\s{{0,4}}{_CODE_END}")
_FENCE = "```"


def around_heading(tag: str) -> tuple[str, str]:
    """Return the marks around a heading of a tag from ``h1`` to ``h6``."""
    return chr(ord(_LEVEL) + int(tag[1])), _END


def around_code() -> tuple[str, str]:
    """Return the marks around a block of code."""
    return _CODE, _CODE_END


def unmarked(text: str) -> tuple[str, tuple[tuple[int, int, int], ...]]:
    """Return a text with fences around its code, and the spans of its headings with their levels."""
    text = _CODES.sub(lambda found: f"{_FENCE}\n" if found[0][0] == _CODE else f"\n{_FENCE}", text)
    pieces: list[str] = []
    headings: list[tuple[int, int, int]] = []
    at = length = 0
    for found in _MARKED.finditer(text):
        words = (found["words"] or "").strip()  # such a mark may stand in the page itself
        pieces += [text[at : found.start()], words]
        length += len(pieces[-2]) + len(words)
        if words:
            headings.append((length - len(words), length, ord(found["level"]) - ord(_LEVEL)))
        at = found.end()
    return "".join([*pieces, text[at:]]), tuple(headings)
