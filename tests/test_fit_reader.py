"""Training the reader: its sets, its examples, and that a run that was ended goes on where it was."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch

from eval.fit import reader_bundle, reader_examples, reader_sets, train_reader
from eval.fit.average_readers import mean
from eval.fit.lexicon import induce, switch, words_of
from eval.fit.reader_examples import ROUND, Example, Examples
from eval.fit.reader_export import Learned, export
from eval.fit.reader_mixture import Mixture
from eval.fit.reader_model import Reader as TrainedReader
from eval.fit.reader_model import loss_of
from eval.fit.reader_negatives import find_negatives
from eval.fit.reader_noise import mistyped, printed, typed, unmarked
from eval.fit.reader_sets import Question, Source, agreed, is_kept_apart, names, plain, read_set
from eval.fit.reader_tokens import LONGEST, Tokens, batches, pair, tokenise
from eval.fit.train_bundle import Bundle, batch
from eval.fit.train_bundle import example as row_of
from eval.fit.train_reader import Config, Run, train
from rag.errors import TemeiError
from rag.models.e5 import build_tokenizer
from rag.models.embeddings import BundledEmbedder
from rag.models.onnx_graph import open_session
from rag.models.reader import PATH, Reader, best_span
from rag.models.unigram import END
from rag.models.weights import Weights

ROOT = Path(__file__).resolve().parents[1]
PASSAGE = (
    "The mill was built in 1874 by Ion Popescu. It burned down in 1901. The village has two churches and a school."
)
LEXICON = {"ro": {"when": "când", "mill": "moara", "village": "satul", "built": "construită"}}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Let PyTorch compute in one thread: beside another process that computes, several wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def a_file(folder: Path, name: str, count: int = 12) -> Path:
    """Write a file of ``count`` passages, each with three questions: annotated thrice, once, and not answerable."""
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
                "path": "History",
                "qas": [
                    {"id": f"{number}a", "question": "When did Ion Popescu build the first mill?", "answers": answers},
                    {
                        "id": f"{number}b",
                        "question": "When did it burn down?",
                        "answers": [{"text": "1901", "answer_start": fire}],
                    },
                    {"id": f"{number}c", "question": "Who owned it?", "answers": [], "is_impossible": True},
                ],
            }
        )
    path = folder / f"{name}.json.gz"
    with gzip.open(path, "wt", encoding="utf-8") as stream:
        json.dump({"data": [{"title": "Mill", "paragraphs": paragraphs}]}, stream)
    return path


@pytest.fixture
def mills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Question]]:
    sources = {"mill": Source("en", 1, "mill")}
    monkeypatch.setattr(reader_sets, "SOURCES", sources)
    monkeypatch.setattr(reader_examples, "SOURCES", sources)
    monkeypatch.setattr(reader_bundle, "SOURCES", sources)
    return {"mill": list(read_set(a_file(tmp_path, "mill", 40)))}


def negatives(sets: dict[str, list[Question]]) -> dict[str, dict[str, list[int]]]:
    """Return for every answerable question the next two passages."""
    return {
        name: {q.id: [(q.passage_number + 1) % 40, (q.passage_number + 2) % 40] for q in some if q.answer}
        for name, some in sets.items()
    }


def a_question(text: str, passage: str, answer: tuple[int, int] | None, **more: Any) -> Question:
    return replace(Question("1", text, passage, answer, "", "en", "en", "mill", 0, 0), **more)


def test_the_answer_of_most_annotators_counts(mills: dict[str, list[Question]]) -> None:
    first, second, third, *_ = mills["mill"]

    assert first.answer is not None
    assert first.passage[slice(*first.answer)] == "1700"
    assert first.heading == "Mill › History"
    assert second.answer is not None
    assert second.passage[slice(*second.answer)] == "1901"
    assert third.answer is None
    assert agreed([(0, 4), (10, 14)]) is None
    assert agreed([(0, 4)]) == (0, 4)


def test_a_question_to_measure_on_is_left_out(tmp_path: Path, mills: dict[str, list[Question]]) -> None:
    left = read_set(tmp_path / "mill.json.gz", {plain("when did it BURN down")})

    assert {question.text for question in left} == {"When did Ion Popescu build the first mill?", "Who owned it?"}
    assert list(names([tmp_path])) == ["mill"]


def test_a_round_is_the_same_for_a_seed_and_half_of_it_cannot_be_answered(mills: dict[str, list[Question]]) -> None:
    examples = Examples(mills, negatives(mills), LEXICON, 3)
    made = examples.round(2)

    assert len(made) == ROUND
    assert made == Examples(mills, negatives(mills), LEXICON, 3).round(2)
    assert made != examples.round(1)
    kinds = Counter(example.kind for example in made)
    assert set(kinds) == {"answered", "written", "removed", "turned", "retrieved"}
    assert 0.3 < kinds["answered"] / len(made) < 0.37  # half of the two thirds that have an answer
    assert all((example.answer is not None) == (example.kind == "answered") for example in made)
    for example in made:
        if example.answer is not None:
            assert example.text[slice(*example.answer)].isdigit()
        if example.kind == "removed":
            assert "burn" not in example.question.lower() or "1901" not in example.text
    assert {example.text.startswith("Mill › History: ") for example in made} == {True, False}


def test_every_question_comes_before_one_comes_again(mills: dict[str, list[Question]]) -> None:
    drawn = [q.id for q in Examples(mills, {}, {}, 0)._drawn("mill", 30, 30 + 240)]
    counts = Counter(drawn)

    assert len(counts) == 120
    assert set(counts.values()) <= {1, 2, 3}
    assert Counter(q.id for q in Examples(mills, {}, {}, 0)._drawn("mill", 0, 120)) == Counter(
        {q.id: 1 for q in mills["mill"]}
    )


def test_documents_kept_apart_are_not_learnt_from(tmp_path: Path) -> None:
    questions = list(read_set(a_file(tmp_path, "temei-mill")))
    apart = next(f"Title {n}" for n in range(100) if is_kept_apart(f"Title {n}"))
    hidden = [replace(q, heading=f"{apart} › Section", id=f"{q.id}-") for q in questions]
    examples = Examples({"temei-mill": [*questions, *hidden]}, {}, {}, 0)

    assert not any(apart in example.text for example in examples.round(0))


def test_words_are_exchanged_and_the_answer_stays_in_its_place(mills: dict[str, list[Question]]) -> None:
    made = Examples(mills, negatives(mills), LEXICON, 0).round(0)

    assert any("moara" in example.question for example in made)
    for example in made:
        if "moara" in example.text and example.answer is not None:
            assert example.text[slice(*example.answer)].isdigit()
    assert not any("moara" in example.text for example in Examples(mills, {}, LEXICON, 0, switched=0).round(0))
    assert switch("When was the mill built?", LEXICON["ro"], 1.0, Random(0)) == "Când was the moara construită?"
    assert switch("When was the mill built?", LEXICON["ro"], 0.0, Random(0)) == "When was the mill built?"


def test_a_long_passage_is_cut_around_its_answer() -> None:
    text = "word " * 400 + "1874 " + "other " * 400
    start = text.index("1874")
    for seed in range(20):
        cut = reader_examples._cut(a_question("q", text, (start, start + 4)), 800, Random(seed))
        assert len(cut.passage) <= 800
        assert cut.answer is not None
        assert cut.passage[slice(*cut.answer)] == "1874"


def test_questions_are_typed_as_people_type() -> None:
    asked = "Când a fost construită moara din Brădeni?"
    variants = {typed(asked, Random(seed)) for seed in range(300)}

    assert asked in variants
    assert asked.lower() in variants
    assert asked.rstrip("?") in variants
    assert unmarked(asked) == "Cand a fost construita moara din Bradeni?"
    assert unmarked("Хто збудував млин?") == "Хто збудував млин?"
    slip = mistyped("construită", Random(1))
    assert slip != "construită"
    assert abs(len(slip) - len("construită")) <= 1
    assert mistyped("ce e ea", Random(0)) == "ce e ea"
    passages = {printed("Orașul are două biserici.", "ro", Random(seed)) for seed in range(200)}
    assert passages == {"Orașul are două biserici.", "Orasul are doua biserici.", "Oraşul are două biserici."}


def test_negatives_are_near_and_do_not_hold_the_answer(tmp_path: Path, embedder: BundledEmbedder) -> None:
    texts = [
        "The library of Brădeni was founded in 1921 by a teacher.",
        "The library of Brădeni opens at nine.",
        "The library of Brădeni holds a copy of the deed of 1921.",
        "Cows eat grass in summer and hay in winter.",
    ]
    questions = [
        a_question("When was the library of Brădeni founded?", text, None, passage_number=number, id=str(number))
        for number, text in enumerate(texts)
    ]
    start = texts[0].index("1921")
    questions[0] = replace(questions[0], answer=(start, start + 4))

    found = find_negatives(questions, embedder, tmp_path / "known.json")

    assert found == {"0": [1, 3]}
    assert find_negatives([], embedder, tmp_path / "known.json") == found


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
    scores = np.zeros((60, 3), dtype=np.float32)
    scores[10, 0], scores[12, 1] = 5.0, 4.0
    scores[55, 1], scores[58, 0] = 8.0, 4.0

    assert best_span(scores) == (10, 12, 9.0)


def test_batches_hold_every_example_once_and_no_more_than_fits() -> None:
    tokens = [Tokens(list(range(n % 50 + 5)), 0, 0) for n in range(200)]
    made = batches(tokens, 128, Random(0))

    assert sorted(len(t.ids) for batch in made for t in batch) == sorted(len(t.ids) for t in tokens)
    assert all(max(len(t.ids) for t in batch) * len(batch) <= 128 for batch in made)


def test_the_rate_rises_stays_and_falls() -> None:
    config = Config(examples=1000, cool_down=200, warm_up=100, rate=1.0)

    assert config.rate_after(0) < config.rate_after(50) < config.rate_after(100) == 1.0
    assert config.rate_after(800) == 1.0
    assert config.rate_after(900) == pytest.approx(0.5)
    assert config.rate_after(1000) == 0.0


def test_what_is_sure_and_right_costs_nothing() -> None:
    gold = torch.tensor([[2, 3], [0, 0]])
    scores = torch.full((2, 5, 3), -20.0)
    scores[0, 2, 0] = scores[0, 3, 1] = scores[0, 0, 2] = 20.0
    scores[1, 0, 0] = scores[1, 0, 1] = 20.0

    assert loss_of(scores, gold).item() < 1e-6
    scores[1, 0, 2] = 20.0  # "it answers", where it does not
    assert loss_of(scores, gold).item() == pytest.approx(0.5 * 20 / 2, rel=0.01)


@pytest.mark.model
def test_the_tokens_of_the_answer_are_those_of_its_words(embedder: BundledEmbedder) -> None:
    start = PASSAGE.index("Ion Popescu")
    example = Example("Who?", PASSAGE, (start, start + 11), "answered", "mill")
    tokenizer = embedder.encoder.tokenizer
    tokens = tokenise(tokenizer, example)

    assert tokens is not None
    assert len(tokens.ids) <= LONGEST
    words = tokenizer.decode(tokens.ids[tokens.first : tokens.last + 1])
    assert words.replace("▁", " ").split() == ["Ion", "Popescu"]
    assert tokenise(tokenizer, example, 16) is None
    marked, _, begin = pair(tokenizer, "Who?", PASSAGE, mark="tydi")
    assert "[tydi]:" in tokenizer.decode(marked[:begin]).replace(" ", "")


@pytest.mark.model
@pytest.mark.slow
def test_an_interrupted_run_ends_as_one_that_was_not(
    mills: dict[str, list[Question]], tmp_path: Path, embedder: BundledEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_examples, "ROUND", 6)
    monkeypatch.setattr(train_reader, "SAVE_EVERY", 2)
    examples = Examples(mills, negatives(mills), {}, 0)
    config = Config(examples=16, cool_down=8, warm_up=4, batch_tokens=256, frozen_layers=11)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    cpu = torch.device("cpu")
    once = Run(config, whole, cpu)
    train(examples, once)

    real, steps = train_reader.collate, iter(range(3))

    def stops(*arguments: object) -> object:
        if next(steps, None) is None:
            raise KeyboardInterrupt
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(train_reader, "collate", stops)
    with pytest.raises(KeyboardInterrupt):
        train(examples, Run(config, parts, cpu))
    monkeypatch.setattr(train_reader, "collate", real)
    with pytest.raises(TemeiError, match="another configuration"):
        Run(replace(config, seed=1), parts, cpu)
    again = Run(config, parts, cpu)
    assert 0 < again.progress.step < once.progress.step
    train(examples, again)

    for one, other in ((once.reader, again.reader), (once.averaged(), again.averaged())):
        for name, value in Learned.of(one).named.items():
            assert np.allclose(value, Learned.of(other).named[name], atol=1e-5), name
    learned = Learned.of(again.reader)
    tokenizer = build_tokenizer(Weights.open())
    seen = [t for e in examples.round(0)[:6] if (t := tokenise(tokenizer, e)) is not None]
    export(learned, tmp_path / "reader.onnx", seen)
    opened = Reader.open(embedder.encoder.weights, embedder.encoder.unigram, tmp_path / "reader.onnx")
    assert opened.session.get_outputs()[0].shape[-1] == 3
    for name, value in Learned.open(tmp_path / "reader.onnx").named.items():
        assert value.shape == learned.named[name].shape, name
        lost = np.linalg.norm(value - learned.named[name]) / np.linalg.norm(learned.named[name])
        assert lost <= 0.1, f"{name} {lost}"


@pytest.mark.model
@pytest.mark.slow
def test_a_bundle_trains_with_pytorch_and_numpy_alone(mills: dict[str, list[Question]], tmp_path: Path) -> None:
    examples = Examples(mills, negatives(mills), {}, 0)
    size = reader_bundle.write(tmp_path / "bundle.npz", reader_bundle.pack(examples, examples.sets, 0))
    assert size < 30_000_000  # the encoder alone has 12 MB
    trained = tmp_path / "trained.npz"
    guard = "import sys; sys.modules['rag'] = sys.modules['onnx'] = sys.modules['tokenizers'] = None; "
    start = f"{guard}from eval.fit.train_bundle import main; main()"
    options = ["--examples", "96", "--size", "8", "--seconds", "300", "--frozen-layers", "10", "--rate", "1e-3"]
    subprocess.run([sys.executable, "-c", start, tmp_path / "bundle.npz", trained, *options], cwd=ROOT, check=True)

    learned = reader_bundle.trained(trained)
    assert learned.named["head.w"].shape == (3, 384)
    assert {name: value.shape for name, value in learned.named.items()} == {
        name: value.shape for name, value in Learned.of(TrainedReader(Weights.open())).named.items()
    }


@pytest.mark.model
def test_the_shares_of_examples_go_along_in_a_bundle(
    mills: dict[str, list[Question]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixture = Mixture(no_answer=0.25, headed=0.125)
    monkeypatch.setattr(reader_bundle, "MIXTURE", mixture)
    examples = Examples(mills, negatives(mills), {}, 0)

    reader_bundle.write(tmp_path / "bundle.npz", reader_bundle.pack(examples, examples.sets, 0))

    assert Bundle(tmp_path / "bundle.npz").mixture == mixture


@pytest.mark.model
def test_a_bundle_makes_the_examples_that_a_run_has(mills: dict[str, list[Question]], tmp_path: Path) -> None:
    examples = Examples(mills, negatives(mills), {}, 0)
    reader_bundle.write(tmp_path / "bundle.npz", reader_bundle.pack(examples, examples.sets, 0))
    bundle = Bundle(tmp_path / "bundle.npz")
    random = np.random.default_rng(0)
    encoder = Weights.open()
    tokenizer = build_tokenizer(encoder)
    words = bundle.matrix("emb.word", 384)

    made = [row_of(bundle, number, random) for number in range(len(bundle.questions)) for _ in range(5)]

    answered = [row for row in made if row.last]
    assert 0.25 < len(answered) / len(made) < 0.45
    table = encoder.matrix("emb.word", 384)
    for row in answered[:3]:  # the bundle's rows are those of the same words
        answer = [int(np.abs(table - words[i]).sum(axis=1).argmin()) for i in row.ids[row.first : row.last + 1]]
        assert tokenizer.decode(answer).replace("▁", "").replace(" ", "").isdigit()
    bundle.mixture = replace(bundle.mixture, no_answer=0.0)
    certain = [row_of(bundle, number, random) for number in range(len(bundle.questions))]
    assert sum(bool(row.last) for row in certain) == sum(q.answer is not None for q in examples.sets["mill"])
    ids, mask, gold = batch(bundle, 16, random)
    assert ids.shape == mask.shape
    assert ids.shape[1] <= 256
    assert gold.shape == (16, 2)
    assert (ids[~mask] == 1).all()


def test_int8_reads_as_the_weights_do(embedder: BundledEmbedder, tmp_path: Path) -> None:
    learned = Learned.open(PATH)
    tokenizer = build_tokenizer(Weights.open())
    tokens = tokenise(tokenizer, Example("When did the mill burn down?", PASSAGE, None, "written", "mill"))
    assert tokens is not None

    scores = []
    for int8 in (True, False):
        export(learned, tmp_path / "reader.onnx", [tokens], int8=int8)
        embeddings = {"embeddings": Weights.open().embeddings(np.array([tokens.ids]))}
        (found,) = open_session(tmp_path / "reader.onnx").run(None, embeddings)
        first, last, score = best_span(found[0][tokens.ids.index(END) + 1 : -1])
        scores.append((first, last, score - found[0][0, :2].sum()))
    assert scores[0][:2] == scores[1][:2]
    assert scores[0][2] == pytest.approx(scores[1][2], abs=1.0)


def test_the_mean_of_weights_leaves_out_what_another_shape_has() -> None:
    def learned(head: list[float], body: float) -> Learned:
        named = {"head.w": np.array(head, np.float32), "l0.q.w": np.array([body], np.float32)}
        return Learned(named, 1, 1, 1, 1)

    both = mean([learned([1.0, 3.0], 1.0), learned([3.0, 5.0], 3.0), learned([9.0], 5.0)])

    assert both.named["head.w"].tolist() == [2.0, 4.0]
    assert both.named["l0.q.w"].tolist() == [3.0]
