"""Parse a reply while it grows: split it into finished statements, each with the numbers that it cites."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import regex
import sentencex

from rag.text.characters import unseen

_MARKERS = regex.compile(r"(?:(?<![ \t])[ \t]*+[\[【]\s*\d+(?:\s*[,;–-]\s*\d+)*[^\]】\n]{0,40}?[\]】])+")
"""One or more markers in a row: [1], [2, 5], [3-4], and the 【1†source】 that some models were taught."""

_MARKER = regex.compile(r"[\[【]\s*(\d+(?:\s*[,;–-]\s*\d+)*)")
_UNFINISHED = regex.compile(r"(?<![ \t])[ \t]*+[\[【][^\]】\n]{0,60}$")
_THOUGHTS = regex.compile(r"^\s*<think(?:ing)?>.*?(?:(</think(?:ing)?>)|\Z)", flags=regex.DOTALL)
_BULLET = regex.compile(r"^[ \t]*(?:[-*•#>]+|\d{1,2}[.)])[ \t]+", flags=regex.MULTILINE)
_UNSEEN = unseen(keep=r"\n")
_EMPHASIS = regex.compile(r"\*{1,3}|_{2,3}|`+")
_BLANKS = regex.compile(r"\s+")
_LOOSE = regex.compile(r" (?=[.,]( |$))")
"""The blank that a marker leaves before a full stop."""

_WORD = regex.compile(r"[\p{L}\p{N}]")

LONGEST_RANGE = 10
"""Numbers that a marker such as [3-4] may span."""

LOOK_AHEAD = 12
"""Characters after a sentence by which its end is sure while the reply grows."""

DECLINED = 0
"""The number that a model cites for: no sentence answers."""


@dataclass(frozen=True)
class Statement:
    """A sentence of a reply, on one line and without markers, and the numbers it cites, in order, each once."""

    text: str
    numbers: tuple[int, ...]


class Statements:
    """The statements of a growing reply."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._rest = ""
        self._looked = 0
        self._thinking = True

    def add(self, piece: str) -> Iterator[Statement]:
        """Take the next piece and yield the statements that are finished with it."""
        self._rest += piece
        yield from self._finished(last=False)

    def end(self) -> Iterator[Statement]:
        """Yield what is left once the reply has ended."""
        yield from self._finished(last=True)

    def _finished(self, *, last: bool) -> Iterator[Statement]:
        if not last and len(self._rest) - self._looked < max(LOOK_AHEAD, self._looked // 16):
            return
        self._looked = len(self._rest)
        if self._thinking:  # what a model thinks aloud before it replies is no part of the reply
            thoughts = _THOUGHTS.match(self._rest)
            if thoughts and not (thoughts[1] or last):
                return
            self._rest = self._rest[thoughts.end() :] if thoughts else self._rest
            self._thinking = False
        text = self._rest if last else _UNFINISHED.sub("", self._rest)
        found = list(_split(text, self._language))
        if not last:
            while found and len(text[found[-1][1] :].strip()) < LOOK_AHEAD:
                found.pop()
        if found:
            self._rest = self._rest[found[-1][1] :]
            self._looked = len(self._rest)
        for statement, _ in found:
            if statement.text or statement.numbers:
                yield statement


def _split(raw: str, language: str) -> Iterator[tuple[Statement, int]]:
    """Yield the statements with the offsets where each ends, its markers included."""
    # Markers and bullets are blanked, not cut, so that the offsets stay.
    markers = list(_MARKERS.finditer(raw))
    text = _MARKERS.sub(lambda m: " " * len(m.group()), raw)
    text = _BULLET.sub(lambda m: " " * len(m.group()), text)
    spans = _spans(text, language)
    cited: list[list[int]] = [[] for _ in spans]
    ends = [end for _, end in spans]
    for marker in markers:
        opens_line = not text[text.rfind("\n", 0, marker.start()) + 1 : marker.start()].strip()
        before = [at for at, (start, _) in enumerate(spans) if start < marker.start()]
        after = [at for at, (start, _) in enumerate(spans) if start >= marker.end() - 1]
        # A marker at the start of a line belongs to the sentence after it, any other marker to the sentence before it.
        alone = not text[marker.end() : (raw + "\n").find("\n", marker.end())].strip()
        at = after[0] if after and opens_line and not alone else before[-1] if before else None
        if at is None:
            continue
        cited[at] += _numbers(marker.group())
        ends[at] = max(ends[at], marker.end()) if at < len(spans) else ends[at]
    if markers and not spans:
        yield Statement("", tuple(dict.fromkeys(n for m in markers for n in _numbers(m.group())))), len(raw)
        return
    for (start, end), numbers, stop in zip(spans, cited, ends, strict=True):
        clean = _clean(text[start:end])
        yield Statement(clean if _WORD.search(clean) else "", tuple(dict.fromkeys(numbers))), stop


def _spans(text: str, language: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    at = 0
    for line in text.split("\n"):
        edge = 0
        for boundary in sentencex.get_sentence_boundaries(language, line) if line.strip() else ():
            piece = line[edge : boundary["end_index"]]
            if piece.strip():
                start = at + edge + len(piece) - len(piece.lstrip())
                spans.append((start, at + edge + len(piece.rstrip())))
            edge = boundary["end_index"]
        at += len(line) + 1
    return spans


def _numbers(markers: str) -> Iterator[int]:
    for group in _MARKER.findall(markers):
        for part in regex.split(r"(?<!\s)\s*+[,;]\s*+", group):
            ends = [int(number[:9]) for number in regex.findall(r"\d+", part)]
            yield from (
                range(ends[0], ends[1] + 1) if len(ends) == 2 and 0 <= ends[1] - ends[0] < LONGEST_RANGE else ends
            )


def _clean(text: str) -> str:
    return _LOOSE.sub("", _BLANKS.sub(" ", _EMPHASIS.sub("", _UNSEEN.sub("", text)))).strip()
