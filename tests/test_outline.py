"""The outline of a document: which lines are headings, and the path of headings above a place."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import SEED
from hypothesis import given
from hypothesis import strategies as st

from ingest.load import load
from ingest.split import LEAST_SECTION, split
from rag import Document, Passage
from rag.text.outline import outline, places
from rag.text.tokens import count_tokens

SEED_PASSAGES = [(0, 1082), (913, 2107), (1946, 2911), (2910, 3339), (3339, 4254), (4230, 5340)]
SEED_ID = "2e07201f30813c3e468f2cb6c9916893"
"""Of the shipped article, as it was split before there were outlines."""
LONG = "Contractul se înregistrează la Finanțe în treizeci de zile de la semnare, de către proprietar sau de alt om. "
GUIDE = f"""# Locuire

Ghidul este pentru toți.

## Închiriere {{#inchiriere}}

### **Obligațiile** [proprietarului](https://example.org) ###

{LONG}

### Obligațiile chiriașului

{LONG}{LONG}

Vânzare
-------

{LONG}
"""


def titles(text: str) -> list[str]:
    return [heading.title for heading in outline(text)]


def paths(text: str, title: str = "") -> list[str]:
    """Return the path at every place where one begins."""
    return [" › ".join(place.path) for place in places(text, outline(text), title)]


def test_headings_of_markdown_are_told_without_their_marks() -> None:
    assert paths(GUIDE) == [
        "Locuire",
        "Locuire › Închiriere › Obligațiile proprietarului",
        "Locuire › Închiriere › Obligațiile chiriașului",
        "Locuire › Vânzare",
    ]


def test_the_title_of_the_document_is_not_repeated() -> None:
    assert paths(GUIDE, "LOCUIRE")[:2] == ["", "Închiriere › Obligațiile proprietarului"]
    assert paths("# Locuire\n\nGhidul este pentru toți.", "Locuire") == []


@pytest.mark.parametrize(
    "text",
    [
        "```\n# a comment\n```\n\n~~~\n## another\n~~~\n\nText.",
        "<!-- # hidden -->\n\nText.",
        "#hashtag\n\n#1 in sales",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "Text before a rule.\n\n---\n\nText behind it.",
    ],
)
def test_what_only_looks_like_a_heading_of_markdown_is_none(text: str) -> None:
    assert titles(text) == []


def test_headings_between_tags_are_told() -> None:
    assert titles('<h1 id="a">The <b>mill</b></h1>\n\nIt grinds.\n\n<h2>Its wheel</h2>\n\nIt turns.') == [
        "The mill", "Its wheel",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "CAPITOLUL II\nObligațiile vânzătorului\n\nArt. 12\nVânzătorul predă bunul.\n\nArt. 13\nEl garantează.",
            ["CAPITOLUL II. Obligațiile vânzătorului › Art. 12", "CAPITOLUL II. Obligațiile vânzătorului › Art. 13"],
        ),
        (
            "Articolul 5 - Definiții\n\nÎn sensul legii, casa este un bun.\n\nArticolul 6. Casa se vinde liber.",
            ["Articolul 5 - Definiții", "Articolul 6"],
        ),
        (
            "§ 3 Kündigung\n\nDie Frist beträgt vier Wochen.\n\n§ 4 Kaution\n\nSie beträgt drei Mieten.",
            ["§ 3 Kündigung", "§ 4 Kaution"],
        ),
        ("Artikel 7\n(1) Jeder darf wählen.\n\nArtikel 8\n(1) Jeder darf reden.", ["Artikel 7", "Artikel 8"]),
        (
            "Section 4 - Term\n\nIt is a year.\n\n4.1 Renewal\n\nIt is renewed at will.\n\n4.2 Notice\n\nA month.",
            ["Section 4 - Term", "Section 4 - Term › 4.1 Renewal", "Section 4 - Term › 4.2 Notice"],
        ),
        ("Article 1er\n\nLa loi est la même.\n\nArticle 2\n\nElle protège.", ["Article 1er", "Article 2"]),
        ("Artículo 1.º El Estado protege.\nArtículo 2.º El Estado ayuda.", ["Artículo 1.º", "Artículo 2.º"]),
        ("II. fejezet\n\n3. §\n\nA törvény véd.\n\n4. §\n\nSegít.", ["II. fejezet › 3. §", "II. fejezet › 4. §"]),
        ("Статья 12. Закон защищает.\nСтатья 13. Закон помогает.", ["Статья 12", "Статья 13"]),
        ("**Art. 4.** Membrii votează.\n\n**Art. 5.** Membrii plătesc.", ["Art. 4", "Art. 5"]),
    ],
)  # fmt: skip
def test_articles_and_clauses_are_told_in_several_languages(text: str, expected: list[str]) -> None:
    assert paths(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Această faptă se pedepsește potrivit\nart. 5 din lege, iar\nArt. 6 nu se aplică.",
        "Section 4 applies to tenants only. Article 5 does not.",
        "Articles 4 and 5 are repealed.",
        "1. Făină\n2. Zahăr\n3. Sare\n\nSe amestecă totul.",
        "1. Făină\n\n2. Zahăr\n\n3. Sare\n\nSe amestecă totul și se coace un ceas la foc mic.",
        "Capitolul I. Părțile ........ 3\nCapitolul II. Chiria ........ 5",
        "Capitolul I. Părțile\nCapitolul II. Chiria\nCapitolul III. Durata",
        "Ana Popescu\nStrada Lungă 3\n400001 Cluj",
        "Trandafirii cresc pe deal\nȘi macii jos în vale\nIar noaptea un cal\nLe calcă petale",
        "Notă: prețurile sunt cu TVA.\n\nAtenție!\n\nNu atingeți plita.",
    ],
)
def test_lists_references_and_contents_are_no_headings(text: str) -> None:
    assert titles(text) == []


def test_lines_by_themselves_above_text_are_headings_as_html_and_word_have_them() -> None:
    text = (
        "Ghidul primăriei\n\nLocuire\n\nÎnchiriere\n\nContractul se semnează de ambele părți.\n\n- buletin\n\n"
        "- contract\n\nVânzare\n\nActul se face la notar, în prezența ambelor părți."
    )
    assert paths(text, "Ghidul primăriei") == ["Locuire › Închiriere", "Locuire › Vânzare"]
    assert paths("CONTRACT\n\nI. PĂRȚILE\nAna și Ion.\n\nII. CHIRIA\nEste de 350 de euro.") == [
        "CONTRACT › I. PĂRȚILE", "CONTRACT › II. CHIRIA",
    ]  # fmt: skip
    # One such line in a whole text is more likely a name or a signature.
    assert titles("Textul acesta nu are secțiuni.\n\nPrimar Ion Pop\n\nAnul trecut au venit mulți oameni aici.") == []


def test_a_letter_stands_under_its_subject() -> None:
    text = (
        "From: Nadia\nTo: Tom\nSubject: Re: Fwd: The boiler\n\nIt stopped.\n\nFrom: Tom\nSubject: The bill\n\nPay it."
    )
    assert paths(text) == ["The boiler", "The bill"]


@given(
    st.text(max_size=200)
    | st.lists(st.sampled_from(["# A\n", "Art. 1\n", "I. B\n", "\n", "Text.\n", "```\n", "<h1>", "=\n"])).map("".join)
)
def test_headings_are_spans_in_order(text: str) -> None:
    edge = 0
    for heading in outline(text):
        assert edge <= heading.start < heading.end <= len(text)
        assert heading.title == " ".join(heading.title.split()) != ""
        edge = heading.end


def passages(text: str, budget: int = 384) -> list[Passage]:
    return split(Document("d", "T", "s.md", text, "ro"), budget)


def test_a_passage_does_not_go_on_behind_its_section() -> None:
    found = passages(GUIDE)

    assert [passage.path for passage in found] == [
        ("Locuire",),
        ("Locuire", "Închiriere", "Obligațiile proprietarului"),
        ("Locuire", "Închiriere", "Obligațiile chiriașului"),
        ("Locuire", "Vânzare"),
    ]
    assert all(passage.sections == () for passage in found)


def test_short_sections_share_a_passage() -> None:
    sections = [f"## Secțiunea {name}\n\nScurtă.\n\n" for name in "abcdefghij"]
    text = "".join(sections)

    found = passages(text)

    assert 1 < len(found) < len(sections)
    assert all(passage.end - passage.start >= LEAST_SECTION for passage in found[:-1])
    for passage in found:
        for start, end in passage.sentences:
            place = text[:end].rindex("## ") + 3
            assert passage.path_at(start) == (text[place : text.index("\n", place)],)


def test_the_heading_of_a_section_is_one_sentence_by_itself() -> None:
    (first, *_) = passages("I. PĂRȚILE\nProprietar: Ana.\n\nII. CHIRIA\nEste de 350 de euro pe lună.")
    assert [first.quote(span) for span in first.sentences] == [
        "I. PĂRȚILE", "Proprietar: Ana.", "II. CHIRIA", "Este de 350 de euro pe lună.",
    ]  # fmt: skip


@pytest.mark.parametrize("budget", [40, 384])
def test_every_part_of_a_long_section_has_its_path(budget: int) -> None:
    found = passages(f"# A\n\n## B\n\n{LONG * 40}", budget)

    assert len(found) > 3
    assert {passage.path for passage in found} == {("A", "B")}
    assert all(count_tokens(passage.text) <= budget for passage in found)


def test_the_shipped_article_has_no_headings_and_is_split_as_before() -> None:
    document = load(SEED)

    found = split(document, 384)

    assert outline(document.text) == ()
    assert [(passage.start, passage.end) for passage in found] == SEED_PASSAGES
    assert {passage.path for passage in found} == {()}
    assert found[0].id == SEED_ID


def test_the_same_text_under_another_path_is_another_passage() -> None:
    one, other = passages("## A\n\nText."), passages("## B\n\nText.")
    assert one[0].text[6:] == other[0].text[6:]
    assert one[0].id != other[0].id
    assert passages("Text.")[0].path == ()


PAGE = b"""<html><head><title>Profiles - The Manual</title></head><body><main><h1>Profiles</h1>
<p>There are two profiles, and each has settings of its own that change what is built.</p>
<h2>Settings<a href="#s">&para;</a></h2>
<p>Each profile may change how the program is built, and most people never do.</p>
<h3><code>lto</code></h3><p>It is off by default. It can be set so:</p>
<pre><code>[profile]

lto = true
</code></pre><p>A build takes longer then.</p>
<table><tr><th><h4>Name</h4></th><th>Default</th></tr><tr><td>lto</td><td>off</td></tr></table></main></body></html>"""


def test_headings_of_a_page_are_those_that_it_marks(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_bytes(PAGE)
    document = load(tmp_path / "page.html")

    told = [(document.text[start:end], level) for start, end, level in document.headings]
    assert told == [("Profiles", 1), ("Settings¶", 2), ("lto", 3)]
    assert "Name | Default" in document.text
    passages = split(document, 100)
    of = {p.quote(span): p.path_at(span[0]) for p in passages for span in p.sentences}
    assert of["There are two profiles, and each has settings of its own that change what is built."] == ()
    assert of["It is off by default."] == ("Settings", "lto")
    assert of["```\n[profile]\n\nlto = true\n```"] == ("Settings", "lto")


def test_a_page_that_holds_such_marks_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<body><h1>A \ue901b</h1><p>c \ue907 d \ue908 e</p>", encoding="utf-8")

    document = load(tmp_path / "a.html")

    assert [document.text[start:end] for start, end, _ in document.headings][-1].endswith("b")
