"""Find hard negatives for each training question: passages that seem to answer it and do not.

Retrieval finds them: they are the nearest passages of the same file by the bundled encoder. Files with many questions
use BM25 instead, because embedding them would take an hour. Half of the negatives come from the question's own article.
A passage that holds the words of the answer is not a negative. The result is kept in a file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import bm25s
import numpy as np
from numpy.typing import NDArray

from eval.fit.reader_sets import Question
from rag.models.embeddings import Embedder
from rag.text.language import terms
from rag.types import Floats

Negatives = Mapping[str, Sequence[int]]
"""A question's id -> the numbers of passages of its file, nearest first."""

MOST = 6
"""Negatives kept for a question; half of them at most from its own article."""
LONGEST = 420
"""Characters of a passage that are embedded: what it is about shows by then, and the time doubles with the length."""
LARGE = 6_000
"""Questions of a file above which BM25 looks for the passages."""
LOOKED_AT = 40
"""Nearest passages among which negatives are looked for."""


def find_negatives(questions: Sequence[Question], embedder: Embedder, known: Path) -> Negatives:
    """Return the negatives of the answerable questions of one file, from ``known`` where they were found before."""
    if known.exists():
        stored: dict[str, list[int]] = json.loads(known.read_text(encoding="utf-8"))
        return stored
    passages: dict[int, Question] = {}
    for question in questions:
        passages.setdefault(question.passage_number, question)
    numbers = np.array(list(passages))
    articles = np.array([one.article for one in passages.values()])
    texts = [one.passage for one in passages.values()]
    folded = [text.lower() for text in texts]
    asked = [question for question in questions if question.answer is not None]
    near_to = _by_words(texts, questions[0].written_in) if len(asked) > LARGE else _by_meaning(texts, embedder)
    found: dict[str, list[int]] = {}
    for question in asked:
        assert question.answer is not None
        answer = question.passage[slice(*question.answer)].lower()
        near = near_to(question.text)
        own = articles == question.article
        rows = [
            int(row)
            for some in (np.flatnonzero(own), np.flatnonzero(~own))
            for row in _nearest(some, near, question, numbers, folded, answer)
        ]
        found[question.id] = [int(numbers[row]) for row in rows]
    fresh = known.with_suffix(".new")
    fresh.write_text(json.dumps(found), encoding="utf-8")
    fresh.replace(known)
    return found


def _by_meaning(texts: Sequence[str], embedder: Embedder) -> Callable[[str], Floats]:
    vectors = embedder.encode_passages([text[:LONGEST] for text in texts])
    return lambda question: vectors @ embedder.encode_query(question)


def _by_words(texts: Sequence[str], language: str) -> Callable[[str], Floats]:
    model = bm25s.BM25()
    model.index([terms(text, language) for text in texts], show_progress=False)
    return lambda question: np.asarray(model.get_scores(terms(question, language) or [""]), dtype=np.float32)


def _nearest(
    rows: NDArray[np.int64],
    near: Floats,
    question: Question,
    numbers: NDArray[np.int64],
    folded: Sequence[str],
    answer: str,
) -> list[int]:
    best = rows[np.argsort(-near[rows])][:LOOKED_AT]
    good = (row for row in best if numbers[row] != question.passage_number and not _holds(folded[row], answer))
    return [row for _, row in zip(range(MOST // 2), good, strict=False)]


def _holds(text: str, answer: str) -> bool:
    """Tell whether a text holds the answer, or all of its longer words."""
    words = [word for word in answer.split() if len(word) > 3]
    return answer in text or (bool(words) and all(word in text for word in words))
