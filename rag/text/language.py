"""Language and words: detect the language of a text, and split a text into the terms that BM25 matches on."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from functools import cache, lru_cache
from typing import Any

import regex
import Stemmer

DEFAULT_LANGUAGE = "ro"
"""The language of a text that shows none (numbers, a lone name)."""

_COMMON = frozenset(
    [
        "ar",
        "bg",
        "cs",
        "da",
        "de",
        "el",
        "en",
        "es",
        "fi",
        "fr",
        "he",
        "hi",
        "hu",
        "it",
        "ja",
        "ko",
        "nl",
        "no",
        "pl",
        "pt",
        "ro",
        "ru",
        "sk",
        "sr",
        "sv",
        "th",
        "tr",
        "uk",
        "vi",
        "zh",
    ]
)
_PRESUMPTION = 5.0
"""How many times likelier than a document's language another must be to count as much. Chosen by eye; not measured."""

SAME_LANGUAGE = 0.5
"""From this share on, a question and a text are in one language, so that a word or a name is spelt in one way."""

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+")
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー]+")
_HTML = (
    r"<!--.*?(?:-->|\Z)|</?[a-zA-Z][a-zA-Z0-9]*+"
    r"""(?:\s++[\w:-]++(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s"'<>]++))?+)*+\s*+/?>"""
)
_MARKUP = regex.compile(_HTML, flags=regex.DOTALL)
_CUT_MARKUP = regex.compile(
    _HTML + r"""|<[a-zA-Z][a-zA-Z0-9]*\s+[\w:-]+=[^<>]*\Z|\A[^<>]*["'][^\S\n]*/?>|\A[^<>]*-->|\A-?>(?=\s*<)""",
    flags=regex.DOTALL,
)
"""Tags and comments of HTML; the second also what is left of one where the text was cut."""
_ANCHOR = regex.compile(
    r"(?<![{$\\\w(])\{:?[ \t]*+[#.][\w:.-]++"
    r"""(?:[ \t]++(?:[#.][\w:.-]++|[\w-]++=(?:"[^"\n]*+"|[\w.-]++)))*+[ \t]*+\}(?!\})"""
)
"""The name or the class that Markdown gives a heading: ``{#art-4}``, ``{: .note}``."""
_GAP = regex.compile(r"&(?:nbsp|ensp|emsp|thinsp|#160|#xa0);", flags=regex.IGNORECASE)
_MARKUP_SIGNS = regex.compile(r"[<>]|\{:?[ \t]*+[#.]|&")
_ADDRESS = regex.compile(r"<?https?://[^\s<>()\[\]]+>?|(?<=\])\([^\s()]*\)")
"""A web address, and what a Markdown link points to."""
_LETTER = regex.compile(r"\p{L}")
_STEMMERS = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "et": "estonian", "eu": "basque", "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi", "hu": "hungarian",
    "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian", "ne": "nepali", "nl": "dutch",
    "no": "norwegian", "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian",
    "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip


def detect_language(text: str, default: str = DEFAULT_LANGUAGE) -> str:
    """Return the ISO 639-1 code of a text's language, or ``default`` where there are no letters to tell by."""
    sample = text[:20_000]
    if not _LETTER.search(sample):
        return default
    return str(_identifier().classify(sample)[0])


def question_language(question: str, expected: Collection[str]) -> str:
    """Return the language of a question, which is short: one of ``expected`` unless another is clearly likelier."""
    likely = sorted(expected, key=lambda language: (-language_share(question, language), language))
    if likely and language_share(question, likely[0]) >= 0.5:
        return likely[0]
    probabilities = _probabilities(question)
    return max(_COMMON - set(expected), key=lambda language: probabilities.get(language, 0.0))


def language_share(question: str, language: str) -> float:
    """Return how likely (0..1) a question is in ``language`` rather than in any common other one.

    A question is presumed to be in its corpus's language: others must be several times likelier.
    """
    probabilities = _probabilities(question)
    ours = _PRESUMPTION * probabilities.get(language, 0.0)
    other = max(probabilities.get(name, 0.0) for name in _COMMON - {language})
    return ours / (ours + other) if ours + other > 0 else 1.0


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


@lru_cache(maxsize=256)
def _probabilities(question: str) -> dict[str, float]:
    if not _LETTER.search(question):
        return {}
    return {str(name): float(share) for name, share in _identifier().rank(question)}


@cache
def _stemmer(language: str) -> Any:
    algorithm = _STEMMERS.get(language)
    return Stemmer.Stemmer(algorithm) if algorithm in Stemmer.algorithms() else None


def markup_spans(text: str, pattern: regex.Pattern[str] = _MARKUP) -> list[tuple[int, int]]:
    """Return where HTML stands in a text, and Markdown's anchors; Markdown may contain both. They do not overlap."""
    if not _MARKUP_SIGNS.search(text):
        return []
    found = [match for one in (pattern, _ANCHOR, _GAP) for match in one.finditer(text)]
    spans: list[tuple[int, int]] = []
    for start, end in sorted(match.span() for match in found):
        if pattern is _MARKUP and text.startswith("<!--", start) and not text.startswith("-->", end - 3):
            continue  # a comment that never ends would hide all that comes
        if not spans or start >= spans[-1][1]:
            spans.append((start, end))
    return spans


def prose(text: str, *, cut: bool = True) -> str:
    """Return a text with its markup replaced by as many blanks; if ``cut``, also what is left of a tag at its ends."""
    pieces: list[str] = []
    at = 0
    for start, end in markup_spans(text, _CUT_MARKUP if cut else _MARKUP):
        pieces += [text[at:start], " " * (end - start)]
        at = end
    return "".join([*pieces, text[at:]])


def spoken(text: str) -> str:
    """Return a text with what nobody reads aloud replaced by blanks: HTML, web addresses, the targets of links."""
    return _ADDRESS.sub(lambda found: " " * len(found.group()), prose(text))


def letters(text: str) -> int:
    """Return the number of letters; one of a script written without spaces says as much as three of others."""
    return sum(map(str.isalpha, text)) + 2 * sum(map(len, _UNSPACED.findall(text)))


def tells_something(text: str) -> bool:
    """Return whether a text is more than a fragment.

    That is two words with eight letters or digits together, or four letters of a script written without spaces.
    """
    found = _WORD.findall(text)
    return (len(found) > 1 and sum(map(len, found)) >= 8) or sum(map(len, _UNSPACED.findall(text))) >= 4


def fold(text: str) -> str:
    """Return the text in lower case without diacritics, so that ş, ș and s are one letter; lengths may change."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    if folded.isascii():
        return folded
    marks_apart = unicodedata.normalize("NFKD", folded)
    for mark in filter(unicodedata.combining, set(marks_apart)):
        marks_apart = marks_apart.replace(mark, "")
    return unicodedata.normalize("NFC", marks_apart)


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


def shared_beginning(one: str, other: str) -> int:
    """Return the number of characters that two words begin with alike."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def stem(word: str, language: str) -> str:
    """Return the Snowball stem of a folded word, or the word where the language has no stemmer."""
    stemmer = _stemmer(language)
    return word if stemmer is None else str(stemmer.stemWord(word))


def terms(text: str, language: str) -> list[str]:
    """Return the terms of a passage: its folded words, stemmed in its language."""
    found = words(text)
    stemmer = _stemmer(language)
    return found if stemmer is None else list(stemmer.stemWords(found))
