"""Show Markdown in the text of a document: hide its marks and style its words.

Every character of the text stays in the page.
"""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.text.language import markup_spans
from rag.text.markup import INLINE

_HEADING = re.compile(r"^(#{1,6} +)([^\n]+)", re.MULTILINE)
# Lengths are bounded, so that a hostile line takes no time.
_CODE = re.compile(
    r"^(```|~~~)[^\n]*\n?(?P<block>.*?)(?:^\1|\Z)|(?<!`)(?P<tick>`{1,3})(?!`)(?P<words>[^\n]{1,500}?)(?<!`)(?P=tick)(?!`)",
    re.S | re.M,
)
_FENCED = re.compile(r"(?:```|~~~)[^\n]*\n(.*?)\n?[ \t]*(?:```|~~~)?\s*", re.DOTALL)
_LINK = re.compile(
    r"!?\[(?P<words>[^\[\]\n]{1,500})\]"
    r"\((?P<target>(?:[^\s()]|\([^\s()]{0,200}\)){0,2000})(?:\s{1,9}\"[^\"\n]{0,500}\")?\)"
)
_STRONG = re.compile(r"(?<![\w*\\])\*\*(?=[^\s*])(?P<words>[^\n]{1,500}?)(?<=[^\s*])\*\*(?!\w)")
_EMPHASIS = re.compile(r"(?<![\w*\\])\*(?=[^\s*])(?P<words>[^*\n]{1,500})(?<=[^\s*])\*(?![\w*])")


@dataclass(frozen=True, slots=True)
class Style:
    """An element around ``text[start:end]``."""

    start: int
    end: int
    tag: str
    attributes: str = ""

    def around(self, piece: str) -> str:
        return f"<{self.tag}{self.attributes}>{piece}</{self.tag}>"


def markdown(text: str) -> list[Style]:
    """Return how a Markdown text is set: headings, links to the web, code, what is strong; marks and HTML are hidden.

    Within code nothing is a mark.
    """
    styles: list[Style] = []
    taken = bytearray(len(text))
    for pattern, tag in ((_CODE, "code"), (_LINK, "a"), (_STRONG, "b"), (_EMPHASIS, "i")):
        for found in pattern.finditer(text):
            first, last = found.span()
            start, end = found.span("words")
            if start < 0:  # a fenced block
                start, end = found.span("block")
            if any(taken[first:start]) or any(taken[end:last]):
                continue
            styles += [_hidden(first, start), _hidden(end, last)]
            styles += _link(found) if tag == "a" else [Style(start, end, tag)]
            if tag == "code":
                taken[first:last] = b"1" * (last - first)
            elif tag == "a":  # its words may be emphasised, its target not
                taken[end:last] = b"1" * (last - end)
    for start, end in markup_spans(text):
        if not any(taken[start:end]):
            styles.append(_apart(text, start, end))
            taken[start:end] = b"1" * (end - start)
    for found in _HEADING.finditer(text):
        if not taken[found.start()]:
            styles += [_hidden(*found.span(1)), Style(*found.span(2), "b", ' class="heading"')]
    return styles


def fenced(text: str) -> str | None:
    """Return the code of a text that is one fenced block, whose end may be cut off; None where it is something else."""
    found = _FENCED.fullmatch(text)
    return None if found is None else found[1]


def escape(text: str) -> str:
    """Return text as HTML that a browser reads back as exactly that text; a bare CR would come back as LF."""
    return html.escape(text).replace("\r", "&#13;")


def pieces(text: str, styles: Sequence[Style], edges: Sequence[int] = ()) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and HTML of the pieces of a text that lie between the edges of its styles, and further edges."""
    cuts = {0, len(text), *edges, *(s.start for s in styles), *(s.end for s in styles)}
    coming = sorted(styles, key=lambda style: -style.start)
    here: list[Style] = []
    for start, end in itertools.pairwise(sorted(at for at in cuts if 0 <= at <= len(text))):
        here = [style for style in here if style.end > start]
        while coming and coming[-1].start <= start:
            here.append(coming.pop())
        piece = escape(text[start:end])
        for style in reversed(here):  # what began last is innermost
            piece = style.around(piece)
        yield start, end, piece


def _link(found: re.Match[str]) -> list[Style]:
    # An image is not loaded, and what is not on the web leads nowhere from here.
    if found[0].startswith("!") or not found["target"].lower().startswith(("http://", "https://")):
        return []
    target = f' href="{html.escape(found["target"])}" target="_blank" rel="noopener noreferrer nofollow"'
    return [Style(*found.span("words"), "a", target)]


def _apart(text: str, start: int, end: int) -> Style:
    """Return how a tag is hidden: with a gap in its place where it alone parts two words, as ``<br>`` does."""
    joins = INLINE.match(text, start) or text[start - 1 : start].strip() == "" or text[end : end + 1].strip() == ""
    return _hidden(start, end) if joins else Style(start, end, "span", ' class="markup gap"')


def _hidden(start: int, end: int) -> Style:
    return Style(start, end, "span", ' class="markup"')
