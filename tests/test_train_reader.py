"""Training the reader: its examples, and that an interrupted run goes on where it was."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch

from eval import reader_examples, train_reader
from eval.average import mean
from eval.lexicon import induce, switch, words_of
from eval.reader_examples import Reading, examples, read_source
from eval.train_reader import Config, Learned, export, tokenise, train
from rag.bundled import build_tokenizer
from rag.embeddings import BundledEmbedder
from rag.errors import TemeiError
from rag.graph import open_session
from rag.reader import PATH, Reader, best_span
from rag.unigram import END
from rag.weights import Weights

PASSAGE = (
    "The mill was built in 1874 by Ion Popescu. It burned down in 1901. The village has two churches and a school."
)


def a_file(folder: Path, name: str, count: int = 12) -> Path:
    """Write a file of ``count`` passages, each with two questions, the first with three annotators."""
    paragraphs = []
    for number in range(count):
        text = PASSAGE.replace("1874", str(1700 + number)).replace("village", f"village number {number}")
        year, fire = text.index(str(1700 + number)), text.index("1901")
        answers = [
            {"text": text[year : year + 4], "answer_start": year},
            {"text": text[year - 3 : year + 4], "answer_start": year - 3},
            {"text": text[year : year + 4], "answer_start": str(year)},
        ]
        paragraphs.append(
            {
                "context": text,
                "qas": [
                    {"id": f"{number}a", "question": "When did Ion Popescu build the first mill?", "answers": answers},
                    {
                        "id": f"{number}b",
                        "question": "When did it burn down?",
                        "answers": [{"text": "1901", "answer_start": fire}],
                    },
                ],
            }
        )
    path = folder / f"{name}.json.gz"
    with gzip.open(path, "wt", encoding="utf-8") as stream:
        json.dump({"data": [{"title": "Mill", "paragraphs": paragraphs}]}, stream)
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(reader_examples, "SOURCES", {"mill": ("en", 100)})
    a_file(tmp_path, "mill", 40)
    return tmp_path


LEXICON = {"ro": {"when": "când", "mill": "moara", "village": "satul", "built": "construită"}}


def test_the_answer_of_most_annotators_counts(tmp_path: Path) -> None:
    first, second, *_ = read_source(a_file(tmp_path, "mill"), "en")

    assert first.answer is not None
    assert first.passage[slice(*first.answer)] == "1700"
    assert second.answer is not None
    assert second.passage[slice(*second.answer)] == "1901"


def test_examples_are_the_same_for_a_seed_and_some_cannot_be_answered(folder: Path) -> None:
    made = examples(folder, LEXICON, 3, 800)

    assert made == examples(folder, LEXICON, 3, 800)
    assert made != examples(folder, LEXICON, 4, 800)
    kinds = {reading.kind for reading in made}
    assert {"answered", "sentence removed", "turned"} <= kinds
    assert all((reading.answer is not None) == (reading.kind == "answered") for reading in made)
    for reading in made:
        if reading.answer is not None:
            assert reading.passage[slice(*reading.answer)].isdigit()
        if reading.kind == "sentence removed":
            assert "burn" not in reading.question or "1901" not in reading.passage


def test_words_are_exchanged_and_the_answer_stays_in_its_place(folder: Path) -> None:
    made = [r for seed in range(5) for r in examples(folder, LEXICON, seed, 800)]

    assert any("Când" in reading.question for reading in made)
    assert any("moara" in reading.passage for reading in made)
    assert switch("When was the mill built?", LEXICON["ro"], 1.0, Random(0)) == "Când was the moara construită?"
    assert switch("When was the mill built?", LEXICON["ro"], 0.0, Random(0)) == "When was the mill built?"


def test_a_long_passage_is_cut_around_its_answer() -> None:
    text = "word " * 400 + "1874 " + "other " * 400
    start = text.index("1874")
    for seed in range(20):
        cut = reader_examples._cut(Reading("q", text, (start, start + 4), "en", "f"), 800, Random(seed))
        assert len(cut.passage) <= 800
        assert cut.answer is not None
        assert cut.passage[slice(*cut.answer)] == "1874"


def test_translations_are_each_others_nearest() -> None:
    rng = np.random.default_rng(0)
    meanings = rng.standard_normal((30, 16)).astype(np.float32)
    vectors = {f"en{i}": meanings[i] + 5 for i in range(30)} | {f"ro{i}": meanings[i] - 5 for i in range(29)}
    sources, targets = [f"en{i}" for i in range(30)], [f"ro{i}" for i in range(29)]

    found = induce(sources, targets, lambda words: np.stack([vectors[word] for word in words]))

    assert len(found) >= 25
    assert all(target == source.replace("en", "ro") for source, target in found.items())
    assert words_of(["The mill, the MILL; a pond."], 2) == ["mill", "the"]


def test_the_best_span_is_not_too_long_nor_turned_round() -> None:
    scores = np.zeros((60, 2), dtype=np.float32)
    scores[10, 0], scores[12, 1] = 5.0, 4.0
    scores[55, 1], scores[58, 0] = 8.0, 4.0

    assert best_span(scores) == (10, 12, 9.0)


@pytest.mark.model
def test_the_tokens_of_the_answer_are_those_of_its_words(embedder: BundledEmbedder) -> None:
    start = PASSAGE.index("Ion Popescu")
    tokens = tokenise(embedder.encoder.tokenizer, Reading("Who?", PASSAGE, (start, start + 11), "en", "f"), 384)

    assert tokens is not None
    words = embedder.encoder.tokenizer.decode(tokens.ids[tokens.first : tokens.last + 1])
    assert words.replace("▁", " ").split() == ["Ion", "Popescu"]
    assert tokenise(embedder.encoder.tokenizer, Reading("Who?", PASSAGE, (start, start + 11), "en", "f"), 16) is None


@pytest.mark.model
@pytest.mark.slow
def test_an_interrupted_run_ends_as_one_that_was_not(
    folder: Path, tmp_path: Path, embedder: BundledEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = build_tokenizer(Weights.open())
    made = [t for r in examples(folder, LEXICON, 0, 800)[:8] if (t := tokenise(tokenizer, r, 64)) is not None]
    config = replace(Config(), batch_tokens=128, warm_up=0.5, frozen_layers=11)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    monkeypatch.setattr(train_reader, "SAVE_EVERY", 2)

    once = Learned.of(train([made], config, whole, torch.device("cpu")))

    real, steps = train_reader.collate, iter(range(3))

    def stops(*arguments: object) -> object:
        if next(steps, None) is None:
            raise KeyboardInterrupt
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(train_reader, "collate", stops)
    with pytest.raises(KeyboardInterrupt):
        train([made], config, parts, torch.device("cpu"))
    monkeypatch.setattr(train_reader, "collate", real)
    with pytest.raises(TemeiError, match="another configuration"):
        train([made], replace(config, seed=1), parts, torch.device("cpu"))
    again = Learned.of(train([made], config, parts, torch.device("cpu")))

    for name, value in once.named.items():
        assert np.allclose(value, again.named[name], atol=1e-5), name
    export(again, tmp_path / "reader.onnx", made[:10])
    opened = Reader.open(embedder.encoder.weights, embedder.encoder.unigram, tmp_path / "reader.onnx")
    assert opened.session.get_outputs()[0].name == "scores"
    for name, value in Learned.open(tmp_path / "reader.onnx").named.items():
        assert value.shape == again.named[name].shape, name
        lost = np.linalg.norm(value - again.named[name]) / np.linalg.norm(again.named[name])
        assert lost <= 0.1, f"{name} {lost}"


def test_int8_reads_as_the_weights_do(embedder: BundledEmbedder, tmp_path: Path) -> None:
    learned = Learned.open(PATH)
    tokenizer = build_tokenizer(Weights.open())
    reading = Reading("When did the mill burn down?", PASSAGE, None, "en", "mill")
    tokens = tokenise(tokenizer, reading, 384)
    assert tokens is not None

    scores = []
    for int8 in (True, False):
        export(learned, tmp_path / "reader.onnx", [tokens], int8=int8)
        embeddings = {"embeddings": Weights.open().embeddings(np.array([tokens.ids]))}
        (found,) = open_session(tmp_path / "reader.onnx").run(None, embeddings)
        first, last, score = best_span(found[0][tokens.ids.index(END) + 1 : -1])
        scores.append((first, last, score - found[0][0].sum()))
    assert scores[0][:2] == scores[1][:2]
    assert scores[0][2] == pytest.approx(scores[1][2], abs=1.0)


def test_the_mean_of_weights() -> None:
    states = [{"a": torch.tensor([1.0, 2.0])}, {"a": torch.tensor([3.0, 6.0])}]

    assert mean(states)["a"].tolist() == [2.0, 4.0]
