"""Requests over several documents: overviews, which documents speak of what, comparisons, choices, limits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from eval.sets.open import open_dataset
from ingest import ingest
from rag import Settings, Temei
from rag.errors import QuestionError
from rag.index.index import Index
from rag.models.embeddings import BundledEmbedder
from rag.types import Turn
from ui import cli

DIALOGUES = Path(__file__).resolve().parents[1] / "eval" / "data" / "dialogues"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, embedder: BundledEmbedder) -> Path:
    home = tmp_path_factory.mktemp("requests")
    index = Index(Settings(home=home), embedder, create=True)
    ingest(sorted(DIALOGUES.glob("*.md")), index)
    index.close()
    return home


@pytest.fixture(scope="module")
def temei(home: Path, embedder: BundledEmbedder) -> Temei:
    return Temei(Settings(home=home), embedder=embedder)


def named(temei: Temei, end: str) -> str:
    (found,) = (record.id for record in temei.index.documents() if record.source.endswith(end))
    return found


def test_the_dialogues_are_a_question_set() -> None:
    examples = open_dataset(str(DIALOGUES / "dialogues.jsonl")).examples

    assert len(examples) >= 60
    assert {example.language for example in examples} == {"ro", "en"}
    assert all(example.history for example in examples)
    assert sum(not example.answerable for example in examples) >= 12


def test_an_overview_has_a_sentence_of_each_section_in_order(temei: Temei) -> None:
    answer = temei.overview(named(temei, "pool.md"))

    assert answer.kind == "overview"
    assert [c.path for c in answer.citations] == [
        (title,) for title in ("Opening hours", "Prices", "Lessons", "History", "Rules")
    ]
    text = (DIALOGUES / "pool.md").read_text(encoding="utf-8")
    assert all(text[c.start : c.end] == c.quote for c in answer.citations)


def test_an_overview_of_a_section_stays_in_it(temei: Temei) -> None:
    answer = temei.overview(named(temei, "railway.md"), "engines")

    assert len(answer.citations) >= 2
    assert {c.path for c in answer.citations} == {("Engines",)}


def test_an_overview_says_what_it_does_not_find(temei: Temei) -> None:
    with pytest.raises(QuestionError, match="No heading"):
        temei.overview(named(temei, "railway.md"), "dragons")
    with pytest.raises(QuestionError, match="name of 0 documents"):
        temei.overview("dragons")


@pytest.mark.parametrize(
    ("request_", "end"),
    [
        ("Summarise the swimming pool document", "pool.md"),
        ("Rezumă regulamentul asociației", "asociatie.md"),
        ("Rezumă documentul despre biblioteca din Valea Seacă", "biblioteca.md"),
    ],
)
def test_an_overview_is_of_the_document_that_is_named(temei: Temei, request_: str, end: str) -> None:
    answer = temei.answer(request_)

    assert answer.kind == "overview"
    assert {Path(c.source).name for c in answer.citations} == {end}


@pytest.mark.parametrize(
    ("request_", "ends"),
    [
        ("Which documents speak of bonfires?", {"garden.md"}),
        ("Ce documente vorbesc despre lift?", {"asociatie.md"}),
        ("Which documents mention volunteers?", {"railway.md"}),
    ],
)
def test_documents_that_speak_of_something_are_quoted(temei: Temei, request_: str, ends: set[str]) -> None:
    answer = temei.answer(request_)

    assert (answer.kind, answer.abstained) == ("collection", False)
    assert {Path(c.source).name for c in answer.citations} == ends
    assert all(c.title in answer.text for c in answer.citations)


def test_both_sides_of_a_comparison_are_quoted(temei: Temei) -> None:
    answer = temei.answer("Compare the Heron with the Kestrel")

    assert answer.kind == "task"
    assert len(answer.citations) == 2
    assert ["Heron" in c.quote for c in answer.citations] == [True, False]
    assert "Kestrel" in answer.citations[1].quote


def test_a_refusal_says_which_years_the_sources_have(temei: Temei) -> None:
    from rag.other_years import other_years

    looked = temei.answer("How many visitors did the pool have in 1999?")
    if looked.abstained:
        assert "2022, 2023" in looked.text
    assert other_years("Who is the chair?", []) is None


def test_a_conversation_leads_to_its_document(temei: Temei) -> None:
    alone = temei.answer("What does it cost?")
    after = temei.answer(
        "What does a monthly one cost?", [Turn("When is the sauna open at the pool?", "Tuesdays. [1]")]
    )

    assert alone.kind in ("choices", "refusal", "answer")
    assert after.citations
    assert Path(after.citations[0].source).name == "pool.md"


def test_the_terminal_prints_an_overview(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMEI_HOME", str(home))

    told = CliRunner().invoke(cli.app, ["overview", "garden", "--json"])

    assert told.exit_code == 0
    answer = json.loads(told.stdout)
    assert answer["kind"] == "overview"
    assert {Path(c["source"]).name for c in answer["citations"]} == {"garden.md"}
