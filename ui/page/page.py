"""The chat page: the sources at the left, the conversation in the middle, the reader at the right."""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Iterator
from typing import Any

import gradio as gr

from rag.chain import Temei
from rag.errors import TemeiError
from rag.text.characters import whole
from ui.api.faults import Page
from ui.api.gate import UPLOADS_A_MINUTE
from ui.api.openai import offer
from ui.api.rate_limit import Pace
from ui.api.visitors import visitor
from ui.page.conversation import READY, Conversation, Exchanges, Updates, messages, shown_error, spoken, to_keep
from ui.page.document_list import Added, Given, added_html
from ui.page.documents import MOST_FILES, SUFFIXES, Shelf, discard
from ui.page.file_names import shown_name
from ui.page.markup import escape
from ui.page.render import name_html, reader_html
from ui.page.suggest import Suggestions
from ui.page.theme import script
from ui.page.upload_cache import cache, claimed
from ui.texts import FALLBACK, I18N, both, known, say

MOST_SESSIONS, MOST_WAITING, AT_ONCE = 500, 64, 4
"""Visits whose state is held (10 kB each, and its conversation), questions that wait, those answered at once."""
HIDDEN: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
"""How events of the page are declared: no doors for programs."""
KEEP: dict[str, Any] = {**HIDDEN, "queue": False}
"""Those that take no time do not queue."""
LONGEST_EXAMPLE = 1000
"""Characters of a question that is offered; those made of the documents have less."""
BROWSER_KEY = "temei"
"""What the browser keeps is encrypted under it: no secret, but the same after a restart."""


# Gradio hands out paths without the names that the files had. Its metaclass is gone round because that writes a stub
# beside the module of every class; module and name stay, by which the browser finds the component's code.
Upload: type[gr.UploadButton] = ABCMeta.__new__(
    type(gr.UploadButton),
    gr.UploadButton.__name__,
    (gr.UploadButton,),
    {"__module__": gr.UploadButton.__module__, "preprocess": lambda self, payload: claimed(payload)},
)


def build(temei: Temei, asks: Pace | None = None) -> gr.Blocks:
    """Return the page as a Gradio app; ``asks`` is the pace of questions, which other doors may share."""
    asks = asks or Pace(temei.settings.asks_a_minute, 60)
    cache()  # where Gradio keeps uploads, and the only place that it takes them from
    shelf = Shelf(temei)
    talk = Conversation(temei, shelf, asks)
    suggestions = Suggestions(temei)
    pace = Pace(UPLOADS_A_MINUTE, 60)
    page = Page(title="Temei", fill_height=True, fill_width=True, analytics_enabled=False, delete_cache=(3600, 3600))
    with page:
        exchanges, excluded, language = gr.State(()), gr.State(()), gr.State("")
        asked, judged = gr.State(""), gr.State(None)
        kept = gr.BrowserState([], storage_key="temei-conversation", secret=BROWSER_KEY)
        kept_language = gr.BrowserState("", storage_key="temei-language", secret=BROWSER_KEY)
        with gr.Row(elem_id="bar"):
            bar = gr.HTML(name_html(""), elem_id="name", apply_default_css=False, js_on_load=script("bar.js"))
            new = gr.Button(I18N("new"), size="sm", variant="secondary", elem_id="new", min_width=0)
            export = gr.Button(I18N("export"), size="sm", variant="secondary", elem_id="export", min_width=0)
        with gr.Row(elem_id="panels"):
            with gr.Column(elem_id="left", min_width=0):
                gr.HTML(f"<h2>{both('sources')}</h2>", elem_id="left-title", apply_default_css=False, js_on_load=None)
                listed = gr.HTML("", elem_id="shelf", apply_default_css=False, js_on_load=script("shelf.js"))
                add = Upload(
                    str(I18N("add")), file_count="multiple", file_types=SUFFIXES, size="sm", elem_id="add", min_width=0
                )
                report = gr.HTML("", elem_id="added", apply_default_css=False, js_on_load=None)
            with gr.Column(elem_id="middle", min_width=0):
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
                    send = gr.Button(I18N("send"), size="sm", scale=0, min_width=0)
                box = gr.Textbox(
                    elem_id="question",
                    show_label=False,
                    label=I18N("ask_label"),
                    placeholder=I18N("ask"),
                    max_length=temei.settings.max_question_chars,
                    submit_btn=True,
                    autofocus=True,
                    lines=1,
                    max_lines=6,
                )
            with gr.Column(elem_id="right", min_width=0):
                view = gr.HTML(
                    reader_html(None, 0, 0, FALLBACK, temei.document),
                    elem_id="reader",
                    apply_default_css=False,
                    js_on_load=script("reader.js"),
                )
        exported = gr.Textbox(visible="hidden", elem_id="exported", label="Markdown")

        # Asking
        context = [exchanges, excluded, language]
        answered = [chat, exchanges, view, box, comment_row, kept]
        asking = [
            box.submit(talk.respond, [box, *context], answered, **HIDDEN),
            chat.example_select(_example, None, asked, **KEEP).then(
                talk.respond, [asked, *context], answered, **HIDDEN
            ),
            chat.retry(talk.retry, context, answered, **HIDDEN),
            chat.edit(talk.edit, context, answered, **HIDDEN),
        ]
        box.stop(_stopped, [exchanges, language], [chat, box, kept], cancels=asking, **KEEP)
        new.click(_cleared, None, [*answered[:3], comment_row, kept, box], cancels=asking, js=script("new.js"), **KEEP)
        chat.like(talk.like, [exchanges, language], [comment_row, comment, judged], **HIDDEN)
        for sent in (comment.submit, send.click):
            sent(talk.comment, [comment, judged, exchanges, language], comment_row, **HIDDEN)
        export.click(talk.exported, [exchanges, language], exported, **KEEP).then(
            None, exported, None, js=script("download.js")
        )

        # Reading
        view.open_citation(talk.open_citation, [exchanges, language], view, **HIDDEN)
        view.open_whole(talk.open_whole, [exchanges, language], view, **HIDDEN)
        listed.open_document(talk.open_document, language, view, **HIDDEN)

        # The shelf
        def tick(chosen: str, request: gr.Request, event: gr.EventData) -> Updates:
            given = getattr(event, "excluded", [])
            names = {name for name in given if isinstance(name, str)} if isinstance(given, list) else set()
            left_out = tuple(row["id"] for row in shelf.rows() if row["id"] in names)
            return left_out, shelf.html(left_out, spoken(chosen, request))

        def remove(left_out: tuple[str, ...], chosen: str, request: gr.Request, event: gr.EventData) -> str:
            where = spoken(chosen, request)
            try:
                shelf.remove(whole(str(getattr(event, "document", ""))))
            except TemeiError as error:
                raise shown_error(error, where) from error
            gr.Info(say(where, "removed"), duration=4)
            return shelf.html(left_out, where)

        def replace(left_out: tuple[str, ...], chosen: str, request: gr.Request, event: gr.EventData) -> str:
            where = spoken(chosen, request)
            try:
                name = shelf.replace(str(getattr(event, "document", "")))
            except TemeiError as error:
                raise shown_error(error, where) from error
            if name:
                gr.Info(say(where, "replaced", name=escape(name)), duration=4)
            return shelf.html(left_out, where)

        def upload(
            files: list[Given],
            left_out: tuple[str, ...],
            chosen: str,
            request: gr.Request,
        ) -> Iterator[Updates]:
            where = spoken(chosen, request)
            some = files[:MOST_FILES]
            if not pace.allows(visitor(request)):
                gr.Warning(say(where, "too_fast"))
                some = []
            elif len(files) > MOST_FILES:
                gr.Warning(say(where, "too_many", count=MOST_FILES))
            discard(files[len(some) :])
            lines = [Added(shown_name(file.name), "waiting") for file in some]
            with shelf.taking(some) as taken:
                for at, file in enumerate(taken):
                    for step in shelf.adding(file):
                        lines[at] = step
                        yield gr.skip(), added_html(lines, where)
            yield shelf.html(left_out, where), added_html(lines, where)

        listed.replace(replace, [excluded, language], listed, **HIDDEN)
        listed.tick(tick, language, [excluded, listed], **KEEP)
        listed.remove(remove, [excluded, language], listed, **HIDDEN)
        uploading = add.upload(upload, [add, excluded, language], [listed, report], **HIDDEN)

        # The language, and what a visit begins with
        def labels(where: str) -> Updates:
            return (
                gr.Textbox(label=say(where, "ask_label"), placeholder=say(where, "ask")),
                gr.Button(say(where, "new")),
                gr.Button(say(where, "export")),
                gr.UploadButton(say(where, "add")),
                gr.Button(say(where, "send")),
                gr.Textbox(label=say(where, "comment"), placeholder=say(where, "comment")),
            )

        def speak(now: Exchanges, left_out: tuple[str, ...], event: gr.EventData) -> Updates:
            where = known(getattr(event, "language", ""))
            turn, number = getattr(event, "turn", ""), getattr(event, "number", "")
            at = (int(turn), int(number)) if str(turn).isdigit() and str(number).isdigit() else None
            shown = gr.skip() if at is None else talk.reader(now, *at, where)
            drawn = gr.Chatbot(value=messages(now, where), label=say(where, "chat"))
            return where, where, name_html(where), drawn, shown, shelf.html(left_out, where), *labels(where)

        def begin(stored: Any, chosen: Any, request: gr.Request) -> Updates:
            chosen = known(chosen) if chosen else ""
            where, now = spoken(chosen, request), talk.restored(stored)
            named = (chosen, name_html(chosen), *labels(where)) if chosen else (gr.skip(),) * 8
            if not now:
                return gr.skip(), gr.skip(), gr.skip(), shelf.html((), where), *named
            last = len(now) - 1
            return (
                now,
                messages(now, where),
                talk.reader(now, last, 0 if now[last].abstained else 1, where),
                shelf.html((), where),
                *named,
            )

        def suggest(chosen: str, request: gr.Request) -> Any:
            questions = suggestions.some(spoken(chosen, request))
            return gr.Chatbot(examples=[{"text": question} for question in questions])

        labelled = [box, new, export, add, send, comment]
        spoke = bar.speak(
            speak, [exchanges, excluded], [language, kept_language, bar, chat, view, listed, *labelled], **KEEP
        )
        began = page.load(
            begin, [kept, kept_language], [exchanges, chat, view, listed, language, bar, *labelled], **KEEP
        )
        for before in (spoke, began, uploading):
            before.then(suggest, language, chat, **HIDDEN)
        offer(temei, asks)
    page.state_session_capacity = MOST_SESSIONS
    page.queue(max_size=MOST_WAITING, default_concurrency_limit=AT_ONCE)
    return page


def _example(event: gr.SelectData) -> str:
    return str(event.value.get("text", ""))[:LONGEST_EXAMPLE] if isinstance(event.value, dict) else ""


def _stopped(exchanges: Exchanges, chosen: str, request: gr.Request) -> Updates:
    return messages(exchanges, spoken(chosen, request)), gr.Textbox(**READY), to_keep(exchanges)


def _cleared() -> Updates:
    nothing = reader_html(None, 0, 0, FALLBACK, lambda name: None)
    return [], (), nothing, gr.Row(visible=False), [], gr.Textbox(value="", **READY)
