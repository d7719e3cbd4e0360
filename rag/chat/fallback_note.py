"""The notes beside an answer, in the page's two languages.

They say why no language model wrote it, where it looked, what was left out, and that its confidence is rough.
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.errors import Fault
from rag.messages import message
from rag.text.language import question_language


def note_rough(question: str, languages: Sequence[str]) -> str:
    """Return the line for a confidence that was fitted for another embedding model than the one in use."""
    return message("confidence_is_rough").in_language(question_language(question, languages))


def note_place(titles: Sequence[str], question: str, languages: Sequence[str]) -> str:
    """Return the line that names the documents that were looked in, empty where the question named none."""
    if not titles:
        return ""
    return message("looked_in", titles="; ".join(titles)).in_language(question_language(question, languages))


def note_left_out(taken: int, left_out: int, question: str, languages: Sequence[str]) -> str:
    """Return the line for questions within one that were not looked into, empty where there are none."""
    if not left_out:
        return ""
    said = message("questions_left_out", all=taken + left_out, taken=taken)
    return said.in_language(question_language(question, languages))


def note(fault: Fault, model: str, question: str, languages: Sequence[str]) -> str:
    """Return the line, in the question's language where there is one, else in English."""
    said = message("sources_own_words", why=message(f"not_written_{fault}", model=model))
    line = said.in_language(question_language(question, languages))
    return line[0].upper() + line[1:] if not line.startswith(model) else line
