"""Export a conversation as Markdown: the quotes stay exact, and no text in it is read as markup."""

from __future__ import annotations

from collections.abc import Sequence

from ui.markdown import escape_markdown
from ui.page.turn_view import TurnView
from ui.texts import say


def to_markdown(turn_views: Sequence[TurnView], language: str) -> str:
    """Return a conversation as Markdown: questions as headings, each quote with its document and place."""
    parts = [f"# Temei: {say(language, 'chat')}"]
    for turn_view in turn_views:
        parts.append("## " + " ".join(escape_markdown(turn_view.question).split()))
        if turn_view.abstained:
            parts.append(f"*{say(language, 'no_ground')}*")
        parts.append(escape_markdown(turn_view.text or say(language, "stopped")))
        if turn_view.note:
            parts.append(f"*{escape_markdown(turn_view.note)}*")
        if turn_view.nearest:
            parts.append(f"**{say(language, 'nearest')}.** {say(language, 'nearest_hint')}")
        for c in turn_view.shown:
            where = say(language, "place", start=c.start, end=c.end)
            where = f"{say(language, 'page', page=c.page)}, {where}" if c.page else where
            parts.append(f"\\[{c.number}\\] **{escape_markdown(c.where)}**, {escape_markdown(c.source)}, {where}")
            parts.append("\n".join(f"> {line}" for line in escape_markdown(c.quote).split("\n")))
    return "\n\n".join(parts) + "\n"
