"""The reader: where in a passage the answer to a question stands, and whether it stands there at all.

The bundled encoder, trained further to give every token a start and an end score (``docs/reader.md``): question and
passage go through it together, so that it sees what similarity cannot. Its layers are in ``reader.onnx``, int8 as the
encoder's; the word table is the encoder's own. Each passage is read for itself, several side by side.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import regex
from numpy.typing import NDArray

from rag.bundled import open_encoder
from rag.embeddings import BundledEmbedder, Embedder, SentenceTransformerEmbedder
from rag.errors import ModelError
from rag.graph import open_session
from rag.types import Passage, Span
from rag.unigram import END, MAX_TOKENS, Unigram
from rag.weights import Weights

if TYPE_CHECKING:
    import onnxruntime

Floats = NDArray[np.float32]

PATH = Path(__file__).with_name("reader.onnx")
LONGEST_QUESTION, LONGEST_ANSWER = 64, 40
"""In tokens."""

_EDGE = regex.compile(r"^[\s\p{P}--[(„«“\"'¿¡\-−%‰]]+|[\s\p{P}--[)”»“\"'%‰]]+$", flags=regex.V1)


@dataclass(frozen=True, slots=True)
class Found:
    """The likeliest answer within one sentence: its span in the document and its score.

    The score is in log-odds against "not in this passage"; comparable between passages of one question.
    """

    span: Span
    score: float


@dataclass(frozen=True)
class Reader:
    """The model, open. Safe to share between threads."""

    weights: Weights
    unigram: Unigram
    session: onnxruntime.InferenceSession

    @classmethod
    def open(cls, weights: Weights, unigram: Unigram, path: Path = PATH) -> Reader:
        """Open the reader that comes with the package.

        Raises:
            ModelError: its file is missing or damaged.
        """
        try:
            return cls(weights, unigram, open_session(path, threads=1))
        except Exception as error:  # onnxruntime raises many kinds
            raise ModelError(
                f"The reader {path} cannot be opened; reinstall Temei, or set TEMEI_READER=off to do without."
            ) from error

    def read(self, question: str, passages: Sequence[Passage]) -> list[tuple[Found, ...]]:
        """Return for every passage the likeliest answer in each of its sentences."""
        asked = self.unigram.encode(f"query: {question}")
        asked = [*asked[: LONGEST_QUESTION - 1], END]
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            return list(pool.map(lambda passage: self._read(asked, passage), passages))

    def _read(self, asked: list[int], passage: Passage) -> tuple[Found, ...]:
        prefix, _ = self.unigram.located("passage:")
        ids, spans = self.unigram.located(passage.text)
        room = MAX_TOKENS - len(asked) - len(prefix) - 1
        ids, spans = ids[:room], spans[:room]
        tokens = np.array([[*asked, *prefix, *ids, END]], dtype=np.int64)
        scores = self.session.run(None, {"embeddings": self.weights.embeddings(tokens)})[0][0]
        begin = len(asked) + len(prefix)
        nowhere = float(scores[0].sum())
        starts = np.array([passage.start + a for a, _ in spans])
        return tuple(
            self._best(scores[begin : begin + len(ids)], spans, starts, sentence, passage, nowhere)
            for sentence in passage.sentences
        )

    @staticmethod
    def _best(
        scores: Floats, spans: list[Span], starts: NDArray[np.int64], sentence: Span, passage: Passage, nowhere: float
    ) -> Found:
        low, high = (int(np.searchsorted(starts, at)) for at in sentence)
        if low == high:  # beyond the longest input
            return Found((sentence[0], sentence[0]), -nowhere)
        total = scores[low:high, 0][:, None] + scores[low:high, 1][None]
        allowed = np.tri(high - low, k=LONGEST_ANSWER - 1, dtype=bool) & ~np.tri(high - low, k=-1, dtype=bool)
        total = np.where(allowed, total, -np.inf)
        first, last = divmod(int(total.argmax()), high - low)
        # A token may reach over the end of its sentence.
        span = spans[low + first][0] + passage.start, min(spans[low + last][1] + passage.start, sentence[1])
        return Found(_trimmed(passage, span), float(total[first, last]) - nowhere)


def _trimmed(passage: Passage, span: Span) -> Span:
    """Return a span without blanks and stray punctuation at its ends."""
    text = passage.text[span[0] - passage.start : span[1] - passage.start]
    kept = _EDGE.sub("", text)
    if not kept:
        return span
    start = span[0] + text.index(kept)
    return start, start + len(kept)


def open_reader(embedder: Embedder, models: Path, report: Callable[[str], None] = lambda line: None) -> Reader | None:
    """Return the reader beside an embedding model; None beside one that is neither bundled nor sentence-transformers.

    Its word table and tokens are those of the bundled model, which is prepared under ``models`` where it is missing.
    """
    if isinstance(embedder, BundledEmbedder):
        encoder = embedder.encoder
    elif isinstance(embedder, SentenceTransformerEmbedder):
        encoder = open_encoder(models, report)
    else:
        return None
    return Reader.open(encoder.weights, encoder.unigram)
