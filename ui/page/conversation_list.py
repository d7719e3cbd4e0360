"""Write the list of conversations as HTML."""

from __future__ import annotations

from collections.abc import Sequence

from ui.page.conversation_store import Saved, Summary
from ui.page.markup import escape
from ui.texts import both, say


def head_html() -> str:
    """Return the heading of the list and the box that searches in it."""
    return (
        f'<h2>{both("conversations")}</h2><input type="search" data-find data-label="find_conversation" '
        'maxlength="200" autocomplete="off">'
    )


def conversations_html(
    found: Sequence[Summary], held: Saved | None, language: str, *, searched: str = "", deleted: str = ""
) -> str:
    """Return the conversations.

    Args:
        held: the one that is open.
        searched: what they were searched for.
        deleted: the id of the one that was deleted just now, which can be restored.
    """
    current = "" if held is None else held.id
    items = "".join(_item(one, one.id == current, language) for one in found)
    none = f"<p>{say(language, 'no_conversation')}</p>" if searched and not found else ""
    undo = (
        f'<p class="undo" role="status">{say(language, "conversation_deleted")} '
        f'<button type="button" data-restore="{escape(deleted)}">{say(language, "undo")}</button></p>'
        if deleted
        else ""
    )
    shown = f'<ul aria-label="{say(language, "conversations")}">{items}</ul>' if items else ""
    return f'<div class="conversations" data-current="{escape(current)}">{undo}{shown}{none}</div>'


def _item(one: Summary, is_current: bool, language: str) -> str:
    key, name = escape(one.id), escape(one.name)
    current = ' aria-current="true"' if is_current else ""
    count = say(language, "one_question") if one.count == 1 else say(language, "questions", count=one.count)
    return (
        f'<li><button type="button" class="talk" data-conversation="{key}"{current} title="{name}">'
        f'<span dir="auto">{name}</span><small>{count} · <time datetime="{escape(one.changed)}">'
        f"{escape(one.changed[:10])}</time></small></button>"
        f'<button type="button" class="small" data-rename="{key}" aria-label="{say(language, "rename")}: {name}" '
        f'title="{say(language, "rename")}">✎</button>'
        f'<button type="button" class="small" data-forget="{key}" aria-label="{say(language, "forget")}: {name}" '
        f'title="{say(language, "forget")}">×</button></li>'
    )
