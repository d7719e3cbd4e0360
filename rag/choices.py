"""Choices: find out that a question asks for several things alike, so that people choose which they mean.

"What does it cost?" names nothing that tells a bread from a ticket. Where such a question finds about equally good
answers of the same kind under several headings, all of them are shown, each with its heading.
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.followup import naming
from rag.models.word_rarity import WordRarity
from rag.read import Sentence
from rag.text.language import question_language, words
from rag.text.questions import holds, wanted

MOST_NAMED = 1
"""Words that name something in a question that may mean several things: "what does it cost"."""
MOST_CHOICES = 4
MARGIN = 0.06
"""What a choice may score below the best: half of what an answer from another passage may (`rag.read`). Chosen by
eye; not measured."""


def choices(question: str, ranked: Sequence[Sentence], languages: Sequence[str], rarity: WordRarity) -> list[Sentence]:
    """Return the best sentence under each of two to four headings that answer a question alike; none where one does.

    Args:
        ranked: sentences, best first, that the reader looked at.
        languages: those of the documents.
    """
    kind = wanted(question)
    if kind is None or len(naming(question, question_language(question, languages), rarity)) > MOST_NAMED:
        return []
    found: dict[tuple[str, tuple[str, ...]], Sentence] = {}
    for sentence in ranked:
        if ranked[0].score - sentence.score > MARGIN:
            break
        if sentence.found and sentence.found.is_shown and not sentence.is_heading and holds(sentence.text, kind):
            passage = sentence.hit.passage
            found.setdefault((passage.document_id, passage.path_at(sentence.span[0])), sentence)
    told = {tuple(words(_answer(sentence))) for sentence in found.values()}
    return list(found.values())[:MOST_CHOICES] if len(found) > 1 and len(told) == len(found) else []


def _answer(sentence: Sentence) -> str:
    if sentence.found is None:
        return ""
    start, end = sentence.found.span
    return sentence.text[start - sentence.span[0] : end - sentence.span[0]]
