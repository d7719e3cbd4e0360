"""Loading: the text exactly as it stands in the file, or one line that says what to do."""

from __future__ import annotations

import os
import time
import tracemalloc
from pathlib import Path

import pytest
from conftest import SEED, refused
from hypothesis import given
from hypothesis import strategies as st

from ingest.load import find_files, load, to_document
from ingest.split import split
from rag.errors import DocumentError
from rag.messages import FileMessage

ROMANIAN = "Delta Dunării se află în județul Tulcea și este o rezervație a biosferei."


def test_the_seed_article() -> None:
    document = load(SEED)

    assert document.text == SEED.read_bytes().decode()
    assert document.title == "Conferinta mondiala a internetului"
    assert document.language == "ro"
    assert (document.url, document.body) == ("", 0)


def test_a_byte_order_mark_is_dropped(write) -> None:
    with_mark, without = write(b"\xef\xbb\xbf" + ROMANIAN.encode(), "a.txt"), write(ROMANIAN, "b.txt")

    assert load(with_mark).text == ROMANIAN
    assert load(with_mark).id == load(without).id


@pytest.mark.parametrize("line_end", ["\r\n", "\r", "\n", "\u2028", "\x0b"])
def test_line_ends_stay(write, line_end: str) -> None:
    text = f"Unu.{line_end}Doi.{line_end}"

    assert load(write(text)).text == text


def test_equal_texts_are_one_document(write) -> None:
    assert load(write("Același text.", "a.txt")).id == load(write("Același text.", "b.md")).id
    assert load(write("Același text.", "a.txt")).id != load(write("Alt text.", "c.txt")).id


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_front_matter(write, line_end: str) -> None:
    lines = [
        "---",
        "title: Ce e Temei",
        "url: https://example.org/a",
        "language: ro-RO",
        "---",
        "# Alt titlu",
        ROMANIAN,
    ]
    text = line_end.join(lines)

    document = load(write(b"\xef\xbb\xbf" + text.encode(), "a.md"))

    assert (document.title, document.url, document.language) == ("Ce e Temei", "https://example.org/a", "ro")
    assert document.text == text
    assert document.text[document.body :] == f"# Alt titlu{line_end}{ROMANIAN}"


def test_offsets_hold_behind_front_matter(write) -> None:
    text = f"---\ntitle: „Țărm”\nlanguage: ro\n---\n\n{ROMANIAN} Pelicanii cuibăresc aici.\n"
    document = load(write(text, "a.md"))

    passages = split(document, 16)

    assert [p.text for p in passages] == [text[p.start : p.end] for p in passages]
    assert passages[0].start == text.index("Delta")


@pytest.mark.parametrize(
    "front",
    [
        "title: [neînchis",
        "title: a: b: c",
        "x: y\n\ttitle: x",
        'title: "\\UFFFFFFFF"',
        "title: x\na: &a [x]\nb: *a",
        "title: &a a\nurl: *a",
        "title: " + "[" * 3000,
        "title: " + "[a," * 5000,
        "title: x\n" + "y: z\n" * 4000,
        "title: a\n...\ntitle: b",
    ],
)
def test_front_matter_that_cannot_be_used_costs_only_itself(write, front: str) -> None:
    text = f"---\n{front}\n---\n{ROMANIAN}"
    remarks: list[FileMessage] = []
    began = time.monotonic()

    document = load(write(text, "a.md"), remark=remarks.append)

    assert time.monotonic() - began < 1
    assert (document.text, document.text[document.body :], document.title) == (text, ROMANIAN, "A")
    (remark,) = map(str, remarks)
    assert "front matter" in remark
    assert "a.md" in remark
    assert "\n" not in remark
    assert len(remark) < 500


def bomb(levels: int) -> str:
    """Return a mapping whose aliases stand for ten to the power of ``levels`` words."""
    lines = ["a0: &a0 [lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join([*lines, f"title: *a{levels - 1}"])


def test_aliases_are_not_expanded(write) -> None:
    path = write(f"---\n{bomb(9)}\n---\n{ROMANIAN}", "a.md")
    tracemalloc.start()
    try:
        assert load(path).title == "A"
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "value", ["0x" + "f" * 9000, "0b" + "1" * 9000, "1" + ":59" * 4000, "1" * 9000, "0o" + "7" * 9000, "1e" + "9" * 99]
)
def test_values_are_strings_whatever_they_look_like(write, value: str) -> None:
    began = time.monotonic()
    assert load(write(f"---\ntitle: {value}\n---\n{ROMANIAN}", "a.md")).title == value[:300]
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    ("written", "title"), [(r"a\ud800b", "a\ufffdb"), (r"\uDFFF", "\ufffd"), (r"\ud83d\ude00", "😀"), (r"\u0103", "ă")]
)
def test_halves_of_surrogate_pairs_are_joined_or_replaced(write, written: str, title: str) -> None:
    document = load(write(f'---\ntitle: "{written}"\nurl: "http://a/{written}"\n---\n{ROMANIAN}', "a.md"))

    assert (document.title, document.url) == (title, f"http://a/{title}")


def test_no_text_can_be_made_of_lone_surrogates() -> None:
    with pytest.raises(DocumentError, match="surrogate"):
        to_document("a \ud800 b", source="s", name="n")


@pytest.mark.parametrize(
    "text",
    [
        f"---\nO linie despărțitoare, nu antet.\n---\n{ROMANIAN}",
        f"---\n{ROMANIAN}",
        f"----\ntitle: nu\n----\n{ROMANIAN}",
        f"\n---\ntitle: nu\n---\n{ROMANIAN}",
        f"--- \n- a\n- b\n---\n{ROMANIAN}",
    ],
)
def test_what_only_looks_like_front_matter_is_text(write, text: str) -> None:
    document = load(write(text, "a.md"))

    assert (document.body, document.text, document.title) == (0, text, "A")


def test_three_dashes_inside_a_value_do_not_end_front_matter(write) -> None:
    document = load(write("---\ntitle: a --- b\n---\nText.", "a.md"))

    assert document.title == "a --- b"
    assert document.text[document.body :] == "Text."


@pytest.mark.parametrize(
    ("front", "title"),
    [
        ("title: 2022-07-16", "2022-07-16"),
        ("title: 1984", "1984"),
        ("title: ''", "Titlu din text"),
        ("title: '   '", "Titlu din text"),
        ("title:", "Titlu din text"),
        ("title: ~", "Titlu din text"),
        ("title: '~'", "~"),
        ("title: [a, b]", "Titlu din text"),
        ("{title: În acolade}", "În acolade"),
        ("[a]: b\n? {x: y}\n: z\ntitle: c", "c"),
        ("url: https://example.org", "Titlu din text"),
    ],
)
def test_titles_of_other_types_and_empty_ones(write, front: str, title: str) -> None:
    assert load(write(f"---\n{front}\n---\n# Titlu din text\n{ROMANIAN}", "a.md")).title == title


@pytest.mark.parametrize("language", ["ro", "RO", "ro-RO", "ro_RO", "no", "12", "[ro]", ""])
def test_a_language_is_a_code_of_letters(write, language: str) -> None:
    document = load(write(f"---\nlanguage: {language}\n---\n{ROMANIAN}", "a.md"))

    assert document.language.isalpha()
    assert 2 <= len(document.language) <= 3
    assert document.language in ("ro", "no")


@pytest.mark.parametrize(
    ("name", "text", "title"),
    [
        ("delta-dunarii.txt", ROMANIAN, "Delta dunarii"),
        ("a_b.md", ROMANIAN, "A b"),
        ("2022-07-16.md", ROMANIAN, "2022 07 16"),
        ("-.md", ROMANIAN, "-"),
        ("x.md", f"# Delta Dunării #\n\n{ROMANIAN}", "Delta Dunării"),
        ("x.md", f"Întâi text.\r\n#   Titlu\r\n{ROMANIAN}", "Titlu"),
        ("x.md", f"## Nu e titlu de rangul întâi\n{ROMANIAN}", "X"),
        ("x.md", f"#hashtag\n{ROMANIAN}", "X"),
        ("ssl.md", "Text.\n\n```python\n# This is a comment\nx = 1\n```\n\n# Certificates\n", "Certificates"),
        ("ssl_notes.md", "Text.\n\n~~~\n# This is a comment\n~~~\n\nMore.\n", "Ssl notes"),
    ],
)
def test_titles_from_headings_and_names(write, name: str, text: str, title: str) -> None:
    assert load(write(text, name)).title == title


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b" \n\t\r\n ", "\u3000\u00a0".encode()])
def test_empty_files(write, data: bytes) -> None:
    assert "is empty" in refused(write(data))


def test_a_file_of_front_matter_alone_is_empty(write) -> None:
    assert "is empty" in refused(write("---\ntitle: Doar titlul\n---\n\n", "a.md"))


@pytest.mark.parametrize("data", [b"\x7fELF\x02\0\0\0", b"abc\0def", "Delta".encode("utf-16-le")])
def test_binary_files(write, data: bytes) -> None:
    assert "binary" in refused(write(data))


def test_utf16_without_a_zero_byte_is_refused_too(write) -> None:
    refused(write("会议在乌镇举行".encode("utf-16-le")))


def test_surrogates_are_not_utf8(write) -> None:
    assert "not UTF-8" in refused(write(b"abc \xed\xa0\x80"))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(write) -> None:
    path = write(ROMANIAN)
    path.chmod(0)

    assert "cannot be read" in refused(path)


def test_a_file_that_the_system_refuses(write, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", denied)

    assert "Permission denied" in refused(write(ROMANIAN))


def test_a_missing_file(tmp_path: Path) -> None:
    assert "cannot be read" in refused(tmp_path / "nu.txt")


def test_a_folder_is_no_document(tmp_path: Path) -> None:
    folder = tmp_path / "dosar.txt"
    folder.mkdir()

    assert "cannot be read" in refused(folder)


def test_a_file_over_the_limit(write) -> None:
    path = write("a" * 2001)

    assert "TEMEI_MAX_FILE_MB" in refused(path, max_bytes=2000)
    assert len(load(path, max_bytes=2001).text) == 2001


def test_a_file_of_unknown_format(write) -> None:
    refused(write(ROMANIAN, "a.xyz"))


def test_suffixes_in_capitals(write) -> None:
    assert load(write(ROMANIAN, "A.TXT")).text == ROMANIAN
    assert load(write(ROMANIAN, "B.Md")).text == ROMANIAN


def test_find_files_in_a_folder(tmp_path: Path) -> None:
    seen = ["a.txt", "B.MD", "sub/c.markdown", "sub/deeper/d.txt"]
    unseen = [".hidden.txt", ".git/e.txt", "sub/.cache/f.md", "g.xyz", "txt", "sub/.txt"]
    for name in seen + unseen:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "dosar.txt").mkdir()

    files, problems = find_files([tmp_path])

    assert sorted(files) == sorted(tmp_path / name for name in seen)
    assert files == find_files([tmp_path, tmp_path / "a.txt", tmp_path])[0]
    assert problems == []


def test_find_files_in_a_hidden_folder_that_is_named(tmp_path: Path) -> None:
    (tmp_path / ".articole").mkdir()
    (tmp_path / ".articole" / "a.txt").write_text("x")

    assert find_files([tmp_path / ".articole"])[0] == [tmp_path / ".articole" / "a.txt"]


@pytest.mark.parametrize("name", ["nu-exista", "tabel.xyz", "gol/", "atarna.txt"])
def test_find_files_says_what_gives_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / "tabel.xyz").write_text("x")
    (tmp_path / "gol").mkdir()
    (tmp_path / "atarna.txt").symlink_to(tmp_path / "nicaieri.txt")
    (tmp_path / "bun.txt").write_text("x")

    files, problems = find_files([tmp_path / name, tmp_path / "bun.txt"])

    assert files == [tmp_path / "bun.txt"]
    (problem,) = map(str, problems)
    assert name.rstrip("/") in problem
    assert "\n" not in problem


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_any_text_is_a_document_or_one_line(text: str) -> None:
    try:
        document = to_document(text, source="s", name="nume")
    except DocumentError as error:
        document, said = None, str(error)
    if document is None:
        assert len(said.splitlines()) == 1
        return
    assert document.text == text
    assert text[document.body :].strip()
    assert document.title.strip()
    assert len(document.title.splitlines()) == 1
