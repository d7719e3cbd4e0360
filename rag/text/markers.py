"""The markers with which the text of an answer refers to its citations: ``[1]``."""

from __future__ import annotations

import regex

MARKER = regex.compile(r"\[(\d+)\]")
"""A marker; its group is the citation's number."""

_WITH_BLANKS = regex.compile(r"\s*\[\d+\]")
_BEHIND_MARKERS = regex.compile(r"(?<=\[\d+\])(?!\s*\[\d+\])")


def without_markers(text: str) -> str:
    """Return an answer's text without its markers and the blanks before them."""
    return _WITH_BLANKS.sub("", text).strip()


def split_behind_markers(text: str) -> list[str]:
    """Return the parts of an answer's text, each up to the last of the markers that stand together."""
    return _BEHIND_MARKERS.split(text)
