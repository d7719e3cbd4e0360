"""Encodings: a text that is not UTF-8 is read where its encoding is certain, with a line that says so, else refused."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest
from conftest import refused

from ingest import ingest
from ingest.encodings import decode
from ingest.load import load
from ingest.split import split
from rag.index.index import Index
from rag.messages import FileMessage

COMMA = (
    "Primăria municipiului Tulcea anunță că începând cu luna martie programul de lucru se schimbă. Cetățenii își pot"
    " depune cererile și la ghișeul din strada Păcii, între orele opt și șaisprezece."
)
CEDILLA = COMMA.translate(str.maketrans("șțȘȚ", "şţŞŢ"))
FRENCH = (
    "L’été dernier, les élèves ont découvert où se trouvait l’ancienne forêt ; ça leur a beaucoup plu, à Noël même."
)
POLISH = "Źródło rzeki leży wśród gór, gdzie żółte łąki kończą się nad brzegiem małego jeziora."
RUSSIAN = "Река берёт начало в горах и впадает в озеро, на берегу которого стоит старая мельница."


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_text_with_a_mark_is_read_by_it(write, encoding: str) -> None:
    marks = {name: getattr(codecs, f"BOM_{name.replace('-', '').upper()[:5]}_{name[-2:].upper()}") for name in [
        "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]}  # fmt: skip
    remarks: list[FileMessage] = []
    document = load(write(marks.get(encoding, b"") + COMMA.encode(encoding), "a.txt"), remark=remarks.append)

    assert document.text == COMMA
    assert document.id == load(write(COMMA, "b.txt")).id
    (remark,) = remarks
    assert encoding.upper()[:6] in str(remark)
    assert "UTF-8" in remark.said.in_language("ro")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (CEDILLA, "windows-1250"),
        (CEDILLA, "iso-8859-2"),
        (CEDILLA, "cp852"),
        (COMMA, "iso-8859-16"),
        (COMMA, "mac-romanian"),
        (CEDILLA.upper(), "windows-1250"),
        (f"„{CEDILLA}”", "windows-1250"),
        (f"„{COMMA}”", "iso-8859-16"),
        (FRENCH, "windows-1252"),
        (POLISH, "windows-1250"),
        (POLISH, "iso-8859-2"),
        (RUSSIAN, "windows-1251"),
        (RUSSIAN, "koi8-r"),
    ],
)
def test_text_in_an_old_code_page_is_read_with_a_line_that_says_so(write, text: str, encoding: str) -> None:
    remarks: list[FileMessage] = []
    document = load(write(text.encode(encoding), "a.txt"), remark=remarks.append)

    same = str.maketrans("șțȘȚ", "şţŞŢ")
    assert document.text.translate(same) == text.translate(same)
    assert len(remarks) == 1
    for passage in split(document, 32):
        assert passage.text == document.text[passage.start : passage.end]


@pytest.mark.parametrize(
    "data",
    [
        "Țară".encode()[:1] + b"ar",  # a letter cut in two
        f"{COMMA}\n".encode() * 20 + b"\xe3 \xff",  # UTF-8 with two broken bytes
        bytes(range(128, 256)) * 5,  # no text
        b"\xff\xfe" + "Delta".encode("utf-16-le") + b"\xd8",  # a mark, and half a letter
        "é".encode("windows-1252"),  # one letter, which may be any
        "한국어 문서입니다. 오늘 날씨가 좋습니다.".encode("euc-kr"),
        "会议在乌镇举行。来自八十个国家的代表参加了会议。".encode("gbk"),
        "הספר נמצא על השולחן בחדר הגדול ליד החלון".encode("windows-1255"),
    ],
)
def test_what_is_not_certain_is_refused_with_what_to_do_on_every_system(write, data: bytes) -> None:
    line = refused(write(data))

    assert "not UTF-8" in line
    assert "Notepad" in line
    assert line.endswith("articol.txt")


def test_line_ends_and_blanks_stay_as_they_are() -> None:
    found = decode(CEDILLA.replace(". ", ".\r\n\t").encode("windows-1250"))

    assert not isinstance(found, int)
    assert found.text == CEDILLA.replace(". ", ".\r\n\t")


def test_what_is_declared_in_front_matter_is_read_in_its_code_page_too(write) -> None:
    document = load(write(f"---\ntitle: Anunţ\n---\n{CEDILLA}".encode("windows-1250"), "a.md"))

    assert document.title == "Anunţ"
    assert document.text[document.body :] == CEDILLA


def test_ingestion_says_it_once(fake_index: Index, tmp_path: Path) -> None:
    (tmp_path / "anunt.txt").write_bytes(CEDILLA.encode("windows-1250"))

    report = ingest([tmp_path], fake_index)
    assert "windows-1250" in str(report.remarks[0])
    assert not ingest([tmp_path], fake_index).remarks
