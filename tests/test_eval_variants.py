"""Question sets made harder: typed as people type, and among documents that hold nothing relevant."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeEmbedder

from eval.cached_embedder import CachedEmbedder
from eval.corpus import open_corpus
from eval.sets.open import open_dataset
from eval.sets.variants import read_texts, retyped
from rag import Settings
from rag.errors import DatasetError


@pytest.fixture
def questions(tmp_path: Path) -> str:
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "luna.txt").write_text("Luna este satelitul Pământului. Are un diametru de 3474 de kilometri.")
    row = {"id": "1", "question": "Ce diametru are Luna, așa și țara?", "language": "ro", "kind": "direct"}
    row |= {"document": "luna.txt", "answerable": False, "evidence": [], "answers": []}
    row["kind"] = "near_miss"
    (folder / "set.jsonl").write_text(json.dumps(row) + "\n")
    return str(folder / "set.jsonl")


@pytest.fixture
def others(tmp_path: Path) -> Path:
    folder = tmp_path / "others"
    (folder / "deep").mkdir(parents=True)
    (folder / "b.md").write_text("# Marte\n\nMarte este roșie.")
    (folder / "deep" / "a.txt").write_text("Venus este fierbinte.")
    (folder / "empty.txt").write_text(" ")
    (folder / "c.json").write_text("{}")
    return folder


def test_typed_without_diacritics_and_with_cedilla_letters() -> None:
    assert retyped("Ce Știți despre înălțimea ţării? Тёмный", "no-diacritics") == (
        "Ce Stiti despre inaltimea tarii? Темныи"
    )
    assert retyped("Ce Știți despre înălțimea Țării?", "cedilla") == "Ce Ştiţi despre înălţimea Ţării?"
    assert retyped("s\u0326i", "cedilla") == "şi"
    for how in ("no-diacritics", "cedilla"):
        assert retyped("What is 3474?", how) == "What is 3474?"  # type: ignore[arg-type]


def test_questions_are_asked_as_typed(questions: str) -> None:
    (example,) = open_dataset(questions, typed="no-diacritics").examples
    assert example.question == "Ce diametru are Luna, asa si tara?"
    assert open_dataset(questions, typed="cedilla").digest() != open_dataset(questions).digest()


@pytest.mark.parametrize("packed", [False, True])
def test_distractors_are_searched_too(
    questions: str, others: Path, tmp_path: Path, settings: Settings, packed: bool
) -> None:
    path = others
    if packed:
        path = tmp_path / "others.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            archive.add(others, "others")
    assert [text for _, text in read_texts(path)] == ["# Marte\n\nMarte este roșie.", "Venus este fierbinte.", " "]

    fake = FakeEmbedder()
    dataset = open_dataset(questions, distractors=path)
    temei = open_corpus(dataset, settings, embedder=fake)

    assert len(temei.index.documents()) == 3
    assert temei.retrieve("Ce este fierbinte?")[0].passage.text == "Venus este fierbinte."
    assert dataset.digest() != open_dataset(questions).digest()


def test_without_a_text_there_are_no_distractors(questions: str, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    for path in (tmp_path / "none", tmp_path / "nowhere"):
        with pytest.raises(DatasetError, match=path.name):
            open_dataset(questions, distractors=path)


def test_a_text_is_embedded_once(tmp_path: Path) -> None:
    fake = FakeEmbedder()
    first = CachedEmbedder(fake, tmp_path).encode_passages(["a b", "c", "a b"])
    second = CachedEmbedder(fake, tmp_path).encode_passages(["c", "d"])

    assert fake.passages == ["a b", "c", "d"]
    assert np.allclose(first, fake.encode_passages(["a b", "c", "a b"]), atol=1e-3)
    assert np.array_equal(second[0], first[1])
