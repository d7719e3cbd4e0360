"""Superlatives: the row that one selects from a table, and the cell of it that answers, in several languages."""

from __future__ import annotations

import pytest

from ingest import split
from rag import Document
from rag.superlative_rows import PlacedRow, select
from rag.text.cell_values import column_values, is_dated
from rag.text.superlatives import superlative
from rag.text.tables import table_rows

STATIONS = """station,line,zone,opened,daily passengers
Arden Cross,Red,1,1911,18200
Castle Quay,Blue,2,1934,21750
Fenwick Road,Green,1,1912,26300
Gallow Hill,Red,3,1995,1250
"""
MEDALS = """| Rank | Nation | Gold | Total |
|---|---|---|---|
| 1 | Brazil | 9 | 12 |
| 2 | Chile | 7 | 21 |
| 3 | Peru | 8 | 9 |
| Total | Total | 24 | 42 |
"""
RUTE = "| Traseu | Plecare | Preț pe lună (lei) |\n|---|---|---|\n| Nord | 7:05 | 1.260 |\n| Sud | 7:20 | 240 |\n"
PREISE = (
    "| Karte | Preis | Gültig ab |\n|---|---|---|\n| Tag | 7,50 € | 3. Mai 2021 |\n| Jahr | 28 € | 1. Juni 2019 |\n"
)


def selected(text: str, language: str, question: str) -> tuple[str, str | None] | None:
    (passage,) = split(Document("d", "T", "s", text, language), 2000)
    rows = [PlacedRow(passage, n, row) for n, row in table_rows(passage).items() if not row.is_header]
    found = select(question, rows, is_nearest=True)
    if found is None:
        return None
    cells = found.row.row.cells
    return next(cell for cell in cells if cell[0].isalpha()), None if found.cell is None else cells[found.cell]


@pytest.mark.parametrize(
    ("text", "language", "question", "row", "cell"),
    [
        (STATIONS, "en", "Which station has the most daily passengers?", "Fenwick Road", "Fenwick Road"),
        (STATIONS, "en", "Which station has the fewest passengers?", "Gallow Hill", "Gallow Hill"),
        (STATIONS, "en", "Which station opened most recently?", "Gallow Hill", "Gallow Hill"),
        (STATIONS, "en", "What line is the oldest station on?", "Arden Cross", "Red"),
        (STATIONS, "en", "What is the highest number of daily passengers?", "Fenwick Road", "26300"),
        (MEDALS, "en", "Who came first?", "Brazil", "Brazil"),
        (MEDALS, "en", "Which nation came last?", "Peru", "Peru"),
        (MEDALS, "en", "Which nation won the most medals in total?", "Chile", "Chile"),
        (RUTE, "ro", "Care este cel mai ieftin traseu?", "Sud", "Sud"),
        (RUTE, "ro", "Cât costă cel mai scump traseu?", "Nord", "1.260"),
        (RUTE, "ro", "Care este prima plecare?", "Nord", "7:05"),
        (PREISE, "de", "Welche Karte ist am teuersten?", "Jahr", "Jahr"),
        (PREISE, "de", "Was ist der niedrigste Preis?", "Tag", "7,50 €"),
        (PREISE, "de", "Seit wann gilt die älteste Karte?", "Jahr", "1. Juni 2019"),
        (RUTE, "ro", "¿Qué ruta es la más cara?", "Nord", "Nord"),
        (RUTE, "ro", "Quel est le trajet le moins cher ?", "Sud", "Sud"),
        (RUTE, "ro", "Melyik a legolcsóbb?", "Sud", "Sud"),
        (RUTE, "ro", "Какой самый дорогой?", "Nord", "Nord"),
    ],
)
def test_a_superlative_selects_a_row_and_a_cell(text: str, language: str, question: str, row: str, cell: str) -> None:
    assert selected(text, language, question) == (row, cell)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        (STATIONS, "Which line is Castle Quay on?"),
        (STATIONS, "Which station has the best coffee?"),
        (RUTE, "Cât costă?"),
    ],
)
def test_nothing_is_selected_where_nothing_is_compared(text: str, question: str) -> None:
    assert selected(text, "en", question) is None


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1,200", "980"], (1200, 980)),
        (["2.520,00", "95,00"], (2520, 95)),
        (["$10.8 billion", "900 million"], (10.8e9, 900e6)),
        (["1:50.5", "2:01.25"], (110.5, 121.25)),
        (["1st", "10th"], (1, 10)),
        (["0.125", "1.5"], (0.125, 1.5)),
        (["da", "nu"], None),
        (["1500", "2500"], (1500, 2500)),
    ],
)
def test_cells_are_compared_by_their_value(cells: list[str], values: tuple[float, ...] | None) -> None:
    assert column_values(cells) == values


def test_dates_are_compared_in_their_order() -> None:
    for cells in (["3 mai 2021", "12 martie 2022"], ["May 3, 2021", "March 12, 2022"], ["03.05.2021", "12.03.2022"]):
        values = column_values(cells)
        assert is_dated(cells)
        assert values is not None
        assert list(values) == sorted(v for v in values if v is not None)


@pytest.mark.parametrize(
    ("question", "highest"),
    [
        ("Care e cea mai puțin scumpă cameră?", False),
        ("What is the least expensive room?", False),
        ("哪个城市最大?", True),
        ("Quale città è la più alta?", True),
        ("Qual o rio mais longo?", True),
        ("Które miasto jest największe?", True),
    ],
)
def test_the_direction_of_a_superlative(question: str, highest: bool) -> None:
    found = superlative(question)

    assert found is not None
    assert found.highest == highest


@pytest.mark.parametrize(
    "question", ["Cât costă?", "Ce lucrări sunt necesare?", "Wo ist das Museum?", "Who rests here?"]
)
def test_a_question_without_a_superlative_has_none(question: str) -> None:
    assert superlative(question) is None
