"""The first and last lines of a PDF's pages: take away page numbers and running heads. Runs in the bounded process."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar


class Line(Protocol):
    """A line of a page, of which only the text matters here."""

    text: str


L = TypeVar("L", bound=Line)

_PAGE_NUMBER = re.compile(
    r"\W*(?:p(?:ag|ágina|agina|age)?\.?\s*|seite\s*)?(\d{1,5})(?:\s*(?:/|din|of|von|de)\s*\d{1,5})?\W*", re.I
)
_NUMBER = re.compile(r"\d+")
_LONGEST_NUMBER = 6
"""Digits of the number of a page, at most."""


def _edges(pages: list[list[L]], edge: int) -> Iterator[tuple[int, list[L], str]]:
    for number, lines in enumerate(pages):
        if lines:
            yield number, lines, lines[edge].text


def drop_page_numbers(pages: list[list[L]]) -> None:
    """Take away first or last lines that are numbers counting up with the pages, on at least half of them."""
    for edge in (0, -1):
        numbered = {n: match for n, _, text in _edges(pages, edge) if (match := _PAGE_NUMBER.fullmatch(text))}
        steps = Counter(int(match[1]) - n for n, match in numbered.items())
        if not steps:
            continue
        step, times = steps.most_common(1)[0]
        if times >= 2 and 2 * times >= len(pages):
            for n, match in numbered.items():
                if int(match[1]) - n == step:
                    del pages[n][edge]


def drop_repeated(pages: list[list[L]]) -> None:
    """Take away running heads and feet, the same line on three pages and 3 in 10, all but the first of each.

    Lines are the same, too, that differ in their numbers, if one of these counts up with the pages: "Annual report 4".
    """
    for edge in (0, -1, 0, -1):
        ends = list(_edges(pages, edge))
        times = Counter(text for _, _, text in ends)
        # The only line of a page is its text.
        running = _running([end for end in ends if len(end[1]) > 1], len(pages))
        seen: set[str] = set()
        for number, lines, text in ends:
            key = _NUMBER.sub("0", text) if number in running else text
            if number in running or times[text] >= _least(len(pages)):
                if key in seen:
                    del lines[edge]
                seen.add(key)


def _least(pages: int) -> float:
    return max(3, 0.3 * pages)


def _running(ends: Sequence[tuple[int, object, str]], count: int) -> set[int]:
    """Return the pages whose line at an edge is the same as others' but for a number that counts up with the pages."""
    alike: dict[str, list[tuple[int, list[str]]]] = defaultdict(list)
    for number, _, text in ends:
        if numbers := _NUMBER.findall(text):
            alike[_NUMBER.sub("0", text)].append((number, numbers))
    running: set[int] = set()
    for lines in alike.values():
        for place in range(len(lines[0][1])):
            steps = defaultdict[int, set[int]](set)
            for page, numbers in lines:
                if len(numbers[place]) <= _LONGEST_NUMBER:
                    steps[int(numbers[place]) - page].add(page)
            running |= next((pages for pages in steps.values() if len(pages) >= _least(count)), set())
    return running
