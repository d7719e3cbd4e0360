"""Build the chat page: its components, and what happens when a visitor uses them."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.events import Dependency

from rag.chain import Temei
from ui.api.faults import Page
from ui.api.gradio_api import offer
from ui.api.rate_limit import RateLimit
from ui.page.conversation import READY, Conversation, TurnViews, Updates, chat_of, messages, spoken, to_keep
from ui.page.conversation_events import ConversationEvents
from ui.page.document_events import DocumentEvents
from ui.page.documents import Documents
from ui.page.layout import Layout, lay_out
from ui.page.render import document_panel_html
from ui.page.suggestions import Suggestions
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
        events = ConversationEvents(temei.settings, conversation)
        _connect_conversation(layout, conversation, events)
        _connect_conversations(page, layout, events)
        _connect_document_panel(layout, conversation)
        adding = _connect_documents(layout, DocumentEvents(documents))
        _connect_visit(page, layout, Visit(conversation, documents, Suggestions(temei)), adding, events)
        offer(temei, asks)
    page.state_session_capacity = MOST_SESSIONS
    page.queue(max_size=MOST_WAITING, default_concurrency_limit=AT_ONCE)
    return page


def _connect_conversation(layout: Layout, conversation: Conversation, events: ConversationEvents) -> None:
    """Connect asking, stopping, judging and exporting, and keep the conversation after each."""
    state, middle, new, export = layout.state, layout.middle, layout.bar.new, layout.bar.export
    chat, box, comment_row, comment = middle.chat, middle.box, middle.comment_row, middle.comment
    turn_views, language = state.turn_views, state.language
    context = [turn_views, state.excluded, language]
    answered = [chat, turn_views, layout.document_panel, box, comment_row, state.kept]
    cleared = [chat, turn_views, layout.document_panel, comment_row, state.kept, box, state.held]
    judged = [comment_row, comment, state.judged, turn_views, state.kept]
    asking = [
        box.submit(conversation.respond, [box, *context], answered, **HIDDEN),
        chat.example_select(_example, None, state.asked, **KEEP).then(
            conversation.respond, [state.asked, *context], answered, **HIDDEN
        ),
        chat.retry(conversation.retry, context, answered, **HIDDEN),
        chat.edit(conversation.edit, context, answered, **HIDDEN),
    ]
    held, listed = state.held, layout.left.listed
    stopped = box.stop(_stopped, [turn_views, language], [chat, box, state.kept], cancels=asking, **KEEP)
    liked = chat.like(conversation.like, [turn_views, language], judged, **HIDDEN)
    for done in (*asking, stopped, liked):
        done.then(events.keep, [turn_views, held, language], [held, listed], **KEEP)
    cleared_by = new.click(_cleared, None, cleared, cancels=asking, js=script("new.js"), **KEEP)
    cleared_by.then(events.list, [held, language], listed, **KEEP)
    for sent in (comment.submit, middle.send.click):
        sent(conversation.comment, [comment, state.judged, turn_views, language], comment_row, **HIDDEN)
    export.click(conversation.exported, [turn_views, language], layout.exported, **KEEP).then(
        None, layout.exported, None, js=script("download.js")
    )


def _connect_conversations(page: Page, layout: Layout, events: ConversationEvents) -> None:
    """Connect the list of conversations, and open the one that a tab held before it was loaded again."""
    state, head, listed = layout.state, layout.left.conversations, layout.left.listed
    held, language = state.held, state.language
    opened = [state.turn_views, layout.middle.chat, layout.document_panel, held, listed]
    page.load(
        events.begin,
        [state.kept, state.open_before, state.kept_language],
        opened,
        js="(kept, before, language) => [kept, sessionStorage.getItem('temei-open') ?? '', language]",
        **KEEP,
    )
    head.open(events.open, [held, language], opened, **KEEP)
    for changed, change in (
        (head.rename, events.rename),
        (head.forget, events.forget),
        (head.restore, events.restore),
        (head.find, events.find),
    ):
        changed(change, [held, language], listed, **KEEP)


def _connect_document_panel(layout: Layout, conversation: Conversation) -> None:
    """Connect opening a citation, a whole document, or a document of the list."""
    panel, language = layout.document_panel, layout.state.language
    panel.open_citation(conversation.open_citation, [layout.state.turn_views, language], panel, **HIDDEN)
    panel.open_whole(conversation.open_whole, [layout.state.turn_views, language], panel, **HIDDEN)
    layout.left.documents.open_document(conversation.open_document, language, panel, **HIDDEN)


def _connect_documents(layout: Layout, events: DocumentEvents) -> list[Dependency]:
    """Connect the list of documents, and return the events that add some."""
    excluded, language, left = layout.state.excluded, layout.state.language, layout.left
    left.documents.replace(events.replace, [excluded, language], left.documents, **HIDDEN)
    left.documents.tick(events.tick, language, [excluded, left.documents], **KEEP)
    left.documents.remove(events.remove, [excluded, language], left.documents, **HIDDEN)
    told = [left.documents, left.report]
    back = left.documents.put_back(events.put_back, [excluded, language], left.documents, **HIDDEN)
    return [
        back,
        # More files may be given while others are read: Gradio would drop the event.
        left.add.upload(events.upload, [left.add, excluded, language], told, trigger_mode="multiple", **HIDDEN),
        layout.middle.begin.shipped(events.shipped, [excluded, language], told, **HIDDEN),
    ]


def _connect_visit(
    page: Page, layout: Layout, visit: Visit, adding: list[Dependency], events: ConversationEvents
) -> None:
    """Connect the beginning of a visit and the switch of the language; suggest questions then, and after uploads."""
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
        state.kept_language,
        [left.documents, language, bar.name, *labelled],
        **KEEP,
    )
    spoke.then(events.list, [state.held, language], left.listed, **KEEP)
    for before in (spoke, began, *adding):
        before.then(visit.suggest, language, chat, **HIDDEN)


def _example(event: gr.SelectData) -> str:
    return str(event.value.get("text", ""))[:LONGEST_EXAMPLE] if isinstance(event.value, dict) else ""


def _stopped(turn_views: TurnViews, chosen: str, request: gr.Request) -> Updates:
    return messages(turn_views, spoken(chosen, request)), gr.Textbox(**READY), to_keep(turn_views)


def _cleared() -> Updates:
    nothing = document_panel_html(None, 0, 0, FALLBACK, lambda name: None)
    return chat_of((), FALLBACK), (), nothing, gr.Row(visible=False), [], gr.Textbox(value="", **READY), None
