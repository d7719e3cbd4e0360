"""The sentence with which Temei declines to answer, in ten languages."""

from __future__ import annotations

from collections.abc import Collection

from rag.messages import message
from rag.text.language import question_language


def refusal(question: str, languages: Collection[str]) -> str:
    """Return the sentence that declines to answer, in the question's language where there is one, else in English.

    ``languages`` are those of the corpus, which decide where the question is too short to tell.
    """
    return message("refusal").in_language(question_language(question, languages))
