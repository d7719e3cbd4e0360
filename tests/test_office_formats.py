"""Spreadsheets, slides, OpenDocument, RTF, records and mails: their words, tables, pages and titles, within bounds."""

from __future__ import annotations

import contextlib
import json
import time

import pytest
from conftest import quotes, refused
from office_files import (
    MAIL,
    NOTEBOOK,
    PRICE_ROWS,
    PRICES,
    RTF,
    XLS,
    csv_of,
    odf_of,
    odf_table,
    pptx_of,
    shape,
    slide_table,
    xlsx_of,
)
from test_formats import check_offsets, docx_of, zip_of

from ingest.load import load
from ingest.split import split
from rag.errors import DocumentError
from rag.messages import FileMessage
from rag.text.tables import table_rows

TABLE = "\n".join(PRICE_ROWS)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.xlsx", xlsx_of({"Foaie1": PRICES})),
        ("a.xls", XLS),
        ("a.ods", odf_of(odf_table(PRICES), kind="spreadsheet")),
        ("a.csv", csv_of(PRICES)),
        ("b.csv", csv_of(PRICES, ";")),
        ("c.csv", csv_of(PRICES, "\t").encode("utf-16")),
        ("d.csv", csv_of(PRICES, "|").encode("utf-8-sig")),
        ("a.tsv", csv_of(PRICES, "\t")),
        ("a.json", json.dumps([dict(zip(PRICES[0], row, strict=True)) for row in PRICES[1:]])),
        ("a.jsonl", "\n".join(json.dumps(dict(zip(PRICES[0], row, strict=True))) for row in PRICES[1:])),
    ],
)
def test_a_table_is_the_same_in_every_format_and_its_rows_have_their_columns(write, name: str, data) -> None:
    document = load(write(data, name))

    assert document.text == TABLE
    (passage,) = split(document, 256)
    rows = table_rows(passage)
    assert [rows[number].text for number in (1, 2)] == [
        "Serviciu: Tuns, Minute: 30, Preț: 60.5",
        "Serviciu: Vopsit, Minute: 90, Preț: 150",
    ]
    assert quotes(passage)[2] == "Vopsit | 90 | 150"
    check_offsets(document)


def test_sheets_have_their_names_and_the_lines_above_a_table_are_paragraphs(write) -> None:
    book = xlsx_of({
        "Prețuri 2024": [["Lista de prețuri a frizeriei"], [], *PRICES, ["", "=B2+B3"], ["Total | suma", "120"]],
        "Goală": [],
        "Note": [["Prețurile includ TVA."], ["Programul este de luni până vineri."]],
    }, title="Frizeria")  # fmt: skip
    document = load(write(book, "a.xlsx"))

    assert document.text.split("\n\n") == [
        "Prețuri 2024", "Lista de prețuri a frizeriei", f"{TABLE}\n|  | 7 |  |\n| Total ¦ suma | 120 |  |",
        "Note", "Prețurile includ TVA.", "Programul este de luni până vineri.",
    ]  # fmt: skip
    assert document.title == "Frizeria"


def test_rows_without_names_of_columns_are_rows_all_the_same(write) -> None:
    assert load(write("1,2\n3,4\n", "a.csv")).text == "| 1 | 2 |\n| 3 | 4 |"
    assert load(write("O propoziție singură.\nAlta.\n", "b.csv")).text == "O propoziție singură.\n\nAlta."
    assert load(write('Nume,Text\nIon,"pe două\nrânduri, cu virgulă"\n', "c.csv")).text == (
        "| Nume | Text |\n|---|---|\n| Ion | pe două rânduri, cu virgulă |"
    )
    assert load(write('a;b\n"neînchis;x\n', "d.csv")).text


def test_a_table_in_an_old_code_page_is_read_with_a_line(write) -> None:
    remarks: list[FileMessage] = []
    rows = [["Oraş", "Judeţ"], *[[f"Localitatea {n} din câmpie", "Bistriţa-Năsăud şi împrejurimi"] for n in range(3)]]
    document = load(write(csv_of(rows, ";").encode("windows-1250"), "a.csv"), remark=remarks.append)

    assert "Bistriţa-Năsăud şi împrejurimi" in document.text
    assert len(remarks) == 1


def test_slides_are_pages_with_tables_and_notes(write) -> None:
    slides = [
        shape("Prima idee\nA doua idee") + shape("Morile de apă", "title") + shape("5.3.2024", "dt"),
        slide_table([["Oraș", "Locuitori"], ["Tulcea", "73707"]]),
        "",
        shape("Sfârșit"),
    ]
    document = load(write(pptx_of(slides, notes="Nota vorbitorului.", title="PowerPoint Presentation"), "a.pptx"))

    assert document.text.split("\n\n") == [
        "Morile de apă", "Prima idee", "A doua idee", "Nota vorbitorului.", "Oraș | Locuitori", "Tulcea | 73707",
        "Sfârșit",
    ]  # fmt: skip
    assert document.title == "Morile de apă"
    assert [document.text[at:].lstrip()[:7] for at in document.pages] == ["Morile ", "Oraș | ", "Sfârșit", "Sfârșit"]
    assert split(document, 6)[-1].page == 4
    check_offsets(document)


def test_opendocument_text(write) -> None:
    body = (
        "<text:tracked-changes><text:p>Șters.</text:p></text:tracked-changes>"
        '<text:h text:outline-level="1">Morile</text:h><text:p>Moara are<text:s/>opt <text:span>metri</text:span>'
        "<text:note><text:note-citation>1</text:note-citation>"
        "<text:note-body><text:p>După acte.</text:p></text:note-body></text:note> &lt;lungime&gt;.</text:p>"
        "<text:list><text:list-item><text:p>unu</text:p></text:list-item>"
        "<text:list-item><text:p>doi</text:p></text:list-item></text:list>"
        f"{odf_table([['Oraș', 'Locuitori'], ['Tulcea', '73707']])}<text:p>Rând<text:line-break/>nou.</text:p>"
    )
    document = load(write(odf_of(body, title="Untitled"), "a.odt"))

    assert document.text.split("\n\n") == [
        "Morile", "Moara are opt metri (După acte.) <lungime>.", "- unu", "- doi", "Oraș | Locuitori", "Tulcea | 73707",
        "Rând\nnou.",
    ]  # fmt: skip
    assert document.title == "Morile"


def test_rtf_with_its_code_page_table_and_title(write) -> None:
    document = load(write(RTF, "a.rtf"))

    assert document.text.split("\n\n") == [
        "Ţara și brânza.",
        "Al doilea alineat.",
        "Oraş | Locuitori",
        "Tulcea | 73707",
    ]
    assert document.title == "Mori de apă"


def test_a_mail_has_its_heads_its_text_and_the_names_of_what_is_attached(write) -> None:
    document = load(write(MAIL, "a.eml"))

    assert document.text.split("\n\n") == [
        "Subject: Prețul morii\nFrom: Ion Popescu <ion@exemplu.ro>\nTo: maria@exemplu.ro\n"
        "Date: Tue, 05 Mar 2024 10:30:00 +0200\nAttachments: oferta.pdf",
        "Moara costă 300 de lei.",
    ]
    assert document.title == "Prețul morii"
    html = b"Subject: x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Unu <b>doi</b>.</p><script>x</script>"
    assert load(write(html, "b.eml")).text == "Subject: x\n\nUnu doi."


def test_json_that_is_no_table_is_lines_with_the_way_to_each_value(write) -> None:
    nested = (
        '{"title": "Moara", "prețuri": {"sac": 3.10, "an": [1874, 1901]},'
        ' "mori": [{"nume": "A", "apă": {"râu": "Olt"}}]}'
    )
    document = load(write(nested, "a.json"))

    assert document.text.split("\n\n") == [
        "title: Moara", "prețuri › sac: 3.10", "prețuri › an: 1874, 1901", "mori › 1 › nume: A",
        "mori › 1 › apă › râu: Olt",
    ]  # fmt: skip
    assert document.title == "Moara"
    notebook = load(write(NOTEBOOK, "a.ipynb"))
    assert (notebook.text, notebook.title) == ("# Morile\nMoara are opt metri.\n\n```\nx = 1\n```", "Morile")


BOMB = '<!DOCTYPE d [<!ENTITY e0 "ha">' + "".join(
    f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(12)
)  # fmt: skip
OUTSIDE = '<!DOCTYPE d [<!ENTITY e12 SYSTEM "file:///etc/passwd">'


@pytest.mark.parametrize("entities", [BOMB, OUTSIDE])
def test_entities_are_neither_expanded_nor_fetched(write, entities: str) -> None:
    hostile = f"{entities}]><d><text><p>&e12;</p></text></d>"
    cell = "<c t='inlineStr'><is><t>&e12;</t></is></c>"
    sheet = f"{entities}]><worksheet><sheetData><row>{cell}</row></sheetData></worksheet>"
    for name, data in {
        "a.xlsx": xlsx_of({"A": PRICES}, more={"xl/worksheets/sheet1.xml": sheet}),
        "a.pptx": zip_of({"ppt/presentation.xml": hostile}),
        "a.odt": zip_of({"content.xml": hostile}),
    }.items():
        with contextlib.suppress(DocumentError):
            text = load(write(data, name), extract_mb=512).text
            assert "root:" not in text
            assert len(text) < 1000


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.xlsx", docx_of(""), "Word"),
        ("a.pptx", xlsx_of({"A": PRICES}), "Excel"),
        ("a.odt", pptx_of([shape("x")]), "PowerPoint"),
        ("a.xlsx", XLS, "Office file"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "damaged"),
        ("a.xlsx", xlsx_of({"A": PRICES})[:-30], "damaged"),
        ("a.csv", b"a,b\n\0,2\n", "binary"),
        ("a.json", '{"a": ', "damaged"),
        ("a.json", "[" * 100_000, "nested"),
        ("a.ipynb", "[]", "damaged"),
        ("a.rtf", "Text simplu.", "plain text"),
        ("a.csv", b"PK\x03\x04", "zip"),
        ("a.xlsx", xlsx_of({"A": []}), "no text"),
        ("a.xlsx", xlsx_of({"A": PRICES}, more={"xl/media.bin": " " * 80_000_000}), "unpacks to 80 MB"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_by_name(write, name: str, data, words: str) -> None:
    assert words in refused(write(data, name), extract_mb=256)


def test_a_million_rows_end_at_the_bound(write) -> None:
    rows = "Nume,Valoare\n" + "Ion,12345678\n" * 1_000_000
    began = time.monotonic()
    assert "TEMEI_MAX_EXTRACTED_CHARS" in refused(write(rows, "a.csv"), max_extracted_chars=1_000_000)
    assert time.monotonic() - began < 20
