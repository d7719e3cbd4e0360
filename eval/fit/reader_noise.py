"""Change texts to what people type: without diacritics, in lower case, without a question mark, with typing errors."""

from __future__ import annotations

import unicodedata
from random import Random

import regex

_MARKS = regex.compile(r"[\u0300-\u036f]")
_WORD = regex.compile(r"\p{Latin}{5,}")
_CEDILLA = str.maketrans("șțȘȚ", "şţŞŢ")

NO_MARKS, NO_CAPITALS, NO_QUESTION_MARK, MISTYPED = 0.12, 0.10, 0.12, 0.06
"""How often a question loses its diacritics, its capitals or its question mark, and how often a word is mistyped."""
PASSAGE_NO_MARKS, PASSAGE_CEDILLA = 0.03, 0.03
"""How often a passage has no diacritics, or (in Romanian) the old letters with a cedilla."""


def typed(question: str, random: Random) -> str:
    """Return a question as somebody in a hurry types it; most stay as they are."""
    if random.random() < NO_MARKS:
        question = unmarked(question)
    if random.random() < NO_CAPITALS:
        question = question.lower()
    if random.random() < NO_QUESTION_MARK:
        question = question.rstrip(" ?？؟")
    return mistyped(question, random) if random.random() < MISTYPED else question


def printed(passage: str, written_in: str, random: Random) -> str:
    """Return a passage as some sources print it, character for character as long; most stay as they are."""
    dice = random.random()
    if dice < PASSAGE_NO_MARKS:
        bare = unmarked(passage)
        return bare if len(bare) == len(passage) else passage
    if dice < PASSAGE_NO_MARKS + PASSAGE_CEDILLA and written_in == "ro":
        return passage.translate(_CEDILLA)
    return passage


def unmarked(text: str) -> str:
    """Return a Latin text without diacritics; texts in other scripts as they are, where marks make other letters."""
    if len(regex.findall(r"\p{Latin}", text)) < len(regex.findall(r"\p{L}", text)) / 2:
        return text
    return unicodedata.normalize("NFC", _MARKS.sub("", unicodedata.normalize("NFD", text)))


def mistyped(text: str, random: Random) -> str:
    """Return a text with one slip in one of its longer words: two letters exchanged, one left out, or one doubled."""
    found = list(_WORD.finditer(text))
    if not found:
        return text
    start = random.choice(found).start() + random.randint(1, 3)
    way = random.randrange(3)
    if way == 0:
        return text[:start] + text[start + 1] + text[start] + text[start + 2 :]
    return text[:start] + text[start + 1 :] if way == 1 else text[:start] + text[start] + text[start:]
