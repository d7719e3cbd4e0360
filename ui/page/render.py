"""Write turns and documents as the HTML of the chat and the document panel; text from elsewhere is escaped."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Sequence

from rag.intent import is_looked_up
from rag.messages import LANGUAGES
from rag.text.markers import MARKER
from rag.text.markup import is_markdown, without_markup
from rag.types import Citation, Document, Span
from ui.page.highlight import highlight, holds, window
from ui.page.markup import Style, escape, fenced, markdown, pieces
from ui.page.turn_view import TurnView
from ui.texts import GRADIO, SCRIPTED, both, say

EXTRACTIVE = "extractive"
MEDIUM, HIGH = 0.5, 0.9
"""Confidence from which the ground is called good, and solid. Of what was held out when confidence was fitted, 91% of
the answers at 0.9 or more are right, 57% of those between."""
PANELS = {"left": "panel_sources", "middle": "panel_chat", "right": "panel_document"}
"""The panels that a narrow screen shows one at a time, with the texts that name them."""
EXCERPT = 220
"""Characters of a passage shown in a list."""

_PARAGRAPHS = re.compile(r"\n\s*\n")

Lookup = Callable[[str], Document | None]


def answer_html(turn_view: TurnView, turn: int, language: str, *, pending: bool = False) -> str:
    """Return an answer, or an abstention with the nearest passages, as HTML.

    Args:
        turn: position of the turn in the conversation; the page's buttons name it.
        pending: more is still to come.
    """
    if not turn_view.text:
        words = say(language, "pending" if pending else "stopped")
        return f'<div class="answer waiting"><p>{words}</p></div>'
    paragraphs = "".join(
        f'<p dir="auto">{_with_markers(part, turn_view, turn, language)}</p>'
        for part in _PARAGRAPHS.split(turn_view.text)
    )
    if turn_view.is_reply:
        return f'<div class="answer reply">{paragraphs}</div>'
    if turn_view.abstained:
        label = say(language, "no_ground")
        body = f'<p class="label">{label}</p>{paragraphs}{_nearest(turn_view, turn, language)}'
        return f'<div class="answer abstained">{body}{_cue(turn_view, language)}</div>'
    return f'<div class="answer">{paragraphs}{_cue(turn_view, language)}</div>'


def _with_markers(text: str, turn_view: TurnView, turn: int, language: str) -> str:
    """Return the escaped text; its markers become buttons that carry the quote."""
    by_number = {str(c.number): c for c in turn_view.citations}
    shown: list[str] = []
    at = 0
    for marker in MARKER.finditer(text):
        citation = by_number.get(marker[1])
        if citation is not None:
            before = text[at : marker.start()].rstrip(" ")
            shown += [_quoted(before, turn_view, citation), _marker(citation, turn, language)]
            at = marker.end()
    return "".join(shown) + escape(text[at:]).replace("\n", "<br>")


def _quoted(text: str, turn_view: TurnView, citation: Citation) -> str:
    """Return the text before a marker as HTML, the short answer emphasised where it lies in that citation."""
    styles: list[Style] = []
    if turn_view.mode == EXTRACTIVE and is_markdown(citation.source):
        if (code := fenced(citation.quote)) is not None:
            return f'<code class="block">{escape(code)}</code>'
        styles = markdown(text)
    short = turn_view.short
    if short is not None and short.citation == citation.number:
        at = short.start - citation.start
        words = " ".join(citation.quote[at : short.end - citation.start].split())
        # The text may have on one line what the quote has on several: look for the words near their place in the quote.
        near = len(" ".join(citation.quote[:at].split()))
        found = text.find(words, max(0, near - 1))
        found = text.find(words) if found < 0 else found
        if found >= 0 and words:
            styles.append(Style(found, found + len(words), "strong", ' class="short"'))
    return "".join(piece.replace("\n", "<br>") for _, _, piece in pieces(text, styles))


def _marker(citation: Citation, turn: int, language: str) -> str:
    label = say(language, "citation", number=citation.number, title=citation.title, quote=citation.quote)
    return (
        # A narrow no-break space keeps the marker on the line of the last word.
        f'&#8239;<button type="button" class="cite" data-turn="{turn}" data-number="{citation.number}" '
        f'{_card(citation, language)} aria-label="{escape(label)}">{citation.number}</button>'
    )


def _card(citation: Citation, language: str) -> str:
    """Return the attributes that the card shows which opens beside a marker."""
    where = f"{citation.where} · {say(language, 'page', page=citation.page)}" if citation.page else citation.where
    shown = without_markup(citation.quote) if is_markdown(citation.source) else citation.quote
    shown = f' data-shown="{escape(shown)}"' if shown != citation.quote else ""
    return (
        f'data-quote="{escape(citation.quote)}"{shown} data-where="{escape(where)}" '
        f'data-source="{escape(citation.source)}"'
    )


def _nearest(turn_view: TurnView, turn: int, language: str) -> str:
    if not turn_view.nearest:
        return ""
    items = "".join(
        f'<li><button type="button" class="passage" data-turn="{turn}" data-number="{c.number}" '
        f'aria-label="{escape(say(language, "passage", number=c.number, title=c.title, quote=_short(c.quote)))}">'
        f'<span class="title" dir="auto">{escape(c.where)}{_page(c, language)}</span>'
        f'<span class="excerpt" dir="auto">{_excerpt(c)}</span></button></li>'
        for c in turn_view.nearest
    )
    return (
        f'<section class="nearest"><h3>{say(language, "nearest")}</h3>'
        f"<p>{say(language, 'nearest_hint')}</p><ol>{items}</ol></section>"
    )


def _excerpt(citation: Citation) -> str:
    line = _short(citation.quote)
    # A button holds no links.
    styles = [style for style in markdown(line) if style.tag != "a"] if is_markdown(citation.source) else []
    return "".join(piece for _, _, piece in pieces(line, styles))


def _page(citation: Citation, language: str) -> str:
    return f' <small class="page">{say(language, "page", page=citation.page)}</small>' if citation.page else ""


def _short(text: str) -> str:
    """Return the text on one line, cut at a word near `EXCERPT` characters."""
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT else line[:EXCERPT].rsplit(" ", 1)[0] + " …"


def _cue(turn_view: TurnView, language: str) -> str:
    """Return the line under an answer: how it was made, its confidence, and what was searched."""
    extractive = turn_view.mode == EXTRACTIVE
    parts = [
        f'<span class="mode">{say(language, "mode_extractive")}</span>'
        if extractive
        else f'<span class="mode">{escape(say(language, "mode_model", mode=turn_view.mode))}</span>'
    ]
    if turn_view.abstained:
        parts = []
    elif is_looked_up(turn_view.kind):
        sure = turn_view.confidence
        level = "high" if sure >= HIGH else "medium" if sure >= MEDIUM else "low"
        parts.append(
            f'<span class="confidence {level}" title="{say(language, "confidence")}: {sure:.0%}">'
            f"<i></i><i></i><i></i>{say(language, 'confidence_' + level)}</span>"
        )
    if turn_view.standalone_question:
        searched = say(language, "searched").format(question=turn_view.standalone_question)
        parts.append(f'<span class="searched" dir="auto">{escape(searched)}</span>')
    if turn_view.foreign:
        tongue = f'<bdi data-tongue="{escape(turn_view.foreign)}">{escape(turn_view.foreign)}</bdi>'
        parts.append(f'<span class="foreign">{say(language, "foreign")} {tongue}</span>')
    if turn_view.note:
        parts.append(f'<span class="note" dir="auto">{escape(turn_view.note)}</span>')
    label = say(language, "copy")
    parts.append(f'<button type="button" class="copy" data-copy data-done="{say(language, "copied")}">{label}</button>')
    return f'<p class="cue">{"".join(parts)}</p>'


def question_html(question: str) -> str:
    """Return a question as the chat takes it: Gradio puts what it is given into the page as HTML."""
    return html.escape(question, quote=False)


def document_panel_html(
    turn_view: TurnView | None,
    turn: int,
    number: int,
    language: str,
    lookup: Lookup,
    *,
    whole: bool = False,
) -> str:
    """Return the document panel: the document of citation ``number``, all quotes from it highlighted."""
    citation = None if turn_view is None else next((c for c in turn_view.shown if c.number == number), None)
    if turn_view is None or citation is None:
        return f'<div class="document-panel empty"><p>{both("document_panel_empty")}</p></div>'
    document = lookup(citation.document_id)
    tabs = _tabs(turn_view, turn, citation, language)
    if document is None or not holds(document, citation):
        return f'<div class="document-panel gone">{tabs}<p>{say(language, "gone")}</p></div>'
    here = [c for c in turn_view.shown if c.document_id == document.id and holds(document, c)]
    text = _document_text(document, here, citation.number, language, whole, _strong(turn_view, document))
    kind = "nearest" if turn_view.abstained else "cited"
    return (
        f'<article class="document-panel {kind}" data-turn="{turn}" data-document="{escape(document.id)}" '
        f'data-current="{citation.number}">{tabs}{_heading(document)}{text}'
        f'<button type="button" class="back" data-back="{turn}">{say(language, "back")}</button></article>'
    )


def document_html(document: Document | None, language: str, *, whole: bool = False) -> str:
    """Return the document panel with a document as it stands, nothing highlighted."""
    if document is None:
        return f'<div class="document-panel gone"><p>{say(language, "gone")}</p></div>'
    text = _document_text(document, (), None, language, whole)
    return (
        f'<article class="document-panel plain" data-turn="-1" data-document="{escape(document.id)}">'
        f"{_heading(document)}{text}</article>"
    )


def name_html(language: str) -> str:
    """Return the name of the page and the switch of its language; "" where the browser's holds."""
    switch = "".join(
        f'<button type="button" data-language="{tag}" lang="{tag}" aria-pressed="{str(tag == language).lower()}" '
        f'title="{name}">{tag.upper()}</button>'
        for tag, name in (("ro", "Română"), ("en", "English"))
    )
    keys = sorted({*GRADIO.values(), *SCRIPTED})
    labels = {tag: {key: say(tag, key) for key in keys} for tag in LANGUAGES}
    panels = "".join(
        f'<button type="button" data-show="{panel}" aria-pressed="false">{both(key)}</button>'
        for panel, key in PANELS.items()
    )
    return (
        f'<div class="name" data-language-now="{language}" data-labels="{escape(json.dumps(labels))}" '
        f'data-gradio="{escape(json.dumps(GRADIO))}"><h1>Temei</h1><p>{both("tagline")}</p>'
        f'<div class="panels" role="group" data-label="panels">{panels}</div>'
        f'<div class="switch" role="group" data-label="language">{switch}</div></div>'
    )


def _tabs(turn_view: TurnView, turn: int, current: Citation, language: str) -> str:
    """Return a button for every citation of the answer, grouped by document."""
    groups: dict[str, list[Citation]] = {}
    for citation in turn_view.shown:
        groups.setdefault(citation.document_id, []).append(citation)
    rows = []
    for group in groups.values():
        buttons = "".join(
            f'<button type="button" class="cite" data-turn="{turn}" data-number="{c.number}" '
            f'aria-pressed="{"true" if c.number == current.number else "false"}" {_card(c, language)} '
            f'aria-label="{escape(_label(turn_view, c, language))}">{c.number}</button>{_page(c, language)}'
            for c in group
        )
        rows.append(f'<li><span dir="auto">{escape(group[0].title)}</span>{buttons}</li>')
    heading = say(language, "nearest" if turn_view.abstained else "cited")
    return f'<nav class="cited" aria-label="{heading}"><h2>{heading}</h2><ul>{"".join(rows)}</ul></nav>'


def _label(turn_view: TurnView, citation: Citation, language: str) -> str:
    key = "passage" if turn_view.abstained else "citation"
    return say(language, key, number=citation.number, title=citation.title, quote=_short(citation.quote))


def _heading(document: Document) -> str:
    link = escape(document.source)
    return f'<header><h3 dir="auto">{escape(document.title)}</h3><p class="source">{link}</p></header>'


def _strong(turn_view: TurnView, document: Document) -> Span | None:
    """Return the span of the short answer in this document, or None."""
    short = turn_view.short
    inside = short and any(c.number == short.citation and c.document_id == document.id for c in turn_view.citations)
    return (short.start, short.end) if short and inside else None


def _document_text(
    document: Document,
    citations: Sequence[Citation],
    current: int | None,
    language: str,
    whole: bool,
    short: Span | None = None,
) -> str:
    part = window(document, citations, whole=whole)
    text = document.text[part.start : part.end]
    shown = highlight(
        text,
        citations,
        offset=part.start,
        current=current,
        short=short,
        styles=markdown(text) if is_markdown(document.source) else (),
    )
    more = ""
    if part.start > document.body or part.end < len(document.text):
        more = f'<button type="button" class="whole">{say(language, "whole")}</button>'
    return f'{more}<div class="text" dir="auto" lang="{escape(document.language)}">{shown}</div>'
