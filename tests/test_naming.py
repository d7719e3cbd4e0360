"""Naming: the row and the column that a question names, the cell where they meet, and what a table lacks."""

from __future__ import annotations

import pytest

from ingest import split
from rag import Document, Passage
from rag.text.naming import Lack, cell_asked_for, kind_wanted, lacks, namings
from rag.text.tables import table_rows

SCHOOL = """| Clasa | Taxă lunară (lei) | Masă (lei) | Elevi în clasă |
|---|---|---|---|
| Pregătitoare | 1450 | 420 | 16 |
| Clasa I | 1500 | 425 | 18 |
| Clasa a II-a | 1550 | 440 | 20 |
| Clasa a III-a | 1620 | 445 | 17 |
"""
TOWERS = """Tower,Floors,Opened
IDS Tower,55,1973
Wells Fargo Center,57,1988
LeVeque Tower,47,1927
"""
SPA = "Behandlung | Dauer | Preis\n\nKlassische Massage | 50 Minuten | 60 €\n\nSauna | 120 Minuten | 25 €\n"


def a_passage(text: str, language: str) -> Passage:
    (passage,) = split(Document("d", "Aurora", "s", text, language), 2000)
    return passage


def answered(text: str, language: str, question: str) -> tuple[str, str | None, Lack | None]:
    """Return the first cell of the row that is named most, the cell that answers, and what the table lacks."""
    passage = a_passage(text, language)
    named = namings(question, passage)
    number = max(named, key=lambda one: named[one].row)
    row = table_rows(passage)[number]
    at = cell_asked_for(named[number], row, kind_wanted(question))
    only = sum(one.share > 0.99 for one in named.values()) == 1
    return row.cells[0], None if at is None else row.cells[at], lacks(question, row, named[number], only, ["aurora"])


@pytest.mark.parametrize(
    ("text", "language", "question", "row", "cell"),
    [
        (SCHOOL, "ro", "Cât este taxa lunară la clasa a III-a?", "Clasa a III-a", "1620"),
        (SCHOOL, "ro", "Câți elevi sunt în clasa a II-a?", "Clasa a II-a", "20"),
        (SCHOOL, "ro", "Cât costă masa la clasa pregătitoare?", "Pregătitoare", "420"),
        (TOWERS, "en", "How many floors does the LeVeque Tower have?", "LeVeque Tower", "47"),
        (TOWERS, "en", "When was the Wells Fargo Center opened?", "Wells Fargo Center", "1988"),
        (SPA, "de", "Wie lange ist die Dauer der Massage?", "Klassische Massage", "50 Minuten"),
        (TOWERS, "en", "Câte etaje are Wells Fargo Center?", "Wells Fargo Center", None),
    ],
)
def test_the_cell_stands_where_row_and_column_meet(
    text: str, language: str, question: str, row: str, cell: str | None
) -> None:
    assert answered(text, language, question) == (row, cell, None)


@pytest.mark.parametrize(
    ("text", "language", "question", "lacking"),
    [
        (SCHOOL, "ro", "Cât este taxa lunară la clasa a V-a?", Lack.ROW),
        (SCHOOL, "ro", "Câți profesori sunt la clasa a III-a?", Lack.COLUMN),
        (TOWERS, "en", "How many floors does the Foshay Tower have?", Lack.NAME),
        (TOWERS, "en", "How many floors does the Gherkin have?", Lack.NAME),
        (TOWERS, "en", "How many lifts does the LeVeque Tower have?", Lack.COLUMN),
        (TOWERS, "en", "Câte etaje are turnul Gherkin?", Lack.NAME),
        (SPA, "de", "Wie lange ist die Dauer der Maniküre?", Lack.ROW),
    ],
)
def test_a_name_row_or_column_that_is_not_there_is_lacking(
    text: str, language: str, question: str, lacking: Lack
) -> None:
    assert answered(text, language, question)[2] is lacking
