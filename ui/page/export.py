"""Export a conversation as Markdown: the quotes stay exact, and no text in it is read as markup."""

from __future__ import annotations

from collections.abc import Sequence

from ui.markdown import escape_markdown
from ui.page.turn_view import Exchange
from ui.texts import say


def to_markdown(exchanges: Sequence[Exchange], language: str) -> str:
    """Return a conversation as Markdown: questions as headings, each quote with its document and place."""
    parts = [f"# Temei: {say(language, 'chat')}"]
    for exchange in exchanges:
        parts.append("## " + " ".join(escape_markdown(exchange.question).split()))
        if exchange.abstained:
            parts.append(f"*{say(language, 'no_ground')}*")
        parts.append(escape_markdown(exchange.text or say(language, "stopped")))
        if exchange.note:
            parts.append(f"*{escape_markdown(exchange.note)}*")
        if exchange.nearest:
            parts.append(f"**{say(language, 'nearest')}.** {say(language, 'nearest_hint')}")
        for c in exchange.shown:
            where = say(language, "place", start=c.start, end=c.end)
            where = f"{say(language, 'page', page=c.page)}, {where}" if c.page else where
            parts.append(f"\\[{c.number}\\] **{escape_markdown(c.title)}**, {escape_markdown(c.source)}, {where}")
            parts.append("\n".join(f"> {line}" for line in escape_markdown(c.quote).split("\n")))
    return "\n\n".join(parts) + "\n"
