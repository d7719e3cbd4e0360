"""Read the examples of what people want of Temei: ``eval/data/intents``, a file for each wish (`rag.intent.Wish`).

A line ``[ro]`` begins a language. A line such as ``(Hi|Hello), (are you there|is anybody there)?`` stands for its
alternatives, each of which is taken at least once. ``{}`` stands for the title of a document or a heading.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from eval.fit.reader_sets import WRITTEN, names, read_set
from rag.intent import Wish
from rag.text.language import fold, words

EXAMPLES = Path(__file__).resolve().parents[1] / "data" / "intents"
MIXED = "mixed"
"""Stands in place of a language where the examples are in several."""
LOOK_UPS = 4_000
"""Questions that are taken as look-ups, the written ones half of them."""
MOST = 10
"""Examples that a line of alternatives stands for at most, if it has no more alternatives in one place."""
TITLES = 3
"""Titles that stand for ``{}`` in each of them."""
SLOPPY = 0.3
"""The share of the examples that is also taken as people type: in small letters, without accents or marks."""
LINES = 3
"""Lines in which a word stands that tells something."""
LONGEST_TITLE = 5
"""Words of a title that stands for ``{}``: people do not type the longer ones."""
PART = 4
"""Words at most of a part of a question that stands before or after a comma, and is then taken for no courtesy."""

_ALTERNATIVES = re.compile(r"\(([^()]+)\)")


@dataclass(frozen=True)
class Wished:
    """An example of a wish, in a language or in `MIXED`; ``line`` is the text without the titles in it."""

    text: str
    wish: Wish
    language: str
    line: str


def examples(titles: Sequence[str]) -> list[Wished]:
    """Return the examples of all files, each once."""
    found: dict[str, Wished] = {}
    for wish in Wish:
        language = MIXED
        for line in filter(None, (EXAMPLES / f"{wish}.txt").read_text(encoding="utf-8").splitlines()):
            if header := re.fullmatch(r"\[(\w+)\]", line):
                language = header[1]
                continue
            random = Random(line)  # so that a new line changes no other
            for said, text in _filled(_said(line, random), titles, random):
                found.setdefault(text, Wished(text, wish, language, said))
                if random.random() < SLOPPY:
                    found.setdefault(sloppy(text), Wished(sloppy(text), wish, language, said))
    return list(found.values())


def look_ups(folders: Sequence[Path], random: Random) -> tuple[list[str], list[str]]:
    """Return questions that are look-ups, and the titles and headings of the written documents."""
    written: list[str] = []
    others: list[str] = []
    titles: set[str] = set()
    for name, path in names(folders).items():
        for question in read_set(path):
            if name.startswith(WRITTEN):
                written.append(question.text)
                titles.update(t for t in question.heading.split(" › ") if 0 < len(words(t)) <= LONGEST_TITLE)
            else:
                others.append(question.text)
    chosen = [random.sample(some, min(len(some), LOOK_UPS // 2)) for some in (written, others)]
    return [question for some in chosen for question in some], sorted(titles)


def parts_of(questions: Sequence[str]) -> list[str]:
    """Return the few words that stand before or after a comma in questions: they are no courtesies."""
    parts = {part.strip(" ?.!") for question in questions for part in question.split(",")[::1] if "," in question}
    return sorted(part for part in parts if 0 < len(words(part)) <= PART)


def sloppy(text: str) -> str:
    """Return a text as people type it: in small letters, without accents, without the mark at its end."""
    return fold(text).rstrip(" ?!.¿¡")


def request_words() -> list[str]:
    """Return the words of the examples of requests for which documents or sections are named, without the titles."""
    found: set[str] = set()
    for wish in (Wish.OVERVIEW, Wish.MENTIONS, Wish.COMPARE):
        for line in (EXAMPLES / f"{wish}.txt").read_text(encoding="utf-8").splitlines():
            if "{}" in line or wish is Wish.OVERVIEW:
                found.update(fold(word) for word in words(line.replace("{}", " ")))
    return sorted(found)


def _said(line: str, random: Random) -> list[str]:
    choices = [piece.split("|") if number % 2 else [piece] for number, piece in enumerate(_ALTERNATIVES.split(line))]
    many = 1
    for some in choices:
        many *= len(some)
    shuffled = [random.sample(some, len(some)) for some in choices]
    count = max(max(map(len, choices)), min(many, MOST))
    return ["".join(s[row] if row < len(s) else random.choice(s) for s in shuffled) for row in range(count)]


def telling_words(some: Sequence[Wished]) -> list[str]:
    """Return the words, without accents, that stand in several of the lines of examples."""
    counts = Counter(word for line in {one.line for one in some} for word in set(map(fold, words(line))))
    return sorted(word for word, count in counts.items() if count >= LINES)


def _filled(texts: Sequence[str], titles: Sequence[str], random: Random) -> list[tuple[str, str]]:
    """Return each text as it is and with its gaps filled."""
    filled = []
    for text in dict.fromkeys(texts):
        for _ in range(TITLES if "{}" in text else 1):
            pieces = text.split("{}")
            ends = [random.choice(titles) for _ in pieces[1:]] + [""]
            whole = "".join(piece + end for piece, end in zip(pieces, ends, strict=True)).strip()
            filled.append((text.replace("{}", " "), whole))
    return filled
