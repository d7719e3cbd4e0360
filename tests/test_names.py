"""Names of files: what is shown of them, and where they are kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag import DocumentRecord
from ui.page.file_names import kept_name, numbered, own_name, shown_name, suffix_of, with_folders, without_number


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("🚀.txt", "🚀.txt"),
        ("Q&A?.txt", "Q&A?.txt"),
        ("../../etc/passwd", "etc/passwd"),
        ("C:\\temp\\notițe.txt", "notițe.txt"),
        ("2024/invoice.md", "2024/invoice.md"),
        (".ascuns.md", ".ascuns.md"),
        ("..", "document"),
        ("", "document"),
        (" a \t b.txt  ", "a b.txt"),
        ("a\0b\u202e<c>.txt", "ab<c>.txt"),
        ("cafe\u0301.txt", "caf\u00e9.txt"),
        ("a\ud800.txt", "a?.txt"),
        ("👩\u200d👧.txt", "👩\u200d👧.txt"),
    ],
)
def test_a_name_is_shown_as_it_was_without_what_misleads(given: str, shown: str) -> None:
    assert shown_name(given) == shown


def test_a_very_long_name_keeps_its_beginning_and_its_end() -> None:
    shown = shown_name("ș" * 5000 + " 2024.txt")
    assert len(shown) == 200
    assert shown.startswith("șșș")
    assert shown.endswith("ș 2024.txt")


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("🚀.txt", "_.txt"),
        ("Q&A?.txt", "Q_A_.txt"),
        (".ascuns.md", "ascuns.md"),
        (".txt", "document.txt"),
        ("CON.txt", "_CON.txt"),
        ("lpt1.tar.md", "_lpt1.tar.md"),
        ("a/b.PDF", "b.pdf"),
        ("ș" * 190 + ".txt", "ș" * 60 + ".txt"),
        ("a.b/c\\d", "c_d"),
    ],
)
def test_a_name_is_kept_in_letters_that_any_system_takes(name: str, kept: str) -> None:
    assert kept_name(name) == kept


def test_a_name_that_is_taken_gets_a_number_and_gives_it_back() -> None:
    assert numbered("a.md", ()) == "a.md"
    assert numbered("a.md", {"a.md", "a (2).md"}) == "a (3).md"
    assert numbered("2024/a.md", {"2024/a.md"}) == "2024/a (2).md"
    assert numbered("a.b/c", {"a.b/c"}) == "a.b/c (2)"
    for name in ("a.md", "2024/a.md", "a.b/c", ".txt"):
        assert without_number(numbered(name, {name})) == name
        assert without_number(name) == name
    assert without_number("a (1).md") == "a (1).md"


def test_the_suffix_tells_the_format_also_where_there_is_nothing_else() -> None:
    assert [suffix_of(name) for name in ("a.TXT", ".md", "a", "a.b/c", "a.", "🚀.txt")] == [
        ".txt",
        ".md",
        "",
        "",
        ".",
        ".txt",
    ]


def test_sources_of_one_name_show_their_folders() -> None:
    sources = ["2024/x/invoice.md", "2025/x/invoice.md", "note.txt", "invoice.md", "/note.md", "note.txt"]
    assert with_folders(sources) == [
        "2024/x/invoice.md",
        "2025/x/invoice.md",
        "note.txt",
        "invoice.md",
        "note.md",
        "note.txt",
    ]
    assert with_folders(["/home/a/n.md", "/home/b/n.md"]) == ["a/n.md", "b/n.md"]
    assert with_folders([]) == []


def test_an_upload_from_before_names_were_kept_is_called_by_the_end_of_its_path() -> None:
    old = DocumentRecord("d", "N", ".temei/uploads/n.txt", "ro", path="/srv/.temei/uploads/n.txt")
    assert own_name(old) == "n.txt"
    assert own_name(replace(old, source="🚀.txt")) == "🚀.txt"
    assert own_name(replace(old, source="docs/n.txt", path="/srv/docs/n.txt")) == "docs/n.txt"
