"""Normalise texts before they are compared and scored as answers."""

from __future__ import annotations

import string
import unicodedata

import regex

_ARTICLES = regex.compile(r"\b(a|an|the)\b")
_PUNCTUATION = frozenset(string.punctuation)
_ANY_PUNCTUATION = regex.compile(r"[\p{P}\p{S}\p{Cf}]")
_COMMA_BELOW = str.maketrans("şţŞŢ", "șțȘȚ")


def normalise_squad(text: str) -> str:
    """Return the text as the official SQuAD script compares it.

    Lower case, ASCII punctuation and the English articles dropped, blanks folded; in Romanian "a" and "an" are words,
    and they are dropped too.
    """
    kept = "".join(c for c in text.lower() if c not in _PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", kept).split())


def normalise_romanian(text: str) -> str:
    """Return the text in NFC and lower case, ş and ţ as ș and ț, all Unicode punctuation dropped, articles kept."""
    composed = unicodedata.normalize("NFC", text).translate(_COMMA_BELOW)
    return " ".join(_ANY_PUNCTUATION.sub("", composed.casefold()).split())
