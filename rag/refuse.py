"""The sentence with which Temei declines to answer, in ten languages, and how to know it again."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from rag.intent import REPLIES, Wish
from rag.messages import message
from rag.messages.message import CATALOGUE
from rag.text.language import question_language
from rag.text.markers import MARKER

_LANGUAGES = ("en", "ro", "fr", "de", "es", "it", "pt", "hu", "ru", "zh")
"""Languages in which refusals and replies are said."""


def refusal(question: str, languages: Collection[str]) -> str:
    """Return the sentence that declines to answer, in the question's language where there is one, else in English.

    ``languages`` are those of the corpus, which decide where the question is too short to tell.
    """
    return message("refusal").in_language(question_language(question, languages))


def declined(text: str) -> bool:
    """Return whether an answer, of which only the text is known, was a refusal or a reply to what was no look-up."""
    return MARKER.search(text) is None and text.startswith(_beginnings())


@cache
def _beginnings() -> tuple[str, ...]:
    """Return how refusals and replies begin in each language, up to the first thing that varies."""
    keys = ["refusal", *(f"reply_{wish}" for wish in Wish if wish.intent in REPLIES and wish is not Wish.MENTIONS)]
    said = [CATALOGUE.say(name, key, {"count": "{", "titles": "{"}) for key in keys for name in _LANGUAGES]
    return tuple(dict.fromkeys(text.split("{")[0] for text in said))
