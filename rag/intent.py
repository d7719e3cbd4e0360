"""Intent: tell a question that is to be looked up from thanks, requests and questions about the collection itself.

A small neural network over the question's vector decides, together with the words of the question that recur in the
examples (``python -m eval.fit.intents`` fits both on ``eval/data/intents`` and writes ``intents.json``). It was fitted
for the bundled embedding model; beside another one every question is a look-up.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import numpy as np

from rag.text.language import fold, words
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


def is_looked_up(kind: str) -> bool:
    """Return whether something was looked up for an answer of that kind, `rag.types.Answer.kind`."""
    return kind not in tuple(Intent)[1:]


class Wish(StrEnum):
    """An intent in particular; each has examples of its name and a reply of its own."""

    ANSWER = "answer"
    GREETING = "greeting"
    THANKS = "thanks"
    GOODBYE = "goodbye"
    AGREEMENT = "agreement"
    IDENTITY = "identity"
    ABILITY = "ability"
    CHAT = "chat"
    OVERVIEW = "overview"
    DOCUMENTS = "collection"
    MENTIONS = "mentions"
    ADDED = "added"
    COMPARE = "compare"
    CALCULATE = "calculate"
    TRANSLATE = "translate"
    WRITE = "write"
    OPINION = "opinion"
    ELSEWHERE = "elsewhere"

    @property
    def intent(self) -> Intent:
        """The intent that it belongs to."""
        if self in COURTESIES or self in (Wish.IDENTITY, Wish.ABILITY, Wish.CHAT):
            return Intent.SMALLTALK
        if self in (Wish.DOCUMENTS, Wish.MENTIONS, Wish.ADDED):
            return Intent.COLLECTION
        alone = {Wish.ANSWER: Intent.LOOK_UP, Wish.OVERVIEW: Intent.OVERVIEW}
        return alone.get(self, Intent.TASK)


COURTESIES = (Wish.GREETING, Wish.THANKS, Wish.GOODBYE, Wish.AGREEMENT)
"""What people say before and after a question, and what is then not part of it."""
WRITTEN = (Intent.OVERVIEW, Intent.TASK)
"""What a language model does better, where one is set."""
REPLIES = (Intent.SMALLTALK, Intent.COLLECTION, Intent.TASK)
"""What is replied to in a line of Temei's own."""
STRANGE = 0.98
"""The bound where no word of a question speaks for what is wanted: a name or a keyword alone says little to the encoder
("Hartford" is agreement with 0.96), but "kiitos" is thanks with more than this, though no example is Finnish."""


NAMED_TOO = 0.2
"""How likely an overview must be beside a question about the documents: one of several documents names them as well."""
KEYWORDS = (Wish.AGREEMENT, Wish.ABILITY)
"""What the encoder takes single words for that somebody looks up ("bike", "dialog skill")."""

OF_TEMEI = (Wish.ABILITY, Wish.IDENTITY, Wish.CHAT)
"""What must be as sure as `STRANGE` in a conversation: "La ce ajută asta?" is Temei's abilities with 0.95, and
"What can you do?" with 0.999."""


@dataclass(frozen=True)
class _Model:
    """A network with one hidden layer.

    ``first`` has the shape (hidden, dimension + 1) and ``second`` (wishes, hidden + 1), the intercepts last; ``words``
    are what words add, of shape (wishes,). ``bound`` is the probability from which a question is no look-up, and
    ``courtesy`` that from which words beside a question are polite.
    """

    wishes: tuple[Wish, ...]
    first: Floats
    second: Floats
    words: dict[str, Floats]
    bound: float
    courtesy: float

    def probabilities(self, text: str, vector: Floats) -> dict[Wish, float]:
        """Return the probability of each wish by a text and its vector of shape (dimension,)."""
        hidden = np.maximum(self.first[:, :-1] @ vector + self.first[:, -1], 0.0)
        scores = self.second[:, :-1] @ hidden + self.second[:, -1]
        for word in {fold(word) for word in words(text)}:
            if word in self.words:
                scores = scores + self.words[word]
        likely = np.exp(scores - scores.max())
        return dict(zip(self.wishes, (likely / likely.sum()).tolist(), strict=True))

    def is_strange(self, text: str, wish: Wish) -> bool:
        """Return whether no word of a text speaks for a wish."""
        row = self.wishes.index(wish)
        return not any(self.words[word][row] > 0 for word in map(fold, words(text)) if word in self.words)


@cache
def _model(embedding_model: str) -> _Model | None:
    stored = json.loads(PATH.read_text(encoding="utf-8"))
    if stored["embedding_model"] != embedding_model:
        return None
    first, second = (np.array(stored[name], dtype=np.float32) for name in ("first", "second"))
    of_words = {word: np.array(weights, dtype=np.float32) for word, weights in stored["words"].items()}
    return _Model(tuple(map(Wish, stored["wishes"])), first, second, of_words, stored["bound"], stored["courtesy"])


def knows(embedding_model: str) -> bool:
    """Return whether intents can be told by the vectors of an embedding model."""
    return _model(embedding_model) is not None


@cache
def request_words() -> frozenset[str]:
    """Return the words, without accents, in which people ask for an overview or for documents that speak of something.

    They come from the examples, and say nothing of what the request is about.
    """
    return frozenset(json.loads(PATH.read_text(encoding="utf-8"))["request_words"])


def wish_of(question: str, vector: Floats, embedding_model: str, *, follows: bool = False) -> Wish:
    """Return what a question wants by its words and its vector, of shape (dimension,).

    Args:
        follows: whether it follows an answer: "And how can it be solved?" is then not about Temei.
    """
    model = _model(embedding_model)
    if model is None:
        return Wish.ANSWER
    likely = model.probabilities(question, vector)
    of_intent = {i: sum(p for wish, p in likely.items() if wish.intent is i) for i in Intent if i is not Intent.LOOK_UP}
    best = max(of_intent, key=lambda intent: of_intent[intent])
    if best is Intent.COLLECTION and likely[Wish.OVERVIEW] > NAMED_TOO * of_intent[best]:
        best = Intent.OVERVIEW
    wish = max((wish for wish in likely if wish.intent is best), key=lambda wish: likely[wish])
    if follows and wish in OF_TEMEI and 1 - likely[Wish.ANSWER] <= max(model.bound, STRANGE):
        return Wish.ANSWER
    if model.is_strange(question, wish):
        return Wish.ANSWER if wish in KEYWORDS or 1 - likely[Wish.ANSWER] <= max(model.bound, STRANGE) else wish
    return wish if 1 - likely[Wish.ANSWER] > model.bound else Wish.ANSWER


def is_courtesy(text: str, vector: Floats, embedding_model: str) -> bool:
    """Return whether words that stand beside a question are a greeting, thanks or the like."""
    model = _model(embedding_model)
    likely = model.probabilities(text, vector) if model is not None else {}
    return model is not None and sum(likely[wish] for wish in COURTESIES) > model.courtesy
