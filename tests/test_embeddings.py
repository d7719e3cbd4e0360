"""Embeddings: the bundled model and any sentence-transformers model, behind one interface."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings

from rag.errors import ModelError
from rag.models.embeddings import (
    BundledEmbedder,
    SentenceTransformerEmbedder,
    export_sentence_transformer,
    open_embedder,
)

LETTER = "Președintele a trimis o scrisoare de felicitare."


@pytest.mark.model
def test_vectors_are_unit_and_of_the_dimension(embedder: BundledEmbedder) -> None:
    vectors = embedder.encode_passages([LETTER, "会议在乌镇举行。", "", "x" * 5000, " ".join(["cuvânt"] * 3000)])

    assert vectors.shape == (5, embedder.dimension) == (5, 384)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.isfinite(vectors).all()
    assert embedder.encode_query("?").shape == (384,)
    assert embedder.encode_passages([]).shape == (0, 384)


@pytest.mark.model
def test_questions_and_passages_get_their_prefixes(embedder: BundledEmbedder) -> None:
    encoder = embedder.encoder
    as_query, as_passage = (encoder.encode(encoder.unigram.encode(text)) for text in ("query: apa", "passage: apa"))

    language_bias = embedder.language_bias
    assert np.allclose(embedder.encode_query("apa"), language_bias.query(as_query), atol=1e-5)
    assert np.allclose(embedder.encode_passages(["apa"])[0], language_bias.passage(as_passage), atol=1e-5)
    assert float(as_query @ as_passage) < 0.999


@pytest.mark.model
@pytest.mark.parametrize(
    "question", ["Cine a trimis scrisoarea?", "Who sent the letter?", "谁发来了贺信？", "Кто отправил письмо?"]
)
def test_a_question_is_nearest_to_its_answer_in_any_language(embedder: BundledEmbedder, question: str) -> None:
    others = [
        "Pelicanii cuibăresc pe lacul Roșca.",
        "Vinul roșu se face din struguri negri.",
        "Trenul pleacă la amiază.",
    ]

    cosines = embedder.encode_passages([LETTER, *others]) @ embedder.encode_query(question)

    assert cosines.argmax() == 0
    assert cosines[0] - cosines[1:].max() > 0.02


@pytest.mark.model
def test_progress_counts_every_text_once(embedder: BundledEmbedder) -> None:
    done: list[int] = []

    embedder.encode_passages(["a", "b", "c"], done.append)

    assert sum(done) == 3


@pytest.mark.model
def test_langchain_sees_the_same_vectors(embedder: BundledEmbedder) -> None:
    langchain = embedder.as_langchain()

    assert isinstance(langchain, Embeddings)
    assert langchain.embed_query("apa") == pytest.approx(embedder.encode_query("apa").tolist())
    assert np.allclose(langchain.embed_documents(["apa", "focul"]), embedder.encode_passages(["apa", "focul"]))
    assert type(langchain.embed_query("apa")[0]) is float


@pytest.mark.model
def test_the_bundled_model_goes_by_its_name(embedder: BundledEmbedder) -> None:
    assert isinstance(embedder, BundledEmbedder)
    assert embedder.name == "multilingual-e5-small"


class Recorded:
    """What SentenceTransformerEmbedder needs of a sentence-transformers model."""

    def __init__(self, prompts: dict[str, str], size: int | None = 8) -> None:
        self.prompts = prompts
        self.size = size
        self.calls: list[tuple[int, str | None, bool]] = []

    def get_embedding_dimension(self) -> int | None:
        return self.size

    def encode(self, texts: list[str], *, prompt_name: str | None, normalize_embeddings: bool, **_: Any) -> np.ndarray:
        self.calls.append((len(texts), prompt_name, normalize_embeddings))
        return np.eye(8, dtype=np.float64)[[len(text) % 8 for text in texts]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("prompts", "query", "passage"),
    [
        ({"query": "q: ", "document": "d: "}, "query", "document"),
        ({"query": "q: ", "passage": "p: "}, "query", "passage"),
        ({"query": "", "document": ""}, None, None),
        ({}, None, None),
    ],
)
def test_any_model_is_asked_with_the_prompts_it_names(
    prompts: dict[str, str], query: str | None, passage: str | None
) -> None:
    model = Recorded(prompts)
    embedder = SentenceTransformerEmbedder("a/model", model)
    done: list[int] = []

    assert embedder.encode_query("apa").tolist() == np.eye(8)[3].tolist()
    vectors = embedder.encode_passages(["x" * n for n in range(70)], done.append)

    assert vectors.dtype == np.float32
    assert vectors.argmax(axis=1).tolist() == [n % 8 for n in range(70)]
    assert model.calls[0] == (1, query, True)
    assert {(prompt, normal) for _, prompt, normal in model.calls[1:]} == {(passage, True)}
    assert sum(done) == sum(count for count, *_ in model.calls[1:]) == 70
    assert (embedder.name, embedder.dimension) == ("a/model", 8)


@pytest.mark.slow
def test_a_model_without_a_dimension_is_refused() -> None:
    with pytest.raises(ModelError, match="dimension"):
        SentenceTransformerEmbedder("a/model", Recorded({}, size=None))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["no-such-owner/no-such-model", "./no-such-folder", "", "/etc"])
def test_a_model_that_cannot_be_loaded_is_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="TEMEI_EMBEDDING_MODEL") as caught:
        open_embedder(name, tmp_path)

    assert len(str(caught.value).splitlines()) == 1
    assert list(tmp_path.glob("*.bin")) == []


@pytest.mark.slow
@pytest.mark.model
def test_the_bundled_model_as_a_sentence_transformer(embedder: BundledEmbedder, tmp_path: Path) -> None:
    folder = export_sentence_transformer(tmp_path / "export")

    exported = SentenceTransformerEmbedder(str(folder))

    assert exported.dimension == 384
    texts = [
        LETTER,
        "The lid is made of brass.",
        "会议在乌镇举行。",
        "Вода кипит при ста градусах.",
        "Două  spații",
        "x" * 600,
    ]
    language_bias = embedder.language_bias
    passages = np.stack([language_bias.passage(vector) for vector in exported.encode_passages(texts)])
    assert (passages * embedder.encode_passages(texts)).sum(axis=1).min() >= 0.98
    question = "Cine a trimis scrisoarea?"
    expected = language_bias.query(exported.encode_query(question))
    assert np.linalg.norm(embedder.encode_query(question) - expected) < 0.2
    assert exported.model.prompts["query"] == "query: "
    assert exported.model.prompts["document"] == "passage: "
