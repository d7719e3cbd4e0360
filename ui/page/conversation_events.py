"""Handle the events of the list of conversations: keep the one that is open, open, rename, delete, restore, search."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import Any

import gradio as gr

from rag.settings import Settings
from rag.text.characters import whole
from ui.page.conversation import Conversation, TurnViews, Updates, chat_of, spoken
from ui.page.conversation_list import conversations_html
from ui.page.conversation_store import ConversationStore, Saved
from ui.page.turn_view import MOST_HELD

MOST_SEARCHED = 200
"""Characters of what conversations are searched for."""


def person(request: gr.Request) -> str:
    """Return whose conversations a visit sees: the user of the login, "" where there is none."""
    return str(getattr(request, "username", None) or "")


class ConversationEvents:
    """The callbacks of the list of conversations; ``held`` is the one that is open, None for one not kept yet."""

    def __init__(self, settings: Settings, conversation: Conversation) -> None:
        self._store = ConversationStore(settings.home)
        self._conversation = conversation

    def keep(self, turn_views: TurnViews, held: Saved | None, chosen: str, request: gr.Request) -> Updates:
        """Keep the conversation as it is now; returns what is held, and the list."""
        if not turn_views:
            return held, self._listed(None, chosen, request)
        rows = [turn_view.to_json() for turn_view in turn_views[-MOST_HELD:]]
        with _as_far_as_it_goes():
            held = self._store.save(person(request), held, rows) or held
        return held, self._listed(held, chosen, request)

    def begin(self, stored: Any, open_before: str, chosen: str, request: gr.Request) -> Updates:
        """Open what the tab held before it was loaded again.

        Args:
            stored: what the browser kept of the latest conversation of any tab.
            open_before: the id of the conversation that this tab held, "" for a new tab.

        Returns:
            The turns, the chat, the document panel, what is held, and the list.
        """
        held, turn_views = None, None
        with _as_far_as_it_goes():
            found = self._store.read(person(request), whole(str(open_before))) if open_before else None
            if found is not None:
                held = found[0]
                turn_views = self._conversation.restored(_longer(found[1], stored), most=MOST_HELD)
            elif not open_before and self._store.find(person(request)):
                turn_views = ()  # a new tab begins anew: the others are in the list
        if turn_views is None:  # a home that cannot be written: the browser alone has kept something
            turn_views = self._conversation.restored(stored)
        return *self._shown(turn_views, chosen, request), held, self._listed(held, chosen, request)

    def open(self, held: Saved | None, chosen: str, request: gr.Request, event: gr.EventData) -> Updates:
        """Open a conversation of the list; returns as `begin` does."""
        with _as_far_as_it_goes():
            found = self._store.read(person(request), _named(event))
            if found is not None:
                turn_views = self._conversation.restored(found[1], most=MOST_HELD)
                return *self._shown(turn_views, chosen, request), found[0], self._listed(found[0], chosen, request)
        return (*(gr.skip(),) * 4, self._listed(held, chosen, request))

    def rename(self, held: Saved | None, chosen: str, request: gr.Request, event: gr.EventData) -> str:
        """Rename a conversation and return the list."""
        with _as_far_as_it_goes():
            self._store.rename(person(request), _named(event), whole(str(getattr(event, "name", ""))))
        return self._listed(held, chosen, request)

    def forget(self, held: Saved | None, chosen: str, request: gr.Request, event: gr.EventData) -> str:
        """Delete a conversation and return the list, where it can be restored."""
        with _as_far_as_it_goes():
            self._store.delete(person(request), _named(event))
        return self._listed(held, chosen, request, deleted=_named(event))

    def restore(self, held: Saved | None, chosen: str, request: gr.Request, event: gr.EventData) -> str:
        """Restore a deleted conversation and return the list."""
        with _as_far_as_it_goes():
            self._store.restore(person(request), _named(event))
        return self._listed(held, chosen, request)

    def find(self, held: Saved | None, chosen: str, request: gr.Request, event: gr.EventData) -> str:
        """Return the conversations that hold some words."""
        searched = whole(str(getattr(event, "words", "")))[:MOST_SEARCHED]
        return self._listed(held, chosen, request, searched=searched)

    def list(self, held: Saved | None, chosen: str, request: gr.Request) -> str:
        """Return the list."""
        return self._listed(held, chosen, request)

    def _listed(
        self, held: Saved | None, chosen: str, request: gr.Request, *, searched: str = "", deleted: str = ""
    ) -> str:
        with _as_far_as_it_goes():
            found = self._store.find(person(request), searched)
            return conversations_html(found, held, spoken(chosen, request), searched=searched, deleted=deleted)
        return ""

    def _shown(self, turn_views: TurnViews, chosen: str, request: gr.Request) -> Updates:
        language, last = spoken(chosen, request), len(turn_views) - 1
        number = turn_views[last].opened if turn_views else 0
        panel = self._conversation.document_panel(turn_views, last, number, language)
        return turn_views, chat_of(turn_views, language), panel


def _named(event: gr.EventData) -> str:
    return whole(str(getattr(event, "conversation", "")))[:64]


def _longer(rows: list[Any], stored: Any) -> list[Any]:
    """Return what the browser kept where it goes on from what was saved: the server died before it saved the rest."""
    kept = stored if isinstance(stored, list) and all(isinstance(row, dict) for row in stored) else []
    if len(kept) > len(rows) and [row.get("id") for row in kept[: len(rows)]] == [row.get("id") for row in rows]:
        return kept
    return rows


def _as_far_as_it_goes() -> contextlib.suppress:
    """Go on without the kept conversations where they cannot be read or written: the browser keeps the latest one."""
    return contextlib.suppress(sqlite3.Error, OSError, ValueError)
