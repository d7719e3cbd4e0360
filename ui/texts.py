"""Say the texts of the page, which stand in texts.toml, in Romanian and English."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import gradio as gr

from rag.messages import ENGLISH, LANGUAGES, Catalogue

FALLBACK = ENGLISH
"""The language of a browser that speaks neither."""

CATALOGUE = Catalogue([Path(__file__).with_name("texts.toml")])

GRADIO: Mapping[str, str] = {
    "Like": "like",
    "Îmi place": "like",
    "Dislike": "dislike",
    "Nu-mi place": "dislike",
    "Liked": "liked",
    "Disliked": "disliked",
    "Retry": "retry",
    "Încearcă din nou": "retry",
    "Edit": "edit",
    "Editează": "edit",
    "Copy message": "copy_question",
    "Copied message": "copied",
    "Copy": "copy_question",
    "Submit": "submit_edit",
    "Trimite": "submit_edit",
    "Cancel": "cancel",
    "Anulează": "cancel",
    "Close": "close",
    "chatbot conversation": "chat",
    "user's message": "your_question",
    "bot's message": "answer",
    "Error": "toast_error",
    "Warning": "toast_warning",
    "Info": "toast_info",
    "Success": "toast_success",
    "An error occurred.": "toast_error",
    "Warning.": "toast_warning",
    "Info.": "toast_info",
    "Success.": "toast_success",
    "This application is currently busy. Please try again.": "busy",
    "Connection errored out.": "broken",
    "Connection to the server was lost. Attempting reconnection...": "lost",
}
"""What Gradio says by itself, in English or in the browser's language, and the text of the page that replaces it."""

SCRIPTED = (
    "panels", "language", "submit", "stop", "too_large", "left_out", "find_conversation",
    "filter_sources", "order_sources", "refused_files", "pending", "no_ground", "answered", "answered_one",
)  # fmt: skip
"""The texts that the page's scripts say, beside those that replace Gradio's own."""

I18N = gr.I18n(
    **{language: {key: CATALOGUE.template(language, key) for key in CATALOGUE.texts} for language in LANGUAGES}
)
"""The same texts for Gradio's components, which choose by the browser's language."""


def say(language: str, key: str, **values: object) -> str:
    """Return a text in a language, its values filled in; without any, as it is written, for the page's scripts."""
    return CATALOGUE.say(language, key, values) if values else CATALOGUE.template(language, key)


def known(language: object) -> str:
    """Return the language where the page speaks it, else the fallback."""
    return language if isinstance(language, str) and language in LANGUAGES else FALLBACK


def preferred(accept_language: str) -> str:
    """Return the first language of an Accept-Language header that the page speaks, else the fallback."""
    ranked: list[tuple[float, int, str]] = []
    for position, item in enumerate(accept_language.split(",")):
        tag, _, quality = item.strip().partition(";q=")
        try:
            weight = float(quality or 1)
        except ValueError:
            weight = 0.0
        ranked.append((-weight, position, tag.strip().lower().partition("-")[0]))
    return next((tag for weight, _, tag in sorted(ranked) if weight < 0 and tag in LANGUAGES), FALLBACK)


def both(key: str) -> str:
    """Return a text in every language, as HTML of which the style sheet shows the one that ``<html lang>`` names."""
    return "".join(f'<span lang="{language}" class="said">{say(language, key)}</span>' for language in LANGUAGES)
