"""PDF: letters that fonts do not tell, accents apart from their letters, running heads, sentences over pages."""

from __future__ import annotations

import random
from pathlib import Path

import pypdfium2
import pytest
from conftest import refused
from test_formats import Line, lines_of, pdf_of

from ingest.formats.pdf import read_pdf
from ingest.formats.pdf_letters import accents_joined, deciphered, has_loose_accents, plain_forms, shift_of
from ingest.formats.pdf_lines import by_baseline
from ingest.formats.pdf_lines import lines_of as lines_of_page
from ingest.load import load
from ingest.sandbox.child import Limits

GERMAN = [
    "Ehrung von Bestleistungen. Der Verein hat im letzten Jahr viele",
    "Mitglieder gewonnen und neue Abteilungen gegründet. Die Übungen",
    "finden jeden Dienstag in der großen Halle am Bahnhof statt.",
]
GLYPHS = {letter: code - 30 for code in range(128, 256) for letter in bytes([code]).decode("mac-roman")}


def cipher_of(lines: list[str], numbers: dict[str, int]) -> bytes:
    """Return a PDF whose font gives the numbers of its shapes and does not say which letters they are."""
    drawn = "".join(
        f"BT /F 11 Tf 70 {750 - 14 * row} Td <{''.join(f'{numbers[c]:04x}' for c in line)}> Tj ET\n"
        for row, line in enumerate(lines)
    )
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[6 0 R]/Count 1/MediaBox[0 0 595 842]/Resources<</Font<</F 3 0 R>>>>>>",
        "<</Type/Font/Subtype/Type0/BaseFont/ABCDEF+Arial/Encoding/Identity-H/DescendantFonts[4 0 R]>>",
        "<</Type/Font/Subtype/CIDFontType2/BaseFont/ABCDEF+Arial/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)"
        "/Supplement 0>>/FontDescriptor 5 0 R/DW 500>>",
        "<</Type/FontDescriptor/FontName/ABCDEF+Arial/Flags 4/FontBBox[0 -200 1000 900]/ItalicAngle 0/Ascent 900"
        "/Descent -200/CapHeight 700/StemV 80>>",
        "<</Type/Page/Parent 2 0 R/Contents 7 0 R>>",
        f"<</Length {len(drawn)}>>stream\n{drawn}\nendstream",
    ]
    made, places = "%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(made))
        made += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    return (
        f"{made}xref\n0 8\n0000000000 65535 f \n{table}trailer\n<</Size 8/Root 1 0 R>>\nstartxref\n{len(made)}\n%%EOF\n"
    ).encode()


def text_of(*pages: list[Line]) -> str:
    return read_pdf(pdf_of(pages), Limits()).text


def test_letters_that_are_all_off_by_the_same_number_are_put_right(write) -> None:
    numbers = {chr(code): code - 29 for code in range(32, 127)} | GLYPHS
    document = load(write(cipher_of(GERMAN, numbers), "a.pdf"))

    assert document.text.splitlines() == GERMAN
    assert document.language == "de"


def test_letters_in_no_order_need_ocr(write) -> None:
    letters = sorted(set("".join(GERMAN)))
    numbers = dict(zip(letters, random.Random(1).sample(range(40, 120), len(letters)), strict=True))

    assert "ocrmypdf" in refused(write(cipher_of(GERMAN, numbers), "a.pdf"))


def test_a_shift_is_told_from_language_only_where_there_is_enough_of_it() -> None:
    text = "Moara din Horezu a fost construita in anul 1874 si macina si astazi graul satului, spun localnicii. " * 2
    assert shift_of([(ord(c), True) for c in text]) == 0
    assert shift_of([(ord(c) - 29, True) for c in text]) == 29
    assert shift_of([(ord(c) + 7, True) for c in text]) == -7
    assert shift_of([(ord(c) - 29, True) for c in text[:40]]) == 0
    assert shift_of([(ord(c) - 29, False) for c in text]) == 0
    assert shift_of([(number, True) for number in range(40, 120)] * 5) is None
    assert deciphered([(ord("A"), False), (3, True), (71, True), (900, True)], 29) == "A d\ufffd"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("˘a ˆa ˆı", "ă â î"),
        ("t,ar˘a s,i dup˘a aceea, toamna", "țară și după aceea, toamna"),
        ("S,tefan, T,epes, s,i alt,ii", "Ștefan, Țepes, și alții"),
        ("¸s ¸t ¸c ˇc ˇrek ´et´e `a l`a ¨uber ni˜no ˚a ˙z ˝o ˛e", "ş ţ ç č řek été à là über niño å ż ő ę"),
        ("˘ a ˆ ı", "ă î"),
        ("ˆ5 ˘q 3,4 a,b", "ˆ5 ˘q 3,4 a,b"),
    ],
)
def test_accents_of_tex_are_put_on_their_letters(written: str, read: str) -> None:
    assert accents_joined(written) == read


def test_accents_are_touched_only_where_a_file_has_several_of_them() -> None:
    assert has_loose_accents("t˘ar˘a ˆın")
    assert not has_loose_accents("`a` ´b´ x ˆ 2, s,t")


def test_arabic_and_hebrew_forms_become_letters_in_their_order() -> None:
    assert plain_forms("\ufee3\ufeae\ufea3\ufe92\ufe8e \ufefb \ufef5 \ufdf2 \ufb4f") == "مرحبا لا لآ الله אל"
    assert plain_forms("ab ²½ ﬁ") == "ab ²½ ﬁ"


def test_lines_found_by_their_place_are_those_that_pdfium_gives() -> None:
    # It takes over where PDFium reads a page downwards, which no small file made here brings about.
    lines = ["Moara din Horezu a fost construita in anul 1874", "si macina si astazi graul satului.", "7 mori"]
    page = pypdfium2.PdfDocument(pdf_of([lines_of(*lines)]))[0]
    found = by_baseline(page.get_textpage())

    assert [line.text for line in found] == lines
    assert [(line.left, line.y, line.height) for line in found] == [
        (line.left, line.y, line.height) for line in lines_of_page(page)
    ]


def test_running_heads_and_feet_with_the_number_of_the_page_go() -> None:
    pages = [
        [
            (70, 810, 9, f"Raport anual {n}"),
            *lines_of(f"Capitolul {n} spune altceva despre", f"moara cu numarul {n * n}.", top=700),
            (70, 40, 9, f"12345.indd {n} 12.03.2020 10:1{n}:32"),
        ]
        for n in range(2, 8)
    ]
    text = text_of(*pages)

    assert text.count("Raport anual") == 1
    assert text.count("indd") == 1
    assert all(f"moara cu numarul {n * n}." in text for n in range(2, 8))


def test_lines_whose_numbers_do_not_count_the_pages_stay() -> None:
    pages = [[*lines_of(f"Art. {n}", f"Textul articolului {n} este altul.", top=700)] for n in (3, 9, 10, 22, 40)]
    text = text_of(*pages)

    assert all(f"Art. {n}\n" in text for n in (3, 9, 10, 22, 40))


def test_a_sentence_goes_on_over_the_page_below_its_running_head() -> None:
    def page(n: int, *lines: str) -> list[Line]:
        return [(70, 810, 9, f"Raport anual {n}"), *lines_of(*lines, top=700)]

    first = page(1, "Moara a fost construita de mesterul care", "se numea, cum scrie in actele din acel an,")
    second = page(2, "Ion Popescu si a ars in anul 1901.", "Apoi a fost refacuta de stat.")
    third = page(3, "Cap. II")
    text = text_of([*first, (70, 672, 11, "dupa marturia preotului din satul acela, mester")], second, third)

    assert "mester\nIon Popescu si a ars" in text
    assert "stat.\n\nCap. II" in text


def test_a_title_of_several_lines_is_whole(write) -> None:
    lines = [
        (70, 790, 22, "Legea morilor"),
        (70, 765, 23, "de apa din"),
        (70, 740, 22, "Romania"),
        *lines_of("Text.", top=690),
    ]
    body = [(70, 600 - 14 * n, 11, f"Randul {n} al legii spune ceva despre mori.") for n in range(8)]
    document = load(write(pdf_of([[*lines, *body]], title="rh.html"), "a.pdf"))

    assert document.title == "Legea morilor de apa din Romania"
    assert load(write(pdf_of([lines_of("Text.")], title="(anonymous)"), "anexa.pdf")).title == "Anexa"


@pytest.mark.parametrize(
    ("line", "then", "read"),
    [
        ("Putem măsura-", "te cu ei.", "măsura-te"),
        ("E o ființă conștien-", "tă de sine.", "conștientă"),
        ("El a mers într-", "un oraș călduros.", "într-un"),
        ("Cartea căzută s-", "a pierdut.", "s-a"),
        ("Și măreția mun-", "ților.", "munților"),
        ("Die Leute konn-", "te man sehen.", "konnte"),
    ],
)
def test_hyphens_at_line_ends_go_by_the_language(line: str, then: str, read: str) -> None:
    assert read in text_of(lines_of(line, then)).replace(".", "").split()


def test_the_contracts_read_as_before_but_for_what_was_wrong() -> None:
    folder = Path(__file__).resolve().parents[2] / "shared/data/cuad/pdf"
    if not folder.is_dir():
        pytest.skip("the contracts are not here")
    contract = sorted(folder.iterdir())[0]
    found = read_pdf(contract.read_bytes(), Limits())

    assert "AGREEMENT" in found.text
    assert "\ufffd" not in found.text
