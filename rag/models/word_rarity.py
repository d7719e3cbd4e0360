"""Word rarity: the surprisal of a word in the vocabulary of XLM-R, which was made from a hundred languages.

Inverse document frequency measures rarity only in a large corpus; in one short article every word is rare. The Unigram
vocabulary of the bundled model gives each piece a log probability. The surprisal of a word in any language is minus the
sum over its pieces, so "when" and "când" are common words in every corpus.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, lru_cache

import regex

from rag.models.e5 import build_tokenizer
from rag.models.embeddings import BundledEmbedder, Embedder
from rag.models.weights import Weights
from rag.text.language import stem, words

COMMON, RARE = 6.0, 20.0
"""Surprisal in nats above which a word has a weight, and from which its weight is the highest."""

NAME_MARGIN = 2.0
"""Nats by which a capital letter must lower the surprisal of a word that is a name."""

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+")


class WordRarity:
    """Weights of words by their surprisal, from 0 for the commonest to 14 nats."""

    def __init__(self, pieces: Callable[[str], Sequence[int]], weights: Weights) -> None:
        self._pieces = pieces
        self._scores = weights.piece_scores()
        self.weight = lru_cache(maxsize=4096)(self._weight)

    @classmethod
    def of(cls, embedder: Embedder) -> WordRarity:
        """Return the weights, with the vocabulary of the bundled model where it is open anyway."""
        if isinstance(embedder, BundledEmbedder):
            return cls(embedder.encoder.unigram.pieces, embedder.encoder.weights)
        return _from_wheel()

    def _weight(self, word: str) -> float:
        return min(max(self._nats(word) - COMMON, 0.0), RARE - COMMON)

    def _nats(self, word: str) -> float:
        return -float(self._scores[list(self._pieces(word))].sum())

    def is_name(self, word: str) -> bool:
        """Return whether a capitalised word is more usual so than in small letters, as only names are."""
        return self._nats(word.lower()) - self._nats(word) > NAME_MARGIN

    def overlap(self, question: str, text: str, language: str) -> float:
        """Return the share (0..1) of the question's words, by weight, whose stems stand in a text of that language."""
        found = {stem(word, language) for word in words(text)}
        total = shared = 0.0
        for written in _WORD.findall(question.lower()):
            weight = self.weight(written)
            for word in words(written):
                total += weight
                shared += weight if stem(word, language) in found else 0.0
        return shared / total if total else 0.0


@cache
def _from_wheel() -> WordRarity:
    weights = Weights.open()
    tokenizer = build_tokenizer(weights)
    return WordRarity(lambda word: tokenizer.encode(word, add_special_tokens=False).ids, weights)
