"""Language and words: which language a text is in, and the terms that BM25 matches on."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Any

import regex
import Stemmer

DEFAULT_LANGUAGE = "ro"
"""The language of a text that shows none (numbers, a lone name)."""

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+")
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー]+")
_LETTER = regex.compile(r"\p{L}")
_STEMMERS = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "et": "estonian", "eu": "basque", "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi", "hu": "hungarian",
    "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian", "ne": "nepali", "nl": "dutch",
    "no": "norwegian", "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian",
    "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip


def detect_language(text: str, default: str = DEFAULT_LANGUAGE) -> str:
    """Return the ISO 639-1 code of the text's language, or ``default`` where there are no letters to tell by."""
    sample = text[:20_000]
    if not _LETTER.search(sample):
        return default
    return str(_identifier().classify(sample)[0])


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE)


@cache
def _stemmer(language: str) -> Any:
    algorithm = _STEMMERS.get(language)
    return Stemmer.Stemmer(algorithm) if algorithm in Stemmer.algorithms() else None


def fold(text: str) -> str:
    """Return the text in lower case without diacritics, so that ş, ș and s are one letter; lengths may change."""
    marks_apart = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", "".join(c for c in marks_apart if not unicodedata.combining(c)))


def words(text: str) -> list[str]:
    """Return the folded words; scripts written without spaces give overlapping pairs of characters."""
    found: list[str] = []
    for word in _WORD.findall(fold(text)):
        at = 0
        for run in _UNSPACED.finditer(word):
            found += [word[at : run.start()]] if run.start() > at else []
            piece = run.group()
            found += [piece[i : i + 2] for i in range(len(piece) - 1)] or [piece]
            at = run.end()
        found += [word[at:]] if at < len(word) else []
    return found


def stem(word: str, language: str) -> str:
    """Return the Snowball stem of a folded word, or the word where the language has no stemmer."""
    stemmer = _stemmer(language)
    return word if stemmer is None else str(stemmer.stemWord(word))


def terms(text: str, language: str) -> list[str]:
    """Return the terms of a passage: its folded words, stemmed in its language."""
    found = words(text)
    stemmer = _stemmer(language)
    return found if stemmer is None else list(stemmer.stemWords(found))
