"""Find what is no text: characters that show nothing, and halves of surrogate pairs, which UTF-8 cannot encode."""

from __future__ import annotations

import regex

_HALVES = regex.compile(r"\p{Cs}")
_JOINERS = r"\u200c\u200d"
"""They show nothing, but letters of some scripts and emoji look otherwise without them."""


def unseen(keep: str = "", more: str = "") -> regex.Pattern[str]:
    """Return the pattern of a run of characters that show nothing: of control, of format, and halves of surrogates.

    Args:
        keep, more: members of a character class that are left out of it, besides the joiners, and added to it.
    """
    return regex.compile(rf"[\p{{Cc}}\p{{Cf}}\p{{Cs}}{more}--[{_JOINERS}{keep}]]+", flags=regex.V1)


UNSEEN = unseen()
"""All of them, ends of lines and tabs too."""


def whole(text: str) -> str:
    """Return text that can be encoded: halves of surrogate pairs are joined, lone ones become U+FFFD."""
    if text.isascii() or not _HALVES.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
