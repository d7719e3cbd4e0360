"""HTML: trails of navigation go, tables of links stay, and titles are what people wrote."""

from __future__ import annotations

import pytest

from ingest.formats.html import html_text
from ingest.formats.titles import usable_title

BODY = "<p>" + "Moara din Horezu a fost construită în anul 1874 și macină și astăzi grâul satului. " * 4 + "</p>"


def blocks(html: str) -> list[str]:
    return html_text(f"<body>{html}{BODY}</body>", main=True).text.split("\n\n")[:-1]


@pytest.mark.parametrize(
    "trail",
    [
        '<p><a href="/">Acasă</a> &gt; <a href="/l">Legi</a> &gt; Legea privind morile de apă din anul 1874</p>',
        "<div>Ești aici: <a href=1>Acasă</a> » <a href=2>Legislația României în vigoare</a> » Legea</div>",
        "<p><span><a href=1>Home</a></span> / <span><a href=2>Laws</a></span> / <b>Law 12 on mills</b></p>",
        '<ol aria-label="Breadcrumb"><li><a href=1>Acasă</a></li><li>O lege cu un titlu lung, mai lung decât</li></ol>',
        '<div itemtype="https://schema.org/BreadcrumbList"><span>Acasă</span><span>Legi</span></div>',
        '<div class="site-crumbs">Acasă Legi Legea 12</div>',
        "<table><tr><td><a href=1>Acasă</a> &gt; <a href=2>Legi</a> &gt; Legea privind morile de apă</td></tr></table>",
    ],
)
def test_a_trail_to_the_page_is_left_out(trail: str) -> None:
    assert blocks(trail) == []


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p><a href=1>Legea morilor</a></p>", "Legea morilor"),
        ("<p>Vezi <a href=1>legea</a> și <a href=2>anexa</a>.</p>", "Vezi legea și anexa."),
        ("<p><a href=1>Unu</a>, <a href=2>doi</a></p>", "Unu, doi"),
        ("<p>Raportul a > b are <a href=1>sursa</a></p>", "Raportul a > b are sursa"),
    ],
)
def test_links_in_prose_stay(html: str, text: str) -> None:
    assert blocks(html) == [text]


def test_cells_that_are_links_stay_in_their_rows() -> None:
    laws = "".join(
        f"<tr><td><a href={n}>Legea {n} privind morile</a></td><td>{n} mai 1874</td></tr>" for n in (5, 6, 7)
    )
    table = f"<table><tr><th>Act</th><th>Data</th></tr>{laws}</table>"
    rows = ["Act | Data", *(f"Legea {n} privind morile | {n} mai 1874" for n in (5, 6, 7))]
    headed = [
        "\n".join(f"| {row} |" for row in (rows[0], "--- | ---", *rows[1:])).replace("| --- | --- |", "|---|---|")
    ]
    assert blocks(table) == headed
    assert blocks(table.replace("<th>", "<td>").replace("</th>", "</td>")) == rows
    assert blocks(f"<table><thead><tr><th>Act<th>Data</thead><tbody>{laws}</tbody></table>") == headed
    assert blocks(table.replace(" mai 1874</td>", " mai <a href=x>1874</a></td>")) == headed


def test_tables_of_links_alone_and_for_layout_go() -> None:
    menu = "<tr><td><a href=1>Acasă</a></td><td><a href=2>Sport</a></td></tr>"
    assert blocks(f"<table>{menu * 2}</table>") == []
    assert blocks(f"<table>{menu}<tr><td>{BODY}</td></tr></table>")[-1].startswith("Moara din Horezu")


@pytest.mark.parametrize(
    ("html", "title"),
    [
        ("<title>rh.html</title><h1>Resurse <br>umane</h1>", "Resurse umane"),
        ("<title>Untitled Document</title><h1>LEGE nr. 12</h1> <h1>privind morile</h1><p>x</p><h1>Cap. I</h1>", None),
        ("<title></title><h2>Anunț</h2>", "Anunț"),
        ("<title>Portal - Legea 12</title><h1>Alt titlu</h1>", "Portal - Legea 12"),
        ("<title>10811.exe</title>", ""),
    ],
)
def test_titles_of_pages(html: str, title: str | None) -> None:
    expected = "LEGE nr. 12 privind morile" if title is None else title
    assert html_text(f"<html><head></head><body>{html}{BODY}</body></html>", main=True).title == expected


@pytest.mark.parametrize(
    "stated",
    [
        "rh.html", "10811.exe", "(anonymous)", "untitled", "Untitled Document", "Untitled-1", "Word Document",
        "Document12", "PowerPoint Presentation", "Microsoft Word - Raport final.doc", "Fără titlu", "(unspecified)",
        "C:\\acte\\a b", "Slide 1",
        "raport anual 2020.pdf", "---", "unknown", "scan0001", "[Untitled]", "file:///tmp/x", "lege_5.PDF",
    ],
)  # fmt: skip
def test_what_is_no_title(stated: str) -> None:
    assert usable_title(stated) == ""


@pytest.mark.parametrize(
    ("stated", "title"),
    [
        ("Microsoft Word - Raport anual", "Raport anual"),
        ("1984", "1984"),
        ("Legea  nr. 12/1991", "Legea nr. 12/1991"),
        ("Node.js", "Node.js"),
        ("Documentele orașului", "Documentele orașului"),
        ("Page and Plant", "Page and Plant"),
        ("Titlul I. Dispoziții", "Titlul I. Dispoziții"),
        ("Unknown soldiers of 1877", "Unknown soldiers of 1877"),
    ],
)
def test_what_is_a_title(stated: str, title: str) -> None:
    assert usable_title(stated) == title
