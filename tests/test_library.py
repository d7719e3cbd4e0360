"""Temei as a library: documents come and go, are listed, searched and filtered, and several questions are answered."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import check_whole
from fakes import FakeEmbedder
from langchain_core.documents import Document as LangChainDocument

import ingest
from rag import Answer, Document, Settings, Temei
from rag.errors import DocumentError, QuestionError
from rag.index.index import Index

BRIDGE = "Podul de la Slatina a fost terminat în 1891."
MILL = "Moara din vale macină grâul din 1874."


@pytest.fixture
def library(home: Path, fake: FakeEmbedder) -> Iterator[Temei]:
    """Temei with an index that does not exist yet."""
    with Temei(Settings(home=home, reader=False, min_confidence=0), embedder=fake) as temei:
        yield temei


def test_texts_are_added_with_what_is_known_of_them(library: Temei) -> None:
    added = library.add([BRIDGE, MILL], metadata={"tags": ["vechi"], "year": 1900})

    assert {record.title for record in added.documents} == {MILL, BRIDGE}
    assert added.problems == ()
    for record in library.documents():
        assert record.metadata == {"tags": ["vechi"], "year": 1900}
        assert record.path == ""
        document = library.document(record.id)
        assert document is not None
        assert document.metadata == record.metadata
    check_whole(library.index)


def test_a_path_is_added_as_text_or_path_and_costs_nothing_the_second_time(
    library: Temei, articles: Path, fake: FakeEmbedder
) -> None:
    steps: list[tuple[str, int, int]] = []
    first = library.add(str(articles), metadata={"shelf": "A"}, progress=lambda *step: steps.append(step))
    made = len(fake.passages)
    second = library.add(articles)

    assert {Path(record.path).name for record in first.documents} == {"delta.md", "kettle.txt", "wuzhen.txt"}
    assert [record.id for record in second.documents] == [record.id for record in first.documents]
    assert len(fake.passages) == made
    assert steps
    assert steps[-1][1] == steps[-1][2]
    assert {record.metadata["shelf"] for record in library.documents()} == {"A"}


def test_what_was_given_with_a_file_holds_for_its_next_text(library: Temei, tmp_path: Path) -> None:
    file = tmp_path / "moara.md"
    file.write_text(f"---\ntags: [mori, vale]\ndate: 2024-05-01\n---\n{MILL}", "utf-8")
    library.add(file, metadata={"shelf": "A"})
    file.write_text(f"---\ndate: 2025-01-01\n---\n{MILL} Acum e muzeu.", "utf-8")
    library.add(file)

    (record,) = library.documents()
    assert record.metadata == {"tags": "mori, vale", "date": "2025-01-01", "shelf": "A"}


def test_metadata_outlives_a_rebuild(library: Temei, settings: Settings, fake: FakeEmbedder) -> None:
    library.add(MILL, metadata={"shelf": "A"})
    index = Index(library.settings, fake)
    ingest.rebuild(index)

    assert [record.metadata for record in index.documents()] == [{"shelf": "A"}]
    assert [record.metadata for record in index.stored_documents()] == [{"shelf": "A"}]
    index.close()


def test_documents_of_ours_and_of_langchain_are_added(library: Temei) -> None:
    ours = Document("m1", "Moara", "moara.txt", MILL, "ro")
    theirs = LangChainDocument(page_content=BRIDGE, metadata={"source": "pod.pdf", "title": "Podul", "page": 3})

    added = library.add([ours, theirs])

    assert [(record.source, record.title) for record in added.documents] == [
        ("moara.txt", "Moara"),
        ("pod.pdf", "Podul"),
    ]
    assert added.documents[1].metadata == {"page": 3}
    # LangChain's document of the same source with another text takes its place.
    library.add(LangChainDocument(page_content=f"{BRIDGE} E din fier.", metadata={"source": "pod.pdf"}))
    assert [record.source for record in library.documents()] == ["moara.txt", "pod.pdf"]
    check_whole(library.index)


def test_what_cannot_be_added_is_told_and_nothing_is_lost(library: Temei, tmp_path: Path) -> None:
    (tmp_path / "gol.txt").write_text(" \n")
    added = library.add([tmp_path / "gol.txt", MILL, 5])  # type: ignore[list-item]

    assert len(added.documents) == 1
    assert len(added.problems) == 2
    assert "gol.txt" in added.problems[0]
    for nothing in ("articole/lipsa.pdf", "articole", [tmp_path / "gol.txt"], "   ", [7]):
        with pytest.raises(DocumentError):
            library.add(nothing)  # type: ignore[arg-type]
    with pytest.raises(DocumentError, match="must be what JSON can hold"):
        library.add(BRIDGE, metadata={"when": object()})
    assert len(library.documents()) == 1


def test_documents_are_removed_by_id_source_or_filter(library: Temei, articles: Path) -> None:
    library.add([MILL, articles], metadata={})
    (mill,) = (record for record in library.documents() if not record.path)

    with pytest.raises(QuestionError, match="no document lipsa"):
        library.remove([mill.id, "lipsa"])
    assert len(library.documents()) == 4
    with pytest.raises(QuestionError):
        library.remove()

    assert library.remove(mill.id) == (mill,)
    assert [record.language for record in library.remove(where={"language": "zh"})] == ["zh"]
    assert len(library.documents()) == 2
    check_whole(library.index)


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({"language": "ro"}, {"moara.txt", "pod.txt"}),
        ({"language": ["ro", "en"]}, {"moara.txt", "pod.txt", "mill.txt"}),
        ({"folder": "legi"}, {"legi/lege.txt"}),
        ({"in": "legi/"}, {"legi/lege.txt"}),
        ({"in": "moara.txt"}, {"moara.txt"}),
        ({"document": "Podul"}, {"pod.txt"}),
        ({"tag": "MORI"}, {"moara.txt", "mill.txt"}),
        ({"tag": "#vechi", "language": "ro"}, {"moara.txt"}),
        ({"date": "2024"}, {"moara.txt", "pod.txt"}),
        ({"date": "2024-06..2025"}, {"pod.txt", "mill.txt"}),
        ({"date": "2025.."}, {"mill.txt"}),
        ({"shelf": 3}, {"pod.txt"}),
    ],
)
def test_filters_choose_documents(library: Temei, where: dict[str, object], found: set[str]) -> None:
    for source, title, language, metadata in (
        ("moara.txt", "Moara", "ro", {"tags": ["mori", "vechi"], "date": "2024-05-01"}),
        ("pod.txt", "Podul", "ro", {"date": "2024-11-30", "shelf": 3}),
        ("mill.txt", "Mill", "en", {"tags": "mills, mori", "date": "2025-02"}),
        ("legi/lege.txt", "Legea", "de", {}),
    ):
        library.add(f"{title}: {MILL}", metadata={"source": source, "title": title, "language": language, **metadata})

    assert {record.source for record in library.documents(where)} == found
    assert {hit.passage.source for hit in library.search("moara", 10, where=where)} == found
    assert {hit.passage.source for hit in library.retrieve("moara", 10, where=where)} == found
    for answer in (library.answer("Ce macină moara?", where=where), *library.stream("Ce macină moara?", where=where)):
        assert {citation.source for citation in answer.citations} <= found
    assert {c.source for answer in library.batch(["moara?", "vale?"], where=where) for c in answer.citations} <= found


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"language": "zh"}, "No document fits language=zh"),
        ({"foldr": "legi"}, "No document has foldr; what documents can be chosen by: date, document, folder, in"),
        ({"folder": []}, "where needs a text"),
        ({"folder": {"a": "b"}}, "where needs a text"),
        ({"folder": None}, "where needs a text"),
        ("legi", "where must name what to search in"),
        ({3: "legi"}, "where must name what to search in"),
        ({"folder": ""}, "No document fits"),
    ],
)
def test_a_filter_that_says_nothing_is_an_error(library: Temei, where: object, said: str) -> None:
    library.add(MILL)

    for ask in (library.answer, library.search, library.retrieve):
        with pytest.raises(QuestionError, match=said):
            ask("Ce macină moara?", where=where)  # type: ignore[operator]


def test_ids_and_filter_both_hold(library: Temei) -> None:
    library.add(MILL, metadata={"title": "Moara", "language": "ro"})
    library.add(BRIDGE, metadata={"title": "Podul", "language": "ro"})
    ids = {record.title: record.id for record in library.documents()}

    hits = library.search("podul", 5, document_ids=[ids["Podul"]], where={"language": "ro"})

    assert {hit.passage.title for hit in hits} == {"Podul"}
    with pytest.raises(QuestionError):
        library.search("podul", 5, document_ids=[ids["Podul"]], where={"document": "Moara"})


def test_a_batch_and_many_tasks_are_answered_at_the_same_time(library: Temei, monkeypatch: pytest.MonkeyPatch) -> None:
    library.add([BRIDGE, MILL])
    together = threading.Barrier(2, timeout=20)
    one_answer = library._search

    def waiting(*given: object, **named: object) -> object:
        together.wait()  # passes only where two questions are looked up at once
        return one_answer(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(library, "_search", waiting)
    questions = ["Când a fost terminat podul?", "Ce macină moara?"]

    async def ask() -> list[Answer]:
        return list(await asyncio.gather(*(library.aanswer(question) for question in questions)))

    assert [answer.question for answer in library.batch(questions)] == questions
    assert [answer.question for answer in asyncio.run(ask())] == questions


def test_a_closed_library_opens_again(library: Temei) -> None:
    library.add(MILL)
    library.close()
    library.close()

    assert len(library.documents()) == 1


def test_a_folder_is_settings_enough(home: Path, fake: FakeEmbedder) -> None:
    for given in (home, str(home)):
        assert Temei(given, embedder=fake).settings.home == home
