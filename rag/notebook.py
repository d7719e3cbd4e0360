"""Show answers, hits and documents in a notebook: HTML in which everything from a document is escaped."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.types import Answer, Citation, Document, Hit

LONGEST = 2000
"""Characters of a document's text that are shown. Chosen by eye, some 20 lines of a notebook."""
_MARKER = re.compile(r"\[(\d{1,4})\]")
_QUOTE = "border-left:3px solid #2f6f5e;margin:.5em 0;padding:.1em .8em;white-space:pre-wrap"
_FAINT = "opacity:.65;font-size:.9em"


def answer_html(answer: Answer) -> str:
    """Return an answer with its quotes, the short answer emphasised in them."""
    text = _MARKER.sub(r"<sup>[\1]</sup>", escape(answer.text))
    told = f"confidence {answer.confidence:.2f} · {escape(answer.mode)}"
    note = f"<p style='{_FAINT}'>{escape(answer.note)}</p>" if answer.note else ""
    quotes = "".join(_citation_html(answer, citation) for citation in answer.citations)
    return f"<div class='temei-answer'><p>{text}</p>{quotes}{note}<p style='{_FAINT}'>{told}</p></div>"


def _citation_html(answer: Answer, citation: Citation) -> str:
    quote, short = escape(citation.quote), answer.short
    if short is not None and short.citation == citation.number:
        start, end = short.start - citation.start, short.end - citation.start
        parts = (citation.quote[:start], citation.quote[start:end], citation.quote[end:])
        quote = "{}<mark>{}</mark>{}".format(*map(escape, parts))
    page = f", page {citation.page}" if citation.page else ""
    place = f"{escape(citation.source)}{page}, characters {citation.start}-{citation.end}"
    head = f"[{citation.number}] <b>{escape(citation.where)}</b> <span style='{_FAINT}'>{place}</span>"
    return f"<div>{head}<blockquote style='{_QUOTE}'>{quote}</blockquote></div>"


def hit_html(hit: Hit) -> str:
    """Return a hit: where it stands, its score and its text."""
    passage = hit.passage
    page = f", page {passage.page}" if passage.page else ""
    path = escape(" › ".join([passage.title, *passage.path]))
    place = f"{escape(passage.source)}{page}, characters {passage.start}-{passage.end} · score {hit.score:.3f}"
    head = f"<b>{path}</b> <span style='{_FAINT}'>{place}</span>"
    return f"<div class='temei-hit'>{head}<blockquote style='{_QUOTE}'>{escape(passage.text)}</blockquote></div>"


def document_html(document: Document) -> str:
    """Return a document: its title, what is known of it, and the beginning of its text."""
    text = escape(document.text[:LONGEST]) + ("…" if len(document.text) > LONGEST else "")
    known = f"{escape(document.source)} · {escape(document.language)} · {len(document.text):,} characters"
    head = f"<b>{escape(document.title)}</b> <span style='{_FAINT}'>{known}</span>"
    return f"<div class='temei-document'>{head}<blockquote style='{_QUOTE}'>{text}</blockquote></div>"
