"""Hold the state of each visit on the server.

Gradio's own class also keeps a copy of the page's whole configuration for every visit, to make links to the page in its
present state. This page has no such links, and the copy is expensive: it takes 80 kB a visit, and 30 ms in which no
other visitor is served.
"""

from __future__ import annotations

from copy import copy
from typing import Any

import gradio as gr
from fastapi import FastAPI
from gradio.routes import App
from gradio.state_holder import SessionState, StateHolder
from gradio.utils import LRUCache


class Session(SessionState):
    """The state of one visit, without a copy of the configuration."""

    def __init__(self, blocks: gr.Blocks) -> None:
        self.blocks_config = copy(blocks.default_config)
        self.config_values: dict[int, Any] = {}
        self.state_data: dict[int, Any] = {}
        self._state_ttl: dict[int, Any] = {}
        self.is_closed = False
        self.STATE_TTL_WHEN_CLOSED = 3600

    def __setitem__(self, key: int, value: Any) -> None:
        super().__setitem__(key, value)
        self.config_values.clear()

    def _update_config(self, key: int) -> None:
        """Keep nothing."""

    def _update_value_in_config(self, key: int, value: Any) -> None:
        """Keep nothing."""


class Sessions(StateHolder):
    """All visits; the visit that was not used for longest is forgotten first."""

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = Session(self.blocks)
        return super().__getitem__(session_id)


class Waiting(LRUCache[str, Any]):
    """The messages that wait for each visit; those of the visit that has not fetched any for longest are dropped.

    Gradio's own drops the visit that began first, though it listens, and never forgets which events a visit began.
    """

    def __init__(self, visits: int, events: dict[str, set[str]]) -> None:
        super().__init__(visits)
        self._events = events

    def __getitem__(self, session: str) -> Any:
        self.move_to_end(session)
        return super().__getitem__(session)

    def popitem(self, last: bool = True) -> tuple[str, Any]:
        session, messages = super().popitem(last)
        self._events.pop(session, None)
        return session, messages


def hold(outer: FastAPI, page: gr.Blocks) -> App:
    """Make the page that is mounted in an application use these classes, and return Gradio's application."""
    for route in outer.routes:
        inner = getattr(route, "app", None)
        if isinstance(inner, App) and inner.blocks is page:
            inner.state_holder = Sessions()  # type: ignore[no-untyped-call]
            inner.state_holder.set_blocks(page)
            queue = page._queue
            queue.pending_messages_per_session = Waiting(page.state_session_capacity, queue.pending_event_ids_session)
            return inner
    raise LookupError("the page is not mounted here")


def unread(page: gr.Blocks, session: str) -> int:
    """Return how many messages a visit has been sent and has not fetched."""
    waiting = page._queue.pending_messages_per_session.get(session)
    return 0 if waiting is None else waiting.qsize()
