"""Embeddings: turn texts into unit vectors; each model is also a LangChain `Embeddings`.

There are two kinds of models: the bundled multilingual-e5-small on onnxruntime, and any sentence-transformers model
(``TEMEI_EMBEDDING_MODEL``) on torch, which is imported only for that.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from langchain_core.embeddings import Embeddings

from rag.errors import ModelError
from rag.messages import message
from rag.models.e5 import Encoder, build_tokenizer, open_encoder
from rag.models.language_bias import LanguageBias
from rag.models.unigram import MAX_TOKENS
from rag.models.weights import Weights
from rag.types import Floats

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

BUNDLED = "multilingual-e5-small"
VERSION = 2
"""The version of the vectors. Raise it when the same text gets another vector."""
QUERY_PREFIX, PASSAGE_PREFIX = "query: ", "passage: "


class Embedder(Protocol):
    """What the index needs of an embedding model."""

    name: str
    dimension: int

    def encode_query(self, text: str) -> Floats:
        """Return the vector of a question, shape (dimension,): its product with a passage's says how near they are."""

    def encode_passages(self, texts: Sequence[str], done: Callable[[int], None] = ...) -> Floats:
        """Return unit vectors of texts to be found, shape (n, dimension); ``done(n)`` after every n."""

    def as_langchain(self) -> Embeddings:
        """Return the model as LangChain sees it."""


def _ignore(count: int) -> None:
    return None


class _LangChainEmbeddings(Embeddings):
    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder

    def embed_query(self, text: str) -> list[float]:
        return [float(x) for x in self.embedder.encode_query(text)]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[float(x) for x in row] for row in self.embedder.encode_passages(texts)]


class BundledEmbedder:
    """multilingual-e5-small (Wang et al., 2024) in int8 on onnxruntime; 384 dimensions, about 100 languages.

    Its vectors are without the language they are in (`rag.models.language_bias`).
    """

    name = BUNDLED

    def __init__(self, models: Path, report: Callable[[str], None] = lambda line: None) -> None:
        self.encoder: Encoder = open_encoder(models, report)
        self.dimension = self.encoder.weights.hidden
        self.language_bias = LanguageBias.open()

    def encode_query(self, text: str) -> Floats:
        return self.language_bias.query(self.encoder.encode(self.encoder.unigram.encode(QUERY_PREFIX + text)))

    def encode_passages(self, texts: Sequence[str], done: Callable[[int], None] = _ignore) -> Floats:
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        encoder, tokenizer = self.encoder.one_thread, self.encoder.tokenizer

        def encode(text: str) -> Floats:
            return self.language_bias.passage(encoder.encode(tokenizer.encode(PASSAGE_PREFIX + text).ids))

        # One text at a time on each processor: padding a batch costs more than onnxruntime gains by it, and a vector
        # does not depend on what else was embedded.
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            try:
                for row, vector in enumerate(pool.map(encode, texts)):
                    vectors[row] = vector
                    done(1)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return vectors

    def as_langchain(self) -> Embeddings:
        return _LangChainEmbeddings(self)


class SentenceTransformerEmbedder:
    """Any sentence-transformers model by name or path, with the prompts its configuration names."""

    def __init__(self, name: str, model: SentenceTransformer | None = None) -> None:
        from sentence_transformers import SentenceTransformer

        self.name = name
        try:
            self.model = model if model is not None else SentenceTransformer(name, device="cpu")
        except Exception as error:  # the library raises many kinds for a bad name
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ModelError(message("embedding_not_loaded", name=name, reason=reason)) from error
        size = self.model.get_embedding_dimension()
        if size is None:
            raise ModelError(message("embedding_without_dimension", name=name))
        self.dimension = int(size)

    def encode_query(self, text: str) -> Floats:
        return np.asarray(self._encode([text], ("query",))[0], dtype=np.float32)

    def encode_passages(self, texts: Sequence[str], done: Callable[[int], None] = _ignore) -> Floats:
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for start in range(0, len(texts), 32):
            batch = list(texts[start : start + 32])
            vectors[start : start + len(batch)] = self._encode(batch, ("document", "passage"))
            done(len(batch))
        return vectors

    def _encode(self, texts: list[str], prompts: tuple[str, ...]) -> Floats:
        prompt = next((name for name in prompts if self.model.prompts.get(name)), None)
        vectors = self.model.encode(texts, prompt_name=prompt, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, dtype=np.float32)

    def as_langchain(self) -> Embeddings:
        return _LangChainEmbeddings(self)


def open_embedder(name: str, models: Path, report: Callable[[str], None] = lambda line: None) -> Embedder:
    """Return the embedding model called ``name``: the bundled one, or a sentence-transformers name or path."""
    if name == BUNDLED:
        return BundledEmbedder(models, report)
    return SentenceTransformerEmbedder(name)


def export_sentence_transformer(folder: Path) -> Path:
    """Write the bundled model as a sentence-transformers folder (fp32, 470 MB) and return the folder.

    ``SentenceTransformer(str(folder))`` loads it; the prompts "query" and "document" are e5's prefixes.
    """
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    weights = Weights.open()
    config = BertConfig(
        vocab_size=weights.vocabulary,
        hidden_size=weights.hidden,
        num_hidden_layers=weights.layers,
        num_attention_heads=weights.heads,
        intermediate_size=weights.feed_forward,
        max_position_embeddings=weights.positions,
        layer_norm_eps=1e-12,
        pad_token_id=1,
    )
    model = BertModel(config)
    model.load_state_dict({name: torch.tensor(value) for name, value in _bert_state(weights).items()}, strict=True)
    inner = folder / "transformer"
    model.save_pretrained(inner)
    PreTrainedTokenizerFast(
        tokenizer_object=build_tokenizer(weights),
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        model_max_length=MAX_TOKENS,
    ).save_pretrained(inner)
    body = Transformer(str(inner), max_seq_length=MAX_TOKENS)
    pooling = Pooling(weights.hidden, pooling_mode="mean")
    prompts = {"query": QUERY_PREFIX, "document": PASSAGE_PREFIX}
    SentenceTransformer(modules=[body, pooling, Normalize()], prompts=prompts, device="cpu").save(str(folder))
    return folder


def _bert_state(weights: Weights) -> dict[str, Any]:
    """Return the weights under the names that transformers gives them in a BERT model."""
    parts = {"q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value"}
    parts |= {"ao": "attention.output.dense", "fi": "intermediate.dense", "fo": "output.dense"}
    norms = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}
    state: dict[str, Any] = {
        "embeddings.word_embeddings.weight": weights.matrix("emb.word", weights.hidden),
        "embeddings.position_embeddings.weight": weights.matrix("emb.pos", weights.hidden),
        "embeddings.token_type_embeddings.weight": weights.matrix("emb.type", weights.hidden),
        "embeddings.LayerNorm.weight": weights.tensor("emb.ln.w"),
        "embeddings.LayerNorm.bias": weights.tensor("emb.ln.b"),
    }
    for layer in range(weights.layers):
        for short, long in (parts | norms).items():
            weight = weights.tensor(f"l{layer}.{short}.w")
            if short in parts:
                weight = weight.reshape(-1, weights.feed_forward if short == "fo" else weights.hidden)
            state[f"encoder.layer.{layer}.{long}.weight"] = weight
            state[f"encoder.layer.{layer}.{long}.bias"] = weights.tensor(f"l{layer}.{short}.b")
    # sentence-transformers pools by itself, but expects BERT's unused pooler in the checkpoint.
    state["pooler.dense.weight"] = np.zeros((weights.hidden, weights.hidden), dtype=np.float32)
    state["pooler.dense.bias"] = np.zeros(weights.hidden, dtype=np.float32)
    return state
