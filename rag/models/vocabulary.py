"""How likely words are as text of any language, by the Unigram vocabulary of the bundled model.

The vocabulary was made from text in a hundred languages. So words of a language are made of few, likely pieces, and
what is no language, such as text in a wrong encoding, of many unlikely ones.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from rag.models.unigram import SPACE, UNKNOWN_PENALTY
from rag.models.weights import Weights

LONGEST_PIECE = 16
"""Characters of the longest piece of the vocabulary that matters here; longer ones are rules of dashes and the like."""


class Vocabulary:
    """The pieces with their log probabilities, in memory: 250,000 of them take 30 MB and 0.2 s."""

    def __init__(self, weights: Weights) -> None:
        scores = weights.piece_scores().tolist()
        self._scores = dict(zip(weights.pieces(), scores, strict=True))
        self._unknown = min(scores) - UNKNOWN_PENALTY

    def nats(self, word: str) -> float:
        """Return the surprisal of a word: minus the log probability of its likeliest pieces (Viterbi), 0 and up."""
        letters = [letter.encode() for letter in SPACE + unicodedata.normalize("NFKC", word)]
        best = [0.0] + [float("-inf")] * len(letters)
        for start in range(len(letters)):
            so_far, piece = best[start], b""
            best[start + 1] = max(best[start + 1], so_far + self._unknown)
            for end in range(start + 1, min(start + LONGEST_PIECE, len(letters)) + 1):
                piece += letters[end - 1]
                score = self._scores.get(piece)
                if score is not None and so_far + score > best[end]:
                    best[end] = so_far + score
        return -best[-1]


@lru_cache(maxsize=1)
def vocabulary() -> Vocabulary:
    """Return the vocabulary of the installed model; it is kept, for a folder may hold many such files.

    Raises:
        ModelError: the model is missing or unreadable.
    """
    return Vocabulary(Weights.open())
