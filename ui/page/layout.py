"""Lay out the chat page: documents on the left, the conversation in the middle, the opened document on the right."""

from __future__ import annotations

from abc import ABCMeta
from dataclasses import dataclass
from typing import Any

import gradio as gr

from rag.chain import Temei
from rag.settings import Settings
from ui.page.begin import begin_html, paste_html, skip_html
from ui.page.conversation_list import head_html
from ui.page.document_list import tools_html
from ui.page.documents import MOST_FILES, SUFFIXES
from ui.page.render import document_panel_html, name_html
from ui.page.theme import script
from ui.page.upload_cache import claimed
from ui.texts import FALLBACK, I18N, both

BROWSER_KEY = "temei"
"""The browser encrypts what it keeps with this key. The key is no secret; it must stay the same after a restart."""
SMALL: dict[str, Any] = {"size": "sm", "min_width": 0}
"""How a small button is drawn."""
STATIC: dict[str, Any] = {"apply_default_css": False, "js_on_load": None}
"""How HTML without a script is drawn; without ``None`` Gradio adds a script of its own."""


# Gradio passes on paths without the names that the files had. The metaclass of Gradio's components is left out because
# it writes a stub file beside the module of every class. Module and name stay: the browser finds the component's code
# by them.
Upload: type[gr.UploadButton] = ABCMeta.__new__(
    type(gr.UploadButton),
    gr.UploadButton.__name__,
    (gr.UploadButton,),
    {"__module__": gr.UploadButton.__module__, "preprocess": lambda self, payload: claimed(payload)},
)


@dataclass(frozen=True, slots=True)
class State:
    """What a visit holds without showing it; the browser keeps ``kept`` and ``kept_language`` for the next visit.

    ``held`` is the conversation that is open, as the server keeps it; ``open_before`` the one before a reload.
    """

    turn_views: gr.State
    excluded: gr.State
    language: gr.State
    asked: gr.State
    judged: gr.State
    held: gr.State
    open_before: gr.Textbox
    kept: gr.BrowserState
    kept_language: gr.BrowserState


@dataclass(frozen=True, slots=True)
class Bar:
    """The bar at the top."""

    name: gr.HTML
    new: gr.Button
    export: gr.Button


@dataclass(frozen=True, slots=True)
class Left:
    """The list of documents, what has become of the files that were uploaded, and the list of conversations."""

    documents: gr.HTML
    add: gr.UploadButton
    report: gr.HTML
    conversations: gr.HTML
    listed: gr.HTML


@dataclass(frozen=True, slots=True)
class Middle:
    """The conversation, the comment on an answer, the box of the question, and the drop zone of an empty page."""

    chat: gr.Chatbot
    comment_row: gr.Row
    comment: gr.Textbox
    send: gr.Button
    box: gr.Textbox
    begin: gr.HTML


@dataclass(frozen=True, slots=True)
class Layout:
    """All components of the page that events read or change."""

    state: State
    bar: Bar
    left: Left
    middle: Middle
    document_panel: gr.HTML
    exported: gr.Textbox


def lay_out(temei: Temei) -> Layout:
    """Add the components to the Gradio app that is being built, and return them."""
    state = _state()
    gr.HTML(skip_html(), elem_id="skip", **STATIC)
    with gr.Row(elem_id="bar"):
        bar = _bar()
    with gr.Row(elem_id="panels"):
        with gr.Column(elem_id="left", min_width=0):
            left = _left()
        with gr.Column(elem_id="middle", min_width=0):
            middle = _middle(temei.settings)
        with gr.Column(elem_id="right", min_width=0):
            document_panel = gr.HTML(
                document_panel_html(None, 0, 0, FALLBACK, temei.document),
                elem_id="document-panel",
                apply_default_css=False,
                js_on_load=script("document_panel.js", "chat.js"),
            )
    exported = gr.Textbox(visible="hidden", elem_id="exported", label="Markdown")
    return Layout(state, bar, left, middle, document_panel, exported)


def _state() -> State:
    return State(
        turn_views=gr.State(()),
        excluded=gr.State(()),
        language=gr.State(""),
        asked=gr.State(""),
        judged=gr.State(None),
        held=gr.State(None),
        open_before=gr.Textbox(visible="hidden", elem_id="open-before", label="open-before"),
        kept=gr.BrowserState([], storage_key="temei-conversation", secret=BROWSER_KEY),
        kept_language=gr.BrowserState("", storage_key="temei-language", secret=BROWSER_KEY),
    )


def _bar() -> Bar:
    return Bar(
        name=gr.HTML(name_html(""), elem_id="name", apply_default_css=False, js_on_load=script("bar.js")),
        new=gr.Button(I18N("new"), variant="secondary", elem_id="new", **SMALL),
        export=gr.Button(I18N("export"), variant="secondary", elem_id="export", **SMALL),
    )


def _left() -> Left:
    gr.HTML(f"<h2>{both('sources')}</h2>", elem_id="left-title", **STATIC)
    # Given file types, Gradio would leave files of others out without a word; so the server refuses them.
    add = Upload(str(I18N("add")), file_count="multiple", elem_id="add", **SMALL)
    gr.HTML(paste_html(), elem_id="add-text", **STATIC)
    report = gr.HTML("", elem_id="added", **STATIC)
    gr.HTML(tools_html(), elem_id="tools", **STATIC)
    documents = gr.HTML("", elem_id="documents", apply_default_css=False, js_on_load=script("documents.js"))
    conversations = gr.HTML(
        head_html(), elem_id="conversations", apply_default_css=False, js_on_load=script("conversations.js")
    )
    return Left(documents, add, report, conversations, gr.HTML("", elem_id="conversations-list", **STATIC))


def _middle(settings: Settings) -> Middle:
    begin = gr.HTML(
        begin_html(MOST_FILES, SUFFIXES, stays_here=not settings.chat_model),
        elem_id="begin",
        apply_default_css=False,
        js_on_load=script("begin.js"),
    )
    chat = gr.Chatbot(
        elem_id="chat",
        show_label=False,
        label=I18N("chat"),
        layout="panel",
        render_markdown=False,
        latex_delimiters=[],
        allow_tags=False,
        editable="user",
        autoscroll=False,
        buttons=["copy"],
        placeholder=both("empty"),
        height="100%",
        scale=1,
    )
    with gr.Row(visible=False, elem_id="comment") as comment_row:
        comment = gr.Textbox(show_label=False, label=I18N("comment"), lines=1, scale=1, min_width=0)
        send = gr.Button(I18N("send"), scale=0, **SMALL)
    box = gr.Textbox(
        elem_id="question",
        show_label=False,
        label=I18N("ask_label"),
        placeholder=I18N("ask"),
        max_length=settings.max_question_chars,
        submit_btn=True,
        autofocus=True,
        lines=1,
        max_lines=6,
    )
    return Middle(chat, comment_row, comment, send, box, begin)
