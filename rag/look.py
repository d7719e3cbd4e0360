"""Look: retrieve the passages for a question, read them, and rank their sentences.

Each of several questions in one is looked at by itself as well, within bounds of number and time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag.models.reader import Reader
from rag.read import Sentence, rank_sentences
from rag.rerank import rerank
from rag.retrieve import Retrieval


@dataclass(frozen=True)
class Look:
    """The passages that were found for a question, read, and their sentences, best first."""

    retrieval: Retrieval
    sentences: list[Sentence]


@dataclass(frozen=True)
class PartLooks:
    """A look for each question within a question, and how many questions were left out."""

    looks: Sequence[Look] = ()
    left_out: int = 0


def look(retrieval: Retrieval, reader: Reader | None) -> Look:
    """Return the look at what was retrieved; without a reader the sentences are ranked unread."""
    read = rerank(retrieval, reader.read) if reader is not None else retrieval
    return Look(read, rank_sentences(read))


def look_at_parts(parts: Sequence[str], look_at: Callable[[str], Look], *, most: int, deadline: float) -> PartLooks:
    """Look at the first ``most`` parts, until the ``deadline`` on the clock of `time.monotonic`."""
    looks: list[Look] = []
    for part in parts:
        if len(looks) == most or time.monotonic() >= deadline:
            break
        looks.append(look_at(part))
    return PartLooks(looks, len(parts) - len(looks))
