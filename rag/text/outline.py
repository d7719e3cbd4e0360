"""The outline of a document: its headings as spans of the text, and the path of headings above every place of it.

Headings are those that the format tells (HTML, Word, EPUB), those of Markdown and HTML tags in it, articles and
chapters of legal text, numbered lines ("1.2 Title"), the subject of a letter, and lines by themselves above text. The
last three kinds are looked for only where there are hardly any of the first two: there such lines are items and labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.text.heading_lines import heading_lines
from rag.text.language import words
from rag.text.markup import without_markup
from rag.types import Path

MOST_LEVELS = 6
"""Headings in a path at most: Markdown and HTML have six levels."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading: its span in the text, its title without markup, and its level; a higher heading has a lower level."""

    start: int
    end: int
    title: str
    level: int
    is_line: bool = True
    """Whether nothing else stands on its last line: the number of an article may be followed by its first sentence."""

    @property
    def edges(self) -> tuple[int, ...]:
        """Where the text is divided into sentences because of it."""
        return (self.start, self.end) if self.is_line else (self.start,)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path begins to hold; ``text[start:end]`` is the heading, or headings without text between them."""

    start: int
    end: int
    path: Path


def outline(text: str, body: int = 0, told: Sequence[tuple[int, int, int]] = ()) -> tuple[Heading, ...]:
    """Return the headings of a text in order.

    Args:
        body: where the text behind the front matter begins.
        told: the headings that the format tells (`rag.types.Document.headings`); then none are guessed but legal ones.
    """
    found = heading_lines(text, body, told)
    return tuple(
        Heading(one.start, one.end, one.title, one.level, text[one.end : one.end + 1] in ("", "\n", "\r"))
        for one in found
        if one.title
    )


def places(text: str, headings: Sequence[Heading], title: str = "", body: int = 0) -> tuple[Place, ...]:
    """Return where each path begins, in order; nothing where no heading says more than the document's title.

    Args:
        title: of the document, which is not repeated in a path.
    """
    found: list[Place] = []
    above: list[Heading] = []
    for heading in headings:
        above = [*(one for one in above if one.level < heading.level), heading]
        path = _path(above, title)
        if found and not text[found[-1].end : heading.start].strip():
            found[-1] = Place(found[-1].start, heading.end, path)
        else:
            found.append(Place(heading.start, heading.end, path))
    return tuple(found) if any(place.path for place in found) else ()


def _path(above: Sequence[Heading], title: str) -> Path:
    titles = [heading.title for heading in above]
    told = words(titles[0]) if titles else []
    if told and words(without_markup(title))[: len(told)] == told:  # "Profiles" in "Profiles - The Cargo Book"
        titles = titles[1:]
    return tuple(titles[-MOST_LEVELS:])
