"""Write the text of a document as HTML and mark the words of every citation, character for character."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.types import Citation, Document, Span
from ui.page.markup import Style, pieces

FULL = 30_000
"""Documents up to this many characters are shown whole."""
AROUND = 3_000
"""Characters shown before the first and after the last citation of a longer one."""


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a document that is shown: ``document.text[start:end]``."""

    start: int
    end: int


def holds(document: Document | None, citation: Citation) -> bool:
    """Tell whether the document has the quoted words at the cited place."""
    return document is not None and document.text[citation.start : citation.end] == citation.quote


def window(document: Document, citations: Sequence[Citation], *, whole: bool = False) -> Window:
    """Return the part to show: all of a document that is short, else what surrounds its citations."""
    size = len(document.text)
    if whole or size <= FULL:
        return Window(document.body, size)
    first = min((c.start for c in citations), default=document.body)
    last = max((c.end for c in citations), default=document.body)
    return Window(_line_start(document.text, max(document.body, first - AROUND)), min(size, last + AROUND))


def _line_start(text: str, at: int) -> int:
    """Move back to the start of the line, at most 200 characters, so that the window does not open amid a word."""
    found = text.rfind("\n", max(0, at - 200), at)
    return at if found < 0 else found + 1


def highlight(
    text: str,
    citations: Sequence[Citation],
    *,
    offset: int = 0,
    current: int | None = None,
    short: Span | None = None,
    styles: Sequence[Style] = (),
) -> str:
    """Return text as HTML with a ``<mark>`` around the words of every citation.

    Citations may overlap: a piece that several share carries all their numbers, so that the pieces whose
    ``data-citation`` names a number are together that citation's quote.

    Args:
        offset: where ``text`` begins in its document.
        current: the number of the citation to set off from the others.
        short: the words, inside a citation, that are marked more strongly, by their place in the document.
        styles: the elements that spans of ``text`` are set in.
    """
    spans = [(max(c.start - offset, 0), min(c.end - offset, len(text)), c.number) for c in citations]
    spans = [(start, end, number) for start, end, number in spans if start < end]
    strong = (short[0] - offset, short[1] - offset) if short else (0, 0)
    edges = [*(s for s, _, _ in spans), *(e for _, e, _ in spans), *strong]
    shown: list[str] = []
    begun: set[int] = set()
    for start, end, piece in pieces(text, styles, edges):
        inside = sorted(number for s, e, number in spans if s <= start and end <= e)
        if not inside:
            shown.append(piece)
            continue
        first = [n for n in inside if n not in begun]
        begun.update(inside)
        anchor = f' id="cited-{first[0]}" tabindex="-1"' if first else ""
        label = f' data-first="{" ".join(map(str, first))}"' if first else ""
        kinds = [*(["current"] if current in inside else []), *(["short"] if strong[0] <= start < strong[1] else [])]
        now = f' class="{" ".join(kinds)}"' if kinds else ""
        shown.append(f'<mark data-citation="{" ".join(map(str, inside))}"{anchor}{label}{now}>{piece}</mark>')
    return "".join(shown)
