"""Tokenise a short text as XLM-R does, directly from the memory-mapped vocabulary.

The `tokenizers` library needs 0.7 s and 300 MB to load 250,000 pieces: most of the time and memory of the first
question. A question has about a dozen words. So this module normalises each word with that library and splits it by the
same search for the likeliest pieces (Kudo, 2018). It finds pieces in a hash table that is written once, beside the
prepared model.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from pathlib import Path

import numpy as np
import regex
from numpy.typing import NDArray
from tokenizers import Regex, normalizers

from rag.models.weights import Weights
from rag.types import Span

MAX_TOKENS = 512
"""Most tokens of an input: the encoder has no more positions."""

START, END, UNKNOWN = 0, 2, 3
"""Numbers of the special tokens in the vocabulary of XLM-RoBERTa, which the encoder uses."""
SPACE = "▁"
_UNBROKEN = regex.compile(r"\S+")
UNKNOWN_PENALTY = 10.0
"""How much less likely than the rarest piece an unknown character is, as in `tokenizers`."""


def build_normalizer() -> normalizers.Normalizer:
    """Return XLM-R's normalisation of text: control characters, compatibility forms, runs of spaces."""
    return normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])


def write_table(weights: Weights, path: Path) -> None:
    """Write the hash table of the pieces: open addressing on CRC-32, at most half full, 0 for a free slot."""
    pieces = weights.pieces()
    size = 1 << (2 * len(pieces) - 1).bit_length()
    table = np.zeros(size, dtype=np.uint32)
    for number, piece in enumerate(pieces):
        slot = zlib.crc32(piece) & (size - 1)
        while table[slot]:
            slot = (slot + 1) & (size - 1)
        table[slot] = number + 1
    np.save(path, table)


class Unigram:
    """Token ids of texts and words. Safe to share between threads."""

    def __init__(self, weights: Weights, table: Path) -> None:
        self._table: NDArray[np.uint32] = np.load(table, mmap_mode="r")
        self._mask = len(self._table) - 1
        self._ends, self._blob = weights.piece_bytes()
        self._scores = weights.piece_scores()
        self._longest = int(np.diff(self._ends).max())
        self._unknown = float(self._scores.min()) - UNKNOWN_PENALTY
        self._normalizer = build_normalizer()
        self._word = lru_cache(maxsize=1 << 16)(self._split)

    def encode(self, text: str) -> list[int]:
        """Return ``<s> text </s>`` as token ids, at most 512 of them."""
        return [START, *self.pieces(text)[: MAX_TOKENS - 2], END]

    def pieces(self, text: str) -> list[int]:
        """Return the token ids of a text without the markers of its start and end."""
        normal = self._normalizer.normalize_str(text).replace(" ", SPACE)
        if not normal:
            return []
        if not normal.startswith(SPACE):
            normal = SPACE + normal
        return [token for word in normal.split(SPACE)[1:] for token, _ in self._word(SPACE + word)]

    def located(self, text: str) -> tuple[list[int], list[Span]]:
        """Return the token ids of a text, and for each the span of the text it stands for.

        A token of a word that normalising lengthens or shortens stands for the whole word.
        """
        ids: list[int] = []
        spans: list[Span] = []
        for match in _UNBROKEN.finditer(text):
            start, end = match.span()
            for normal in self._normalizer.normalize_str(match.group()).replace(" ", SPACE).split(SPACE):
                at = 0
                for token, behind in self._word(SPACE + normal) if normal else ():
                    ids.append(token)
                    # The first of the word's characters is the mark of the space before it.
                    exact = (start + max(at - 1, 0), start + behind - 1)
                    spans.append(exact if len(normal) == end - start else (start, end))
                    at = behind
        return ids, spans

    def _find(self, piece: bytes) -> int:
        """Return the number of a piece, or -1."""
        slot = zlib.crc32(piece) & self._mask
        while number := int(self._table[slot]):
            start, end = int(self._ends[number - 1]), int(self._ends[number])
            if end - start == len(piece) and self._blob[start:end].tobytes() == piece:
                return number - 1
            slot = (slot + 1) & self._mask
        return -1

    def _split(self, word: str) -> tuple[tuple[int, int], ...]:
        """Return the likeliest pieces of a word (Viterbi), each with its end in the word.

        Unknown characters side by side are one token.
        """
        letters = [letter.encode() for letter in word]
        best: list[tuple[float, int, int]] = [(0.0, 0, UNKNOWN)] + [(-np.inf, 0, UNKNOWN)] * len(letters)
        for start in range(len(letters)):
            so_far = best[start][0]
            piece = b""
            single = False
            for end in range(start + 1, len(letters) + 1):
                piece += letters[end - 1]
                if len(piece) > self._longest:
                    break
                number = self._find(piece)
                if number >= 0:
                    score = so_far + float(self._scores[number])
                    if score > best[end][0]:
                        best[end] = (score, start, number)
                    single = single or end == start + 1
            if not single and so_far + self._unknown > best[start + 1][0]:
                best[start + 1] = (so_far + self._unknown, start, UNKNOWN)
        found: list[tuple[int, int]] = []
        at = len(letters)
        while at:
            end = at
            _, at, number = best[end]
            if not (number == UNKNOWN and found and found[-1][0] == UNKNOWN):
                found.append((number, end))
        return tuple(reversed(found))
