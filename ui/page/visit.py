"""Begin a visit, change its language, and suggest questions."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ui.page.conversation import Conversation, TurnViews, Updates, messages, spoken
from ui.page.documents import Documents
from ui.page.render import name_html
from ui.page.suggestions import Suggestions
from ui.texts import known, say


class Visit:
    """The callbacks that concern the page as a whole."""

    def __init__(self, conversation: Conversation, documents: Documents, suggestions: Suggestions) -> None:
        self._conversation = conversation
        self._documents = documents
        self._suggestions = suggestions

    def speak(self, turn_views: TurnViews, excluded: tuple[str, ...], event: gr.EventData) -> Updates:
        """Show the page in the language that the visitor chose.

        Returns the language twice (for the visit and for the browser), the bar, the chat, the document panel, the list
        of documents, and the labels.
        """
        language = known(getattr(event, "language", ""))
        turn, number = getattr(event, "turn", ""), getattr(event, "number", "")
        at = (int(turn), int(number)) if str(turn).isdigit() and str(number).isdigit() else None
        panel = gr.skip() if at is None else self._conversation.document_panel(turn_views, *at, language)
        chat = gr.Chatbot(value=messages(turn_views, language), label=say(language, "chat"))
        listed = self._documents.html(excluded, language)
        return language, language, name_html(language), chat, panel, listed, *labels(language)

    def begin(self, chosen: Any, request: gr.Request) -> Updates:
        """Begin a visit in the language that was chosen before.

        Returns the list of documents, the language, the bar, and the labels.
        """
        chosen = known(chosen) if chosen else ""
        named = (chosen, name_html(chosen), *labels(chosen)) if chosen else (gr.skip(),) * 8
        return self._documents.html((), spoken(chosen, request)), *named

    def suggest(self, chosen: str, request: gr.Request) -> Any:
        """Offer questions that the documents answer."""
        questions = self._suggestions.some(spoken(chosen, request))
        return gr.Chatbot(examples=[{"text": question} for question in questions])


def labels(language: str) -> Updates:
    """Return the labels of the question's box, the buttons new, export, add and send, and the comment's box."""
    return (
        gr.Textbox(label=say(language, "ask_label"), placeholder=say(language, "ask")),
        gr.Button(say(language, "new")),
        gr.Button(say(language, "export")),
        gr.UploadButton(say(language, "add")),
        gr.Button(say(language, "send")),
        gr.Textbox(label=say(language, "comment"), placeholder=say(language, "comment")),
    )
