"""Intent: tell a question that is to be looked up from thanks, requests and questions about the collection itself.

A linear model over the question's vector decides (``python -m eval.fit.intents`` fits it and writes
``intents.json``). It was fitted for the bundled embedding model; beside another one every question is a look-up.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import numpy as np

from rag.types import Floats

PATH = Path(__file__).with_name("intents.json")


class Intent(StrEnum):
    """What somebody wants: an answer out of the documents, or something else.

    ``SMALLTALK`` is a greeting, thanks or a question about Temei; ``OVERVIEW`` what the documents are about;
    ``COLLECTION`` which documents there are; ``TASK`` what Temei cannot do: to write, translate, calculate, judge.
    """

    LOOK_UP = "answer"
    SMALLTALK = "smalltalk"
    OVERVIEW = "overview"
    COLLECTION = "collection"
    TASK = "task"


WRITTEN = (Intent.OVERVIEW, Intent.TASK)
"""What a language model does better, where one is set."""
REPLIES = (Intent.SMALLTALK, Intent.COLLECTION, Intent.TASK)
"""What is replied to in a line of Temei's own."""


@dataclass(frozen=True)
class _Model:
    """Weights of shape (kinds, dimension), an intercept for each kind, and the score that each must pass."""

    kinds: tuple[Intent, ...]
    weights: Floats
    intercept: Floats
    bounds: Floats


@cache
def _model(embedding_model: str) -> _Model | None:
    stored = json.loads(PATH.read_text(encoding="utf-8"))
    if stored["embedding_model"] != embedding_model:
        return None
    arrays = [np.array(stored[name], dtype=np.float32) for name in ("weights", "intercept", "bounds")]
    return _Model(tuple(map(Intent, stored["kinds"])), *arrays)


def knows(embedding_model: str) -> bool:
    """Return whether intents can be told by the vectors of an embedding model."""
    return _model(embedding_model) is not None


def intent_of(vector: Floats, embedding_model: str) -> Intent:
    """Return the intent of a question by its vector, of shape (dimension,)."""
    model = _model(embedding_model)
    if model is None:
        return Intent.LOOK_UP
    scores = dict(zip(model.kinds, (model.weights @ vector + model.intercept).tolist(), strict=True))
    bounds = dict(zip(model.kinds, model.bounds.tolist(), strict=True))
    best = max(scores, key=lambda kind: scores[kind])
    if best is Intent.LOOK_UP or scores[best] <= bounds[best]:
        return Intent.LOOK_UP
    # An overview of several documents names them as well.
    overview = scores[Intent.OVERVIEW] > bounds[Intent.OVERVIEW]
    return Intent.OVERVIEW if best is Intent.COLLECTION and overview else best
