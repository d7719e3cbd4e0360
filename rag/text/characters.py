"""Replace what is no text: halves of surrogate pairs, which JSON, YAML and file names can hold and UTF-8 cannot."""

from __future__ import annotations

import regex

_HALVES = regex.compile(r"\p{Cs}")


def whole(text: str) -> str:
    """Return text that can be encoded: halves of surrogate pairs are joined, lone ones become U+FFFD."""
    if text.isascii() or not _HALVES.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
