"""The reader: a model that finds where in a passage the answer to a question stands, and whether there is one.

It is the bundled encoder, trained further to give every token a start score and an end score (``docs/reader.md``).
Question and passage go through it together, so it sees what similarity cannot see. Its layers are in ``reader.onnx``,
in int8 like the encoder's; it uses the encoder's word table. Each passage is read by itself, several in parallel.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import regex

from rag.errors import ModelError
from rag.messages import message
from rag.models.e5 import open_encoder
from rag.models.embeddings import BundledEmbedder, Embedder, SentenceTransformerEmbedder
from rag.models.onnx_graph import shared_session
from rag.models.reader_input import ReaderInput, reader_inputs
from rag.models.unigram import END, Unigram
from rag.models.weights import Weights
from rag.types import Floats, Passage, Span

if TYPE_CHECKING:
    import onnxruntime

PATH = Path(__file__).with_name("reader.onnx")
QUESTION_TOKENS, ANSWER_TOKENS = 64, 40
"""Most tokens of a question that are read, and of an answer that is looked for. Chosen by eye; not measured."""
INPUT_TOKENS = 208
"""In tokens; the input is question and passage. What it was trained on was seldom longer."""
ABOVE_TOKENS = 48
"""Most tokens of the headings above a passage that are read, of longer ones the last. Chosen by eye; not measured."""
LONGEST_TABLE = 128
"""Tokens after which no further row of a passage is read by itself."""
LEAST_CERTAIN = 2.0
"""Log-odds from which a short answer is shown: from there on two of three touch the right words, below one of three."""
NAMED = 2.0
"""Similarity, more than any that is measured, from which on the question names a row: it is read by itself whatever it
scores among the others, and its score stands."""
NOTHING = -20.0
"""The log-odds of a row that is not read by itself, as one that scores less than that among the others."""

_EDGE = regex.compile(
    r"^[\s\p{P}--[(„«“\"'¿¡\-−%‰]]+|(?<![\s\p{P}--[)”»“\"'%‰]])[\s\p{P}--[)”»“\"'%‰]]++$", flags=regex.V1
)


@dataclass(frozen=True, slots=True)
class ReaderAnswer:
    """The likeliest answer within one sentence: its span in the document and its score.

    The score is in log-odds against "not in this passage"; comparable between passages of one question. The span is
    empty where the sentence was not read. ``answerable`` is the log-odds that its passage answers at all, as the
    reader judges it from the whole passage.
    """

    span: Span
    score: float
    answerable: float = 0.0

    @property
    def is_shown(self) -> bool:
        """Whether it is sure enough to be set off as the short answer."""
        return self.score >= LEAST_CERTAIN and self.span[0] < self.span[1]


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
            return cls(weights, unigram, shared_session(path))
        except Exception as error:  # onnxruntime raises many kinds
            raise ModelError(message("reader_not_opened", path=path)) from error

    def read(
        self, question: str, passages: Sequence[Passage], near: Sequence[Floats] | None = None
    ) -> list[tuple[ReaderAnswer, ...]]:
        """Return for every passage the likeliest answer in each of its sentences.

        Args:
            near: for every passage the similarity of its sentences to the question; of a long passage those around the
                nearest are read, of a table the nearest rows by themselves, `NAMED` where the question names the row.
                Its beginning where omitted.
        """
        asked = self.unigram.encode(f"query: {question}")
        asked = [*asked[: QUESTION_TOKENS - 1], END]
        nearness = near if near is not None else [np.zeros(len(p.sentences), np.float32) for p in passages]
        return list(_threads().map(partial(self._read, asked), passages, nearness))

    def _read(self, asked: list[int], passage: Passage, near: Floats) -> tuple[ReaderAnswer, ...]:
        whole, of_rows = reader_inputs(passage)
        found, _ = self._look(asked, whole, int(near.argmax()))
        left = LONGEST_TABLE
        for number in sorted(of_rows, key=lambda number: -near[number]):
            start, _ = passage.sentences[number]
            among, found[number] = found[number], ReaderAnswer((start, start), NOTHING)
            named = near[number] >= NAMED
            if left > 0 and (named or among.score >= LEAST_CERTAIN) and of_rows[number].stretches:
                cells, tokens = self._look(asked, of_rows[number], 0)
                best = max(cells, key=lambda cell: cell.score)
                found[number] = best if named else replace(best, score=min(best.score, among.score))
                left -= tokens
        return tuple(replace(one, span=trimmed(passage, one.span)) for one in found)

    def _look(self, asked: list[int], read: ReaderInput, nearest: int) -> tuple[list[ReaderAnswer], int]:
        """Return what is found in every stretch of a reading, and how many tokens were read.

        Args:
            nearest: the number of the stretch around which a long text is read.
        """
        prefix, _ = self.unigram.located("passage:")
        if read.above:
            prefix = [*prefix, *self.unigram.located(read.above)[0][-ABOVE_TOKENS:]]
        ids, spans = self.unigram.located(read.text)
        starts = np.array([start for start, _ in spans])
        edges = np.array([(stretch.start, stretch.end) for stretch in read.stretches])
        bounds = [(int(a), int(b)) for a, b in np.searchsorted(starts, edges)]
        low, high = window(bounds, nearest, INPUT_TOKENS - len(asked) - len(prefix) - 1)
        tokens = np.array([[*asked, *prefix, *ids[low:high], END]], dtype=np.int64)
        scores = self.session.run(None, {"embeddings": self.weights.embeddings(tokens)})[0][0]
        nowhere = float(scores[0, :2].sum())
        answerable = float(scores[0, 2]) if scores.shape[1] > 2 else 0.0
        scores = scores[len(asked) + len(prefix) : -1]
        found = []
        for stretch, (begin, end) in zip(read.stretches, bounds, strict=True):
            begin, end = max(begin, low), min(end, high)
            if begin >= end:  # not read
                found.append(ReaderAnswer((stretch.origin, stretch.origin), -nowhere, answerable))
                continue
            first, last, score = best_span(scores[begin - low : end - low])
            # A token may reach over the end of its stretch.
            span = stretch.origin_of(spans[begin + first][0], spans[begin + last][1])
            found.append(ReaderAnswer(span, score - nowhere, answerable))
        return found, tokens.size


@cache
def _threads() -> ThreadPoolExecutor:
    """Return the threads that read, a passage each; all questions share them, since more would wait for each other."""
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="reader")


def window(bounds: Sequence[Span], nearest: int, room: int) -> Span:
    """Return the tokens to read, at most ``room``: a sentence, and whole ones after and before it while they fit.

    Args:
        bounds: first token and end of every sentence.
        nearest: the number of the sentence that must be among them.
    """
    first = last = nearest
    low, high = bounds[nearest]
    grown = True
    while grown:
        grown = False
        if last + 1 < len(bounds) and bounds[last + 1][1] - low <= room:
            last, high, grown = last + 1, bounds[last + 1][1], True
        if first and high - bounds[first - 1][0] <= room:
            first, low, grown = first - 1, bounds[first - 1][0], True
    return low, min(high, low + room)


def best_span(scores: Floats) -> tuple[int, int, float]:
    """Return first and last token and the score of the best answer among tokens with a start and an end score each."""
    total = scores[:, 0][:, None] + scores[:, 1][None]
    allowed = np.tri(len(scores), k=ANSWER_TOKENS - 1, dtype=bool) & ~np.tri(len(scores), k=-1, dtype=bool)
    # Each row is a possible start. The answer may not end before its start, nor have too many tokens.
    total = np.where(allowed, total, -np.inf)
    first, last = divmod(int(total.argmax()), len(scores))
    return first, last, float(total[first, last])


def trimmed(passage: Passage, span: Span) -> Span:
    """Return a span without blanks, stray punctuation, code's marks and half a pair of brackets at its ends."""
    text = passage.quote(span)
    kept = _EDGE.sub("", text)
    if kept.count("`") % 2 or "`" not in kept.strip("`"):
        kept = _EDGE.sub("", kept.strip("`"))
    if kept.endswith(")") and kept.count(")") > kept.count("("):
        kept = _EDGE.sub("", kept[:-1])
    if kept.startswith("(") and kept.count("(") > kept.count(")"):
        kept = _EDGE.sub("", kept[1:])
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
