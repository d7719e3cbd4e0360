"""Courtesy: leave out the greeting or the thanks beside a question: "Hi! When is the library open?"."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import regex

from rag.text.language import words

_PAUSE = regex.compile(r"(?<=[!.?…。！？,，;:])\s{1,9}|(?<=[。！？，])(?=\p{L})|\s[-–—]\s{1,9}|\n\s{0,9}")
MOST_WORDS = 4
"""Words of a courtesy: "thank you very much". What is longer is not looked at."""
MOST_PARTS = 8
"""Parts of a question, on either side, that are looked at."""


def without_courtesies(question: str, is_courtesy: Callable[[str], bool]) -> str:
    """Return a question without the courtesies at its beginning and its end; whole where nothing else is left.

    Args:
        is_courtesy: whether a few words are a greeting, thanks or the like.
    """
    places = [(0, 0), *(match.span() for match in _PAUSE.finditer(question)), (len(question), len(question))]
    parts = [(start, end) for (_, start), (end, _) in pairwise(places)]

    def leads_to(steps: list[tuple[int, int]]) -> int:
        for count, (start, end) in enumerate(steps[:MOST_PARTS]):
            part = question[start:end].strip()
            spoken = words(part)
            if len(spoken) > MOST_WORDS or (spoken and not is_courtesy(part.rstrip(",，;:"))):
                return count
        return min(len(steps), MOST_PARTS)

    first = leads_to(parts)
    if first == len(parts) or len(parts) == 1:
        return question
    last = len(parts) - leads_to(parts[:first:-1])
    return question[parts[first][0] : parts[last - 1][1]].strip().rstrip(",，")
