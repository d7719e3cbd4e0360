"""Export the trained reader as an int8 ONNX model, and the lexicon that its training needs."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from eval.fit.lexicon import Lexicon, open_lexicon, words_of
from eval.fit.reader_model import Reader
from eval.fit.reader_sets import Question
from eval.fit.reader_tokens import Tokens
from rag.models.embeddings import Embedder
from rag.models.onnx_graph import Graph, open_session
from rag.models.weights import Weights
from rag.types import Floats

_NAMES = {"w": "weight", "b": "bias"}
_INPUTS = {"fi": "aln", "fo": "active"}
"""The feed-forward layers and what goes into them, as `rag.models.onnx_graph` calls both."""
EVENNESS = 0.7
"""How much of a channel's size its weights take over (SmoothQuant's alpha; measured in ``docs/reader.md``)."""


@dataclass(frozen=True)
class Learned:
    """The trained weights as `rag.models.onnx_graph` asks for them."""

    named: dict[str, Floats]
    hidden: int
    layers: int
    heads: int
    feed_forward: int

    @classmethod
    def open(cls, path: Path) -> Learned:
        """Return the weights of an exported reader, dequantised from int8."""
        import onnx
        from onnx import numpy_helper

        stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
        weights = Weights.open()
        named = {f"emb.ln.{kind}": stored[f"normed.{name}"] for kind, name in _NAMES.items()}
        named |= {"head.w": stored["head.weight"].T, "head.b": stored["head.bias"]}
        for at in (f"l{layer}." for layer in range(weights.layers)):
            for part in ("aln", "oln"):
                named |= {f"{at}{part}.{kind}": stored[f"{at}{part}.{name}"] for kind, name in _NAMES.items()}
            for part in ("q", "k", "v", "ao", "fi", "fo"):
                weight = (stored[f"{at}{part}.levels"] * stored[f"{at}{part}.scales"]).T
                even = stored.get(f"{at}{part}.even", np.float32(1))
                named |= {f"{at}{part}.w": weight * even, f"{at}{part}.b": stored[f"{at}{part}.bias"]}
        return cls(named, weights.hidden, weights.layers, weights.heads, weights.feed_forward)

    def into(self, reader: Reader) -> None:
        """Load these weights into a model in training; outputs of the head that are missing here stay unchanged."""
        with torch.no_grad():
            for name, value in reader.body.items():
                value.copy_(torch.tensor(self.named[name.replace("_", ".")]))
            for kind, name in _NAMES.items():
                own = torch.tensor(self.named[f"head.{kind}"])
                getattr(reader.head, name)[: len(own)].copy_(own)

    @classmethod
    def of(cls, reader: Reader) -> Learned:
        """Return the weights of a model in training."""
        weights = Weights.open()
        named = {name.replace("_", "."): value.detach().float().cpu().numpy() for name, value in reader.body.items()}
        named |= {f"head.{kind}": getattr(reader.head, name).detach().cpu().numpy() for kind, name in _NAMES.items()}
        return cls(named, weights.hidden, weights.layers, weights.heads, weights.feed_forward)

    def tensor(self, name: str) -> Floats:
        return self.named[name].reshape(-1)

    def matrix(self, name: str, inputs: int) -> Floats:
        return self.named[name].reshape(-1, inputs)


def export(learned: Learned, path: Path, seen: Sequence[Tokens], *, int8: bool = True) -> None:
    """Write the reader as an ONNX model: input ``embeddings`` (1, n, hidden), output ``scores`` (1, n, 3).

    Args:
        seen: examples to tell by how large the channels of the layers' inputs become.
    """
    import onnx

    onnx.save(_model(learned, Graph(int8, _evenness(learned, seen) if int8 else {})), str(path))


def _model(learned: Learned, graph: Graph, also: Sequence[str] = ()) -> Any:
    source = graph.norm("embeddings", "normed", learned.tensor("emb.ln.w"), learned.tensor("emb.ln.b"))
    states = graph.layers(source, learned)
    # The head stays fp32: it costs nothing, and its scores are read to the tenth.
    head = graph.constant("head.weight", learned.matrix("head.w", learned.hidden).T)
    product = graph.add("MatMul", [states, head], "head.product")
    graph.add("Add", [product, graph.constant("head.bias", learned.tensor("head.b"))], "scores")
    scores = len(learned.named["head.b"])
    outputs: dict[str, list[Any]] = {"scores": ["batch", "n", scores]} | {name: ["batch", "n", None] for name in also}
    return graph.model("temei-reader", {"embeddings": ["batch", "n", learned.hidden]}, outputs)


def _evenness(learned: Learned, seen: Sequence[Tokens]) -> dict[str, Floats]:
    """Return the divisor of each channel for the feed-forward layers, whose inputs vary most in scale."""
    import onnx

    inputs = {f"l{layer}.{part}": f"l{layer}.{of}" for layer in range(learned.layers) for part, of in _INPUTS.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reader.onnx"
        onnx.save(_model(learned, Graph(int8=False), list(inputs.values())), str(path))
        session = open_session(path)
        weights = Weights.open()
        largest = dict.fromkeys(inputs, np.zeros(1, dtype=np.float32))
        for tokens in seen:
            embeddings = weights.embeddings(np.array([tokens.ids]))
            for name, found in zip(inputs, session.run(list(inputs.values()), {"embeddings": embeddings}), strict=True):
                largest[name] = np.maximum(largest[name], np.abs(found[0]).max(axis=0))
    even = {}
    for name, channels in largest.items():
        matrix = learned.matrix(f"{name}.w", len(channels))
        scale = channels**EVENNESS / np.maximum(np.abs(matrix).max(axis=0), 1e-4) ** (1 - EVENNESS)
        scale = np.maximum(scale, 1e-5)
        even[name] = np.asarray(scale / np.exp(np.log(scale).mean()), dtype=np.float32)
    return even


def english_lexicon(english: Sequence[Question], out: Path, embedder: Embedder) -> Lexicon:
    """Return the lexicon of the words of English questions and passages, from ``out`` where it was made before."""
    texts = list(dict.fromkeys(text for question in english for text in (question.text, question.passage)))
    return open_lexicon(out / "lexicon-en.json", words_of(texts, 14_000), embedder)
