"""Reranking: the reader reads the first hits, and the answers that it finds raise their scores.

    evidence = the answer's log-odds, clipped to -2..14 and scaled to 0..1
    score    = retrieval score + 0.03 * evidence of the best answer in the passage

The weight is small because the reader errs more than the encoder where question and passage differ in language. Between
the sentences of one passage the evidence has a larger weight (`rag.read`). ``docs/experiments.md`` has the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from rag.cells import name_rows, nearness, with_cells
from rag.models.reader import ReaderAnswer
from rag.retrieve import Retrieval
from rag.types import Floats, Passage

Read = Callable[[str, Sequence[Passage], Sequence[Floats]], list[tuple[ReaderAnswer, ...]]]
"""`Reader.read`: from a question, passages and the similarity of each one's sentences, to their answers."""

READ = 5
"""Hits that are read."""
WEIGHT = 0.03
"""What an answer that the reader is certain of adds to the score of its passage (docs/experiments.md, The
neural reader)."""
LOWEST, HIGHEST = -2.0, 14.0
"""Log-odds of the reader that count 0 and 1, of the reader's stage 3 (docs/experiments.md, The neural reader)."""


def rerank(retrieval: Retrieval, read: Read) -> Retrieval:
    """Return the retrieval with its first hits read, their scores raised by what was found, best first."""
    first = retrieval.hits[:READ]
    named = name_rows(retrieval, [hit.passage for hit in first])
    near = [nearness(retrieval.sentences[hit.passage.id], named[hit.passage.id]) for hit in first]
    read_of = read(retrieval.query, [hit.passage for hit in first], near)
    answers = {hit.passage.id: found for hit, found in zip(first, read_of, strict=True)}
    raised = [replace(hit, score=hit.score + WEIGHT * _best(answers[hit.passage.id])) for hit in first]
    hits = sorted([*raised, *retrieval.hits[READ:]], key=lambda hit: (-hit.score, hit.passage.id))
    return with_cells(replace(retrieval, hits=tuple(hits), answers=answers), named)


def evidence(found: ReaderAnswer) -> float:
    """Return how much a found answer counts, between 0 and 1."""
    return (min(max(found.score, LOWEST), HIGHEST) - LOWEST) / (HIGHEST - LOWEST)


def _best(found: tuple[ReaderAnswer, ...]) -> float:
    return max(map(evidence, found), default=0.0)
