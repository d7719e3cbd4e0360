"""Tables of HTML: names of columns, spanning cells, and cells that are links."""

from __future__ import annotations

from ingest.formats.html import html_text
from rag.text.tables import table_rows
from tests.test_table_lines import a_passage

PROSE = "<p>" + "The town lies on the river and is older than the road that leads to it. " * 6 + "</p>"
TWO_LINES = """<table><thead><tr><th rowspan=2>Bilet</th><th colspan=2>Săptămână</th><th colspan=2>Weekend</th></tr>
<tr><th>Copil</th><th>Adult</th><th>Copil</th><th>Adult</th></tr></thead>
<tbody><tr><td colspan=5>Piscină</td></tr><tr><th>O oră</th><td>5</td><td>7</td><td>8</td><td>10</td></tr>
<tr><th rowspan=2>Zi</th><td>9</td><td>10</td><td>11</td><td>12</td></tr>
<tr><td>1</td><td>2</td><td>3</td><td>4</td></tr>
</tbody></table>"""


def text_of(table: str) -> str:
    return html_text(f"<html><body><main>{PROSE}{table}{PROSE}</main></body></html>", main=True).text


def test_two_lines_of_names_are_one_and_spanning_cells_stand_in_every_row() -> None:
    rows = [row for row in table_rows(a_passage(text_of(TWO_LINES))).values() if not row.is_header]

    assert [row.text for row in rows] == [
        "Piscină, Bilet: O oră, Săptămână Copil: 5, Săptămână Adult: 7, Weekend Copil: 8, Weekend Adult: 10",
        "Piscină, Bilet: Zi, Săptămână Copil: 9, Săptămână Adult: 10, Weekend Copil: 11, Weekend Adult: 12",
        "Piscină, Bilet: Zi, Săptămână Copil: 1, Săptămână Adult: 2, Weekend Copil: 3, Weekend Adult: 4",
    ]


def test_a_table_of_words_below_names_has_columns() -> None:
    table = "<table><tr><th>Oraș</th><th>Râu</th></tr><tr><td>Cluj</td><td>Someș</td></tr></table>"

    _, row = table_rows(a_passage(text_of(table))).values()
    assert row.text == "Oraș: Cluj, Râu: Someș"


def test_a_cell_that_is_a_link_is_kept_behind_its_name() -> None:
    nested = "<tr><td colspan=2><table><tr><td>x</td></tr></table></td></tr>"
    box = "<tr><th>Capital</th><td><a href=b>Bucharest</a></td></tr>"
    box += "<tr><th>Language</th><td><a href=r>Romanian</a></td></tr>"

    for table in (f"<table>{box}</table>", f"<table>{nested}{box}</table>"):
        assert "Capital | Bucharest" in text_of(table)


def test_a_table_of_links_to_other_pages_is_no_text() -> None:
    links = "".join(
        f"<tr><td><a href={n}>Page number {n}</a></td><td><a href=x{n}>More</a></td></tr>" for n in range(4)
    )

    assert "Page number" not in text_of(f"<table>{links}</table>")


def test_a_huge_span_is_bounded() -> None:
    table = "<table><tr><th>A</th><th colspan=99999>B</th></tr><tr><td rowspan=99999>1</td><td>2</td></tr></table>"

    assert len(text_of(table)) < 4_000
