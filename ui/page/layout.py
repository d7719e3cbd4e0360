"""Lay out the chat page: documents on the left, the conversation in the middle, the opened document on the right."""

from __future__ import annotations

from abc import ABCMeta
from dataclasses import dataclass
from typing import Any

import gradio as gr

from rag.chain import Temei
from ui.page.documents import SUFFIXES
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
    """What a visit holds without showing it; the browser keeps ``kept`` and ``kept_language`` for the next visit."""

    turn_views: gr.State
    excluded: gr.State
    language: gr.State
    asked: gr.State
    judged: gr.State
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
    """The list of documents, and what has become of the files that were uploaded."""

    documents: gr.HTML
    add: gr.UploadButton
    report: gr.HTML


@dataclass(frozen=True, slots=True)
class Middle:
    """The conversation, the comment on an answer, and the box of the question."""

    chat: gr.Chatbot
    comment_row: gr.Row
    comment: gr.Textbox
    send: gr.Button
    box: gr.Textbox


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
    with gr.Row(elem_id="bar"):
        bar = _bar()
    with gr.Row(elem_id="panels"):
        with gr.Column(elem_id="left", min_width=0):
            left = _left()
        with gr.Column(elem_id="middle", min_width=0):
            middle = _middle(temei.settings.max_question_chars)
        with gr.Column(elem_id="right", min_width=0):
            document_panel = gr.HTML(
                document_panel_html(None, 0, 0, FALLBACK, temei.document),
                elem_id="document-panel",
                apply_default_css=False,
                js_on_load=script("document_panel.js"),
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
    return Left(
        documents=gr.HTML("", elem_id="documents", apply_default_css=False, js_on_load=script("documents.js")),
        add=Upload(str(I18N("add")), file_count="multiple", file_types=SUFFIXES, elem_id="add", **SMALL),
        report=gr.HTML("", elem_id="added", **STATIC),
    )


def _middle(longest_question: int) -> Middle:
    chat = gr.Chatbot(
        elem_id="chat",
        show_label=False,
        label=I18N("chat"),
        layout="panel",
        render_markdown=False,
        latex_delimiters=[],
        allow_tags=False,
        editable="user",
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
        max_length=longest_question,
        submit_btn=True,
        autofocus=True,
        lines=1,
        max_lines=6,
    )
    return Middle(chat, comment_row, comment, send, box)
