"""What of a passage is embedded, and what an index knows of a document."""

from __future__ import annotations

import dataclasses
import json

import pytest

from rag import Document, DocumentRecord, Passage
from rag.index.index import Index
from rag.index.records import (
    document_metadata,
    passage_metadata,
    sentence_texts,
    to_document,
    to_document_records,
    to_passages,
)


def a_passage(*sentences: str) -> Passage:
    text = " ".join(sentences)
    spans, at = [], 0
    for sentence in sentences:
        spans.append((at, at + len(sentence)))
        at += len(sentence) + 1
    return Passage("p", "d", "T", "s", 0, len(text), text, "ro", tuple(spans))


@pytest.mark.parametrize(
    ("sentences", "embedded"),
    [
        (["Moara e din 1874.", "2.", "A ars în anul 1901."], ["Moara e din 1874.", "", "A ars în anul 1901."]),
        (["Paris.", "Roma.", "Berlin."], ["Paris. Roma. Berlin."] * 3),
        (["->", "-", "..."], ["", "", ""]),
        (['<td class="a">Moara e din 1874.</td>'], [" " * 14 + "Moara e din 1874." + " " * 5]),
        (["Rând <b", 'id="x">Moara e din 1874.'], ["", " " * 7 + "Moara e din 1874."]),
        (["Sursa: <https://example.org/a>"], [""]),
        (["Vezi [moara veche](https://example.org/a_b)."], ["Vezi [moara veche]" + " " * 25 + "."]),
    ],
)
def test_fragments_have_no_text_of_their_own(sentences: list[str], embedded: list[str]) -> None:
    assert sentence_texts(a_passage(*sentences)) == embedded


DOCUMENT = Document("d", "Moara", "moara.pdf", "Moara e din 1874.", "ro", "https://example.org", 3, (0, 9))
STORED = document_metadata(DOCUMENT, 2) | {"path": "/srv/moara.pdf", "ingested": "2026-01-02T03:04:05", "raw": "ab12"}


def test_a_record_has_what_is_stored_as_typed_attributes() -> None:
    (record,) = to_document_records([("d", STORED)])

    assert record == DocumentRecord(
        "d", "Moara", "moara.pdf", "ro", "https://example.org", 3, (0, 9), 2, 17, "/srv/moara.pdf",
        "2026-01-02T03:04:05", "ab12",
    )  # fmt: skip
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.path = "/elsewhere"  # type: ignore[misc]


def test_a_document_is_stored_with_its_headings() -> None:
    document = dataclasses.replace(DOCUMENT, headings=((0, 5, 1), (6, 9, 2)))

    assert to_document("d", document_metadata(document, 2), DOCUMENT.text) == document
    assert to_document("d", document_metadata(DOCUMENT, 2), DOCUMENT.text) == DOCUMENT


def test_a_record_is_read_like_the_dict_it_was() -> None:
    (record,) = to_document_records([("d", STORED)])
    before = {"id": "d"} | STORED

    assert json.dumps(record.to_dict(), ensure_ascii=False) == json.dumps(before, ensure_ascii=False)
    assert json.dumps(dict(record), ensure_ascii=False) == json.dumps(before, ensure_ascii=False)
    assert {name: record[name] for name in before} == before
    assert record["pages"] == "0,9"
    assert record.get("path") == "/srv/moara.pdf"
    assert record.get("colour", "none") == "none"
    assert "raw" in record
    assert "colour" not in record
    assert list(record.keys()) == list(before)
    with pytest.raises(KeyError, match="colour"):
        record["colour"]


def test_what_an_earlier_version_did_not_store_is_empty() -> None:
    stored = {"title": "Moara", "source": "moara.txt", "language": "ro"}

    (record,) = to_document_records([("d", stored)])

    assert record == DocumentRecord("d", "Moara", "moara.txt", "ro")
    assert (record.path, record.raw, record.ingested, record.pages, record.passages) == ("", "", "", (), 0)


def test_a_document_added_without_a_file_has_a_record(fake_index: Index) -> None:
    with fake_index.writing():
        fake_index.add_record(DOCUMENT, 0)

    for records in (fake_index.documents(), fake_index.stored_documents()):
        assert [(record.id, record.path, record.characters) for record in records] == [("d", "", 17)]


def test_records_are_sorted_by_source_and_then_by_id() -> None:
    stored = [(name, STORED | {"source": source}) for name, source in (("c", "b.txt"), ("b", "a.txt"), ("a", "b.txt"))]

    assert [record.id for record in to_document_records(stored)] == ["b", "a", "c"]


def test_paths_of_headings_are_stored_and_read_back() -> None:
    plain = a_passage("Moara e din 1874.", "A ars.")
    placed = dataclasses.replace(plain, path=("Mori", "Pe „Olt”"), sections=((0, ("Mori",)), (18, ("Mori", "Foc"))))

    for passage in (plain, placed):
        stored = json.loads(json.dumps(passage_metadata(passage)))
        assert all(isinstance(value, str | int) for value in stored.values()), "Chroma takes no lists"
        found = {"ids": [passage.id], "metadatas": [stored], "documents": [passage.text]}
        assert to_passages(found) == [passage]
    assert "path" not in passage_metadata(plain), "an older index has no such thing"


@pytest.mark.parametrize(
    ("at", "path"), [(0, ("Mori",)), (17, ("Mori",)), (18, ("Mori", "Foc")), (30, ("Mori", "Foc"))]
)
def test_each_place_of_a_passage_has_its_path(at: int, path: tuple[str, ...]) -> None:
    passage = a_passage("Moara e din 1874.", "A ars.")
    assert dataclasses.replace(passage, path=("Mori",)).path_at(at) == ("Mori",)
    assert dataclasses.replace(passage, sections=((0, ("Mori",)), (18, ("Mori", "Foc")))).path_at(at) == path
