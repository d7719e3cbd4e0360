"""Tables in plain text: lines that are parted alike are rows, prose and code are not."""

from __future__ import annotations

import pytest

from ingest import split
from rag import Document, Passage
from rag.text.table_lines import line_tables
from rag.text.tables import TableRow, table_rows


def a_passage(text: str, language: str = "ro") -> Passage:
    (passage,) = split(Document("d", "T", "s", text, language), 2000)
    return passage


def rows_of(text: str, language: str = "ro") -> list[TableRow]:
    return list(table_rows(a_passage(text, language)).values())


@pytest.mark.parametrize(
    "text",
    [
        "Linie,Oraș,Călători\nR1,Cluj,120\nR2,Iași,90\n",
        "Linie;Oraș;Călători\nR1;Cluj;120\nR2;Iași;90\n",
        "Linie\tOraș\tCălători\nR1\tCluj\t120\nR2\tIași\t90\n",
        "Linie   Oraș    Călători\nR1      Cluj    120\nR2      Iași    90\n",
        "Linie   Oraș   Călători\nR1      Cluj        120\nR2      Iași         90\n",
        "Linie | Oraș | Călători\nR1 | Cluj | 120\nR2 | Iași | 90\n",
        '"Linie","Oraș","Călători"\n"R1","Cluj","120"\n"R2","Iași","90"\n',
    ],
)
def test_a_table_of_plain_text_is_rows_however_its_cells_are_parted(text: str) -> None:
    header, first, second = rows_of(f"Lista liniilor:\n\n{text}\nText după tabel.")

    assert header.is_header
    assert first.text == "Linie: R1, Oraș: Cluj, Călători: 120"
    assert second.cells == ("R2", "Iași", "90")


@pytest.mark.parametrize(
    "text",
    [
        "Ana, Ion și Maria au venit.\nVlad, Dan și Petru au plecat.\nRestul, adică zece, au rămas.\n",
        "```\na,b,c\nd,e,f\ng,h,i\n```\n",
        "Un rând cu  două blanuri.\nAlt rând  fără nimic.\nȘi al treilea  rând de proză.\n",
        "a;b\nc;d\ne;f\n",
        "A scris ls | sort și a așteptat.\n",
    ],
)
def test_prose_and_code_are_no_table(text: str) -> None:
    assert rows_of(text) == []


def test_an_abbreviation_divides_no_row() -> None:
    header, first, *_ = rows_of("Nr. crt. | Denumire | Buc.\n1 | Masă rot. mică | 6\n2 | Scaun | 36\n")

    assert header.cells == ("Nr. crt.", "Denumire", "Buc.")
    assert first.cells == ("1", "Masă rot. mică", "6")


def test_every_cell_knows_where_it_stands() -> None:
    text = 'Nume,Oraș,Vârstă\n"Pop, Ana",Cluj,31\nIon,Iași,40\n'
    passage = a_passage(text)

    for row in table_rows(passage).values():
        assert tuple(passage.text[a:b] for a, b in row.spans) == row.cells
    assert table_rows(passage)[1].cells == ("Pop, Ana", "Cluj", "31")


def test_a_row_with_one_cell_names_those_below_it() -> None:
    _, group, first, second = rows_of(
        "| Bilet | Zi | Noapte |\n|---|---|---|\n| Copii | | |\n| Simplu | 2 | 3 |\n| Dublu | 4 | 5 |\n"
    )

    assert group.is_header
    assert (first.text, second.group) == ("Copii, Bilet: Simplu, Zi: 2, Noapte: 3", "Copii")


def test_a_table_of_plain_text_longer_than_a_passage_keeps_its_columns() -> None:
    lines = "".join(f"Articol {n},Raft {n % 7},{n + 100} lei\n" for n in range(60))

    passages = split(Document("d", "T", "s", f"Articol,Raft,Preț\n{lines}", "ro"), 100)

    assert len(passages) > 3
    assert {passage.columns for passage in passages[1:]} == {("Articol", "Raft", "Preț")}
    assert table_rows(passages[-1])[0].text.startswith("Articol: Articol ")


def test_long_text_is_looked_through_in_no_time() -> None:
    assert line_tables("Unu, doi și trei.  Patru; cinci | șase\n" * 50_000) is not None
