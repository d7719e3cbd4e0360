"""The neural reader: where the answer stands, and whether it stands there."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, SEED
from fakes import FakeEmbedder
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ingest import load, split
from rag import Passage, Settings, Temei
from rag.errors import ModelError
from rag.models.embeddings import BundledEmbedder
from rag.models.reader import PATH, Reader, open_reader, trimmed, window
from rag.models.unigram import Unigram

pytestmark = pytest.mark.model

PARAGRAPH = (
    "Delta Dunării are o suprafață de 3446 de kilometri pătrați. Rezervația a intrat în patrimoniul UNESCO în 1991. "
    "Cercetătoarea Ana Popescu a numărat 325 de specii de păsări."
)


@pytest.fixture(scope="module")
def reader(embedder: BundledEmbedder, models: Path) -> Reader:
    opened = open_reader(embedder, models)
    assert opened is not None
    return opened


def a_passage(text: str, start: int = 0) -> Passage:
    cuts = [m.end() for m in re.finditer(r"[.!?。]\s*", text)] or [len(text)]
    begins = [0, *cuts[:-1]]
    spans = tuple((start + a, start + a + len(text[a:b].rstrip())) for a, b in zip(begins, cuts, strict=True))
    return Passage(f"p{start}", "d", "T", "s", start, start + len(text), text, "ro", spans)


def best(reader: Reader, question: str, passage: Passage) -> tuple[str, float]:
    (answers,) = reader.read(question, [passage])
    found = max(answers, key=lambda answer: answer.score)
    return passage.text[found.span[0] - passage.start : found.span[1] - passage.start], found.score


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Când a intrat rezervația în patrimoniul UNESCO?", "1991"),
        ("When did the reserve become a UNESCO heritage site?", "1991"),
        ("Cine a numărat speciile de păsări?", "Ana Popescu"),
        ("Who counted the species of birds?", "Ana Popescu"),
        ("¿Quién contó las especies de aves?", "Ana Popescu"),
        ("Câte specii de păsări a numărat cercetătoarea?", "325"),
    ],
)
def test_the_short_answer_is_found_in_its_sentence(reader: Reader, question: str, answer: str) -> None:
    text, _ = best(reader, question, a_passage(PARAGRAPH, start=100))

    assert answer in text
    assert len(text) <= len(answer) + 25


def test_a_passage_that_does_not_answer_scores_less(reader: Reader) -> None:
    other = a_passage("Fierul se topește la 1538 de grade. Cuprul conduce bine curentul electric.", start=900)

    _, right = best(reader, "Cine a numărat speciile de păsări?", a_passage(PARAGRAPH))
    _, wrong = best(reader, "Cine a numărat speciile de păsări?", other)

    assert right > wrong + 2


def test_the_answer_taken_out_lowers_the_score(reader: Reader) -> None:
    without = PARAGRAPH.replace(" Rezervația a intrat în patrimoniul UNESCO în 1991.", "")

    _, right = best(reader, "Când a intrat rezervația în patrimoniul UNESCO?", a_passage(PARAGRAPH))
    _, wrong = best(reader, "Când a intrat rezervația în patrimoniul UNESCO?", a_passage(without))

    assert right > wrong + 2


def test_reading_passages_together_or_alone_is_the_same(reader: Reader) -> None:
    passages = split(load(SEED), 200)[:4]

    together = reader.read("Ce a creat înființarea?", passages)

    for passage, answers in zip(passages, together, strict=True):
        assert reader.read("Ce a creat înființarea?", [passage])[0] == answers


@hypothesis_settings(max_examples=25)
@given(st.text(max_size=300), st.text(min_size=1, max_size=80))
def test_any_text_can_be_read(reader: Reader, text: str, question: str) -> None:
    passage = a_passage(text or ".", start=7)

    (answers,) = reader.read(question, [passage])

    assert len(answers) == len(passage.sentences)
    for answer, (start, end) in zip(answers, passage.sentences, strict=True):
        assert np.isfinite(answer.score)
        assert start <= answer.span[0] <= answer.span[1] <= max(end, start)


def test_a_passage_beyond_the_longest_input_is_read_as_far_as_it_goes(reader: Reader) -> None:
    text = PARAGRAPH + " Apa este rece." * 400

    answer, _ = best(reader, "Cine a numărat speciile de păsări?", a_passage(text))

    assert "Ana Popescu" in answer


def test_of_a_long_passage_the_sentences_around_the_nearest_are_read(reader: Reader) -> None:
    passage = a_passage("Apa este rece. " * 200 + PARAGRAPH + " Apa este caldă." * 200)
    nearest = next(
        n for n, (a, b) in enumerate(passage.sentences) if "Ana Popescu" in passage.text[a - passage.start : b]
    )

    (answers,) = reader.read(
        "Cine a numărat speciile de păsări?", [passage], [np.eye(len(passage.sentences), dtype=np.float32)[nearest]]
    )

    start, end = answers[nearest].span
    assert "Ana Popescu" in passage.text[start:end]
    assert answers[nearest].score == max(answer.score for answer in answers)
    assert len(answers) == len(passage.sentences)


def test_addresses_take_no_room_from_what_is_read(reader: Reader) -> None:
    passage = a_passage(PARAGRAPH.replace("Rezervația", f"[Rezervația](https://arhiva/{'fila/' * 100})"))

    assert "Ana Popescu" in best(reader, "Cine a numărat speciile de păsări?", passage)[0]


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("March 2026)", "March 2026"),
        ("(March 2026), ", "(March 2026)"),
        ("f(x)", "f(x)"),
        ("None)\n```", "None"),
        ("`h2`.", "h2"),
        ("`httpx` client", "`httpx` client"),
        ("client`", "client"),
        ("(unul", "unul"),
        ("12%", "12%"),
        ("...", "..."),
    ],
)
def test_a_short_answer_has_no_stray_marks_at_its_ends(words: str, kept: str) -> None:
    passage = a_passage(f"Aici {words} apoi.", start=3)
    start, end = trimmed(passage, (8, 8 + len(words)))

    assert passage.quote((start, end)) == kept


@pytest.mark.parametrize(
    ("nearest", "room", "expected"),
    [
        (0, 100, (0, 40)),  # all of it
        (0, 25, (0, 20)),
        (1, 25, (10, 30)),  # what follows comes first
        (3, 20, (20, 40)),
        (2, 10, (20, 30)),
        (2, 6, (20, 26)),  # not even the sentence itself
        (1, 30, (0, 30)),
    ],
)
def test_whole_sentences_are_read_while_they_fit(nearest: int, room: int, expected: tuple[int, int]) -> None:
    assert window([(0, 10), (10, 20), (20, 30), (30, 40)], nearest, room) == expected


@given(st.text(max_size=80))
def test_every_token_knows_where_it_stands(embedder: BundledEmbedder, text: str) -> None:
    unigram: Unigram = embedder.encoder.unigram

    ids, spans = unigram.located(text)

    assert len(ids) == len(spans)
    assert all(0 <= start <= end <= len(text) for start, end in spans)
    assert [start for start, _ in spans] == sorted(start for start, _ in spans)


def test_the_tokens_located_are_those_of_the_model(embedder: BundledEmbedder) -> None:
    unigram = embedder.encoder.unigram
    text = load(SEED).text

    ids, spans = unigram.located(text)

    assert ids == unigram.pieces(text)
    words = [text[start:end] for start, end in spans]
    assert "".join(words).replace(" ", "") == "".join(text.split())


def test_the_weights_are_those_of_the_card() -> None:
    card = (ROOT / "docs" / "reader.md").read_text(encoding="utf-8")

    assert hashlib.sha256(PATH.read_bytes()).hexdigest() in card
    assert PATH.stat().st_size < 25_000_000


def test_a_damaged_file_is_told(embedder: BundledEmbedder, tmp_path: Path) -> None:
    damaged = tmp_path / "reader.onnx"
    damaged.write_bytes(PATH.read_bytes()[:100_000])

    with pytest.raises(ModelError, match="TEMEI_READER=off"):
        Reader.open(embedder.encoder.weights, embedder.encoder.unigram, damaged)


def test_an_embedding_model_of_ones_own_goes_without(tmp_path: Path) -> None:
    assert open_reader(FakeEmbedder(), tmp_path) is None


def test_the_reader_can_be_switched_off(temei: Temei, embedder: BundledEmbedder) -> None:
    question = "Când a trimis președintele scrisoarea de felicitare?"
    without = Temei(Settings(home=temei.settings.home, reader=False), embedder=embedder)

    assert temei.answer(question).short is not None
    assert without.answer(question).short is None
    assert without.answer(question).citations


def test_the_path_is_read_and_holds_no_answer(reader: Reader) -> None:
    text = "Termenul este de 90 de zile. Se merge la ghișeul 5."
    plain = replace(a_passage(text), title="Ghidul primăriei")
    placed = replace(plain, path=("Recunoașterea copilului din 1991", "Tatăl necăsătorit"))

    (before,), (after,) = reader.read("În ce an?", [plain]), reader.read("În ce an?", [placed])

    assert [answer.score for answer in before] != [answer.score for answer in after], "the path was not read"
    for answer, (start, end) in zip(after, placed.sentences, strict=True):
        assert start <= answer.span[0] <= answer.span[1] <= end


def test_the_path_tells_sister_sections_apart(reader: Reader) -> None:
    text = "Termenul este de 90 de zile."
    question = "Care este termenul pentru tatăl necăsătorit?"
    one, other = (
        replace(a_passage(text), title="Recunoașterea copilului", path=(path,))
        for path in ("Tatăl nu este căsătorit cu mama", "Vânzarea unui autovehicul")
    )

    (right,), (wrong,) = reader.read(question, [one]), reader.read(question, [other])

    assert right[0].score > wrong[0].score
