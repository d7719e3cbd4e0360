"""Build the chat page: its components, and what happens when a visitor uses them."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.events import Dependency

from rag.chain import Temei
from ui.api.faults import Page
from ui.api.gradio_api import offer
from ui.api.rate_limit import RateLimit
from ui.page.conversation import READY, Conversation, TurnViews, Updates, messages, spoken, to_keep
from ui.page.document_events import DocumentEvents
from ui.page.documents import Documents
from ui.page.layout import Layout, lay_out
from ui.page.render import document_panel_html
from ui.page.suggest import Suggestions
from ui.page.theme import script
from ui.page.upload_cache import cache
from ui.page.visit import Visit
from ui.texts import FALLBACK

MOST_SESSIONS, MOST_WAITING, AT_ONCE = 500, 64, 4
"""Visits whose state is held (10 kB each, and its conversation), questions that wait, those answered at once."""
HIDDEN: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
"""How events of the page are declared: programs cannot call them."""
KEEP: dict[str, Any] = {**HIDDEN, "queue": False}
"""How events that take no time are declared: they do not queue."""
LONGEST_EXAMPLE = 1000
"""Characters of a question that is offered; those made of the documents have less."""


def build(temei: Temei, asks: RateLimit | None = None) -> gr.Blocks:
    """Return the page as a Gradio app; ``asks`` limits the questions, and other endpoints may share it."""
    asks = asks or RateLimit(temei.settings.asks_a_minute, 60)
    cache()  # where Gradio keeps uploads, and the only place that it takes them from
    documents = Documents(temei)
    conversation = Conversation(temei, documents, asks)
    page = Page(title="Temei", fill_height=True, fill_width=True, analytics_enabled=False, delete_cache=(3600, 3600))
    with page:
        layout = lay_out(temei)
        _connect_conversation(layout, conversation)
        _connect_document_panel(layout, conversation)
        uploading = _connect_documents(layout, DocumentEvents(documents))
        _connect_visit(page, layout, Visit(conversation, documents, Suggestions(temei)), uploading)
        offer(temei, asks)
    page.state_session_capacity = MOST_SESSIONS
    page.queue(max_size=MOST_WAITING, default_concurrency_limit=AT_ONCE)
    return page


def _connect_conversation(layout: Layout, conversation: Conversation) -> None:
    """Connect asking, stopping, judging and exporting."""
    state, middle, new, export = layout.state, layout.middle, layout.bar.new, layout.bar.export
    chat, box, comment_row, comment = middle.chat, middle.box, middle.comment_row, middle.comment
    turn_views, language = state.turn_views, state.language
    context = [turn_views, state.excluded, language]
    answered = [chat, turn_views, layout.document_panel, box, comment_row, state.kept]
    cleared = [chat, turn_views, layout.document_panel, comment_row, state.kept, box]
    asking = [
        box.submit(conversation.respond, [box, *context], answered, **HIDDEN),
        chat.example_select(_example, None, state.asked, **KEEP).then(
            conversation.respond, [state.asked, *context], answered, **HIDDEN
        ),
        chat.retry(conversation.retry, context, answered, **HIDDEN),
        chat.edit(conversation.edit, context, answered, **HIDDEN),
    ]
    box.stop(_stopped, [turn_views, language], [chat, box, state.kept], cancels=asking, **KEEP)
    new.click(_cleared, None, cleared, cancels=asking, js=script("new.js"), **KEEP)
    chat.like(conversation.like, [turn_views, language], [comment_row, comment, state.judged], **HIDDEN)
    for sent in (comment.submit, middle.send.click):
        sent(conversation.comment, [comment, state.judged, turn_views, language], comment_row, **HIDDEN)
    export.click(conversation.exported, [turn_views, language], layout.exported, **KEEP).then(
        None, layout.exported, None, js=script("download.js")
    )


def _connect_document_panel(layout: Layout, conversation: Conversation) -> None:
    """Connect opening a citation, a whole document, or a document of the list."""
    panel, language = layout.document_panel, layout.state.language
    panel.open_citation(conversation.open_citation, [layout.state.turn_views, language], panel, **HIDDEN)
    panel.open_whole(conversation.open_whole, [layout.state.turn_views, language], panel, **HIDDEN)
    layout.left.documents.open_document(conversation.open_document, language, panel, **HIDDEN)


def _connect_documents(layout: Layout, events: DocumentEvents) -> Dependency:
    """Connect the list of documents, and return the event of an upload."""
    excluded, language, left = layout.state.excluded, layout.state.language, layout.left
    left.documents.replace(events.replace, [excluded, language], left.documents, **HIDDEN)
    left.documents.tick(events.tick, language, [excluded, left.documents], **KEEP)
    left.documents.remove(events.remove, [excluded, language], left.documents, **HIDDEN)
    uploading: Dependency = left.add.upload(
        events.upload, [left.add, excluded, language], [left.documents, left.report], **HIDDEN
    )
    return uploading


def _connect_visit(page: Page, layout: Layout, visit: Visit, uploading: Dependency) -> None:
    """Connect the beginning of a visit and the switch of the language; suggest questions after these and an upload."""
    state, bar, left, middle = layout.state, layout.bar, layout.left, layout.middle
    chat, panel, language = middle.chat, layout.document_panel, state.language
    labelled = [middle.box, bar.new, bar.export, left.add, middle.send, middle.comment]
    spoke = bar.name.speak(
        visit.speak,
        [state.turn_views, state.excluded],
        [language, state.kept_language, bar.name, chat, panel, left.documents, *labelled],
        **KEEP,
    )
    began = page.load(
        visit.begin,
        [state.kept, state.kept_language],
        [state.turn_views, chat, panel, left.documents, language, bar.name, *labelled],
        **KEEP,
    )
    for before in (spoke, began, uploading):
        before.then(visit.suggest, language, chat, **HIDDEN)


def _example(event: gr.SelectData) -> str:
    return str(event.value.get("text", ""))[:LONGEST_EXAMPLE] if isinstance(event.value, dict) else ""


def _stopped(turn_views: TurnViews, chosen: str, request: gr.Request) -> Updates:
    return messages(turn_views, spoken(chosen, request)), gr.Textbox(**READY), to_keep(turn_views)


def _cleared() -> Updates:
    nothing = document_panel_html(None, 0, 0, FALLBACK, lambda name: None)
    return [], (), nothing, gr.Row(visible=False), [], gr.Textbox(value="", **READY)
