"""Formats that are not plain text: their words, pages and titles; and harmful files, each refused by name."""

from __future__ import annotations

import io
import re
import struct
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from conftest import refused

from ingest import ingest
from ingest.formats.pdf import read_pdf
from ingest.load import LOADERS, load
from ingest.sandbox.child import Extracted, Limits, tidy
from ingest.sandbox.extract import extract
from ingest.split import split
from rag.errors import DocumentError
from rag.index.index import Index
from rag.types import Document

_GLYPHS = {
    "ă": "abreve", "â": "acircumflex", "î": "icircumflex", "ș": "scommaaccent", "ț": "tcommaaccent",
    "Ș": "Scommaaccent", "Ț": "Tcommaaccent", "„": "quotedblbase", "”": "quotedblright", "•": "bullet", "ﬁ": "fi",
}  # fmt: skip
_CODES = {letter: 128 + i for i, letter in enumerate(_GLYPHS)}
Line = tuple[int, int, int, str]
"""Left, baseline, size, text."""

FIRST, SECOND, THIRD = "Delta Dunării se află în județul", "Tulcea. Pelicanii cuibăresc pe lacul", "Roșca."
DELTA = f"{FIRST} {SECOND} {THIRD}"


def pdf_of(pages: Sequence[Sequence[Line]], *, title: str = "", extra: str = "", image: bool = False) -> bytes:
    """Return a PDF of lines of text in Helvetica, or with ``image`` of one picture a page."""
    kids = " ".join(f"{5 + 2 * i} 0 R" for i in range(len(pages)))
    shown = " ".join(f"/{name}" for name in _GLYPHS.values())
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}/MediaBox[0 0 595 842]"
        "/Resources<</Font<</F 3 0 R>>>>>>".encode(),
        f"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding<</Differences[128 {shown}]>>>>".encode(),
        b"<</Title<FEFF" + title.encode("utf-16-be").hex().encode() + b">>>",
    ]
    for lines in pages:
        drawn = b"q 500 0 0 800 0 0 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \xff EI Q\n" if image else b""
        for left, baseline, size, text in lines:
            codes = bytes(_CODES.get(letter, ord(letter) % 256) for letter in text)
            drawn += b"BT /F %d Tf %d %d Td <%s> Tj ET\n" % (size, left, baseline, codes.hex().encode())
        objects.append(b"<</Type/Page/Parent 2 0 R/Contents %d 0 R>>" % (len(objects) + 2))
        objects.append(b"<</Length %d>>stream\n%s\nendstream" % (len(drawn), drawn))
    made, places = bytearray(b"%PDF-1.7\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = f"<</Size {len(objects) + 1}/Root 1 0 R/Info 4 0 R{extra}>>".encode()
    made += b"xref\n0 %d\n0000000000 65535 f \n%strailer\n%s\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1, table, trailer, len(made)
    )  # fmt: skip
    return bytes(made)


def lines_of(*texts: str, left: int = 70, top: int = 750, size: int = 11) -> list[Line]:
    return [(left, top - 14 * i, size, text) for i, text in enumerate(texts)]


def zip_of(parts: dict[str, bytes | str]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return made.getvalue()


def docx_of(body: str, *, title: str = "", **more: bytes | str) -> bytes:
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    level = '<w:lvl w:ilvl="0"><w:numFmt w:val="{}"/></w:lvl>'
    return zip_of(
        {
            "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="xml" '
            'ContentType="application/xml"/><Default Extension="rels" ContentType="application/xml"/></Types>',
            "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r" '
            f'Type="{office}/officeDocument" Target="word/document.xml"/></Relationships>',
            "word/document.xml": f'<w:document xmlns:w="{word}"><w:body>{body}</w:body></w:document>',
            "word/numbering.xml": f'<w:numbering xmlns:w="{word}">'
            f'<w:abstractNum w:abstractNumId="0">{level.format("bullet")}</w:abstractNum>'
            f'<w:abstractNum w:abstractNumId="1">{level.format("decimal")}</w:abstractNum>'
            '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
            '<w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num></w:numbering>',
            "word/_rels/document.xml.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="n" '
            f'Type="{office}/numbering" Target="numbering.xml"/></Relationships>',
            "docProps/core.xml": f'<c:p xmlns:c="c" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}'
            "</dc:title></c:p>",
            **more,
        }
    )


def paragraph(text: str, properties: str = "") -> str:
    return f'<w:p><w:pPr>{properties}</w:pPr><w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'


def item(text: str, number: int) -> str:
    return paragraph(text, f'<w:numPr><w:ilvl w:val="0"/><w:numId w:val="{number}"/></w:numPr>')


def epub_of(chapters: dict[str, str], *, order: Sequence[str] = (), title: str = "", **more: bytes | str) -> bytes:
    items = "".join(f'<item id="{n}" href="text/{n}" media-type="application/xhtml+xml"/>' for n in chapters)
    spine = "".join(f'<itemref idref="{n}"/>' for n in order or chapters)
    return zip_of(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container xmlns="c"><rootfiles><rootfile full-path="OEBPS/a.opf"/></rootfiles>'
            "</container>",
            "OEBPS/a.opf": '<package xmlns="o" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>'
            f"<dc:title>{title}</dc:title></metadata><manifest>"
            f'<item id="toc" href="toc.xhtml" properties="nav" media-type="application/xhtml+xml"/>{items}'
            f'</manifest><spine><itemref idref="toc"/>{spine}</spine></package>',
            "OEBPS/toc.xhtml": "<html><body>Cuprins</body></html>",
            **{f"OEBPS/text/{n}": xhtml(body) for n, body in chapters.items()},
            **more,
        }
    )


def xhtml(body: str) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/>'
        f'<script src="x.js"/></head><body>{body}</body></html>'
    )


Write = Callable[..., Path]


def check_offsets(document: Document) -> None:
    passages = split(document, 64)
    assert passages
    for passage in passages:
        assert passage.text == document.text[passage.start : passage.end]
        assert [document.text[a:b].strip() for a, b in passage.sentences] == [
            document.text[a:b] for a, b in passage.sentences
        ]
    covered = {i for passage in passages for i in range(passage.start, passage.end)}
    assert not "".join(c for i, c in enumerate(document.text) if i not in covered).strip()


def test_pdf_text_pages_and_title(write: Write) -> None:
    pages = [
        [*lines_of("Delta Dunării", top=790, size=22), *lines_of(FIRST, SECOND, THIRD)],
        [],
        lines_of("A doua pagină cu text."),
    ]
    document = load(write(pdf_of(pages), "delta-veche.pdf"))

    assert document.text == f"Delta Dunării\n\n{FIRST}\n{SECOND}\n{THIRD}\n\nA doua pagină cu text."
    assert document.title == "Delta Dunării"
    assert document.language == "ro"
    third = document.text.index("A doua")
    assert document.pages == (0, document.text.index("\n\nA doua"), third)
    assert split(document, 16)[0].page == 1
    assert split(document, 16)[-1].page == 3
    check_offsets(document)


@pytest.mark.parametrize(
    ("stated", "title"),
    [("Țara și „brânza”", "Țara și „brânza”"), ("Microsoft Word - Raport.doc", "Anexa 1"), ("untitled", "Anexa 1")],
)
def test_pdf_titles(write: Write, stated: str, title: str) -> None:
    assert load(write(pdf_of([lines_of(DELTA)], title=stated), "anexa_1.pdf")).title == title


def test_pdf_paragraphs_follow_the_layout(write: Write) -> None:
    gap = [*lines_of("Primul alineat începe aici și merge până", "la capăt."), *lines_of("Al doilea.", top=690)]
    indent = [
        *lines_of("Un rând destul de lung, care umple pagina.", "Aici se încheie alineatul pe un rând plin.", top=600),
        *lines_of("Alt alineat, cu rândul dintâi tras înăuntru", left=90, top=572),
        *lines_of("și cu al doilea la marginea paginii.", "• o listă", "• cu două puncte", top=558),
    ]
    text = load(write(pdf_of([gap + indent]), "a.pdf")).text

    assert text.split("\n\n") == [
        "Primul alineat începe aici și merge până\nla capăt.",
        "Al doilea.",
        "Un rând destul de lung, care umple pagina.\nAici se încheie alineatul pe un rând plin.",
        "Alt alineat, cu rândul dintâi tras înăuntru\nși cu al doilea la marginea paginii.",
        "• o listă",
        "• cu două puncte",
    ]


def test_pdf_words_broken_at_line_ends_are_made_whole(write: Write) -> None:
    lines = lines_of(
        "A mers într-", "un oraș unde biblio-", "teca e mare. O bibliotecă: biblioteca ﬁnă. Franco-", "Româna."
    )
    text = load(write(pdf_of([lines]), "a.pdf")).text

    assert text.replace("\n", " ") == (
        "A mers într-un oraș unde biblioteca e mare. O bibliotecă: biblioteca fină. Franco-Româna."
    )


def test_pdf_headers_stay_once_and_page_numbers_go(write: Write) -> None:
    pages = [
        [
            *lines_of("Monitorul Oficial", top=810),
            *lines_of(f"Pagina {n} spune că", top=700),
            *lines_of(f"Pag. {n} / 9", top=30),
        ]
        for n in (4, 5, 6, 7)
    ]
    document = load(write(pdf_of(pages), "a.pdf"))

    assert document.text.count("Monitorul Oficial") == 1
    assert "Pag." not in document.text
    assert all(
        document.text[at:].startswith(f"Pagina {n}") for n, at in zip((5, 6, 7), document.pages[1:], strict=True)
    )


def test_pdf_sentences_run_over_pages(write: Write) -> None:
    pages = [lines_of("Sentința și hotărârea au fost date de către"), lines_of("judecătorul din Tulcea. Gata.")]
    document = load(write(pdf_of(pages), "a.pdf"))
    (passage,) = split(document, 64)

    assert (
        document.text[slice(*passage.sentences[0])]
        == "Sentința și hotărârea au fost date de către\njudecătorul din Tulcea."
    )
    assert (passage.page, passage.page_breaks) == (1, (document.text.index("judec"),))


def test_docx_headings_lists_tables_and_title(write: Write) -> None:
    cell = "<w:tc>{}</w:tc>".format
    body = (
        paragraph("Delta Dunării", '<w:pStyle w:val="Heading1"/>')
        + paragraph("Se află în județul Tulcea.")
        + item("Chilia", 1)
        + item("Sulina", 1)
        + item("întâi", 2)
        + item("apoi", 2)
        + f"<w:tbl><w:tr>{cell(paragraph('Oraș'))}{cell(paragraph('Locuitori'))}</w:tr>"
        + f"<w:tr>{cell(paragraph('Tulcea'))}{cell(paragraph('73707'))}</w:tr></w:tbl>"
        + "<w:p><w:ins><w:r><w:t>Adăugat.</w:t></w:r></w:ins>"
        + "<w:del><w:r><w:delText>Șters.</w:delText></w:r></w:del></w:p>"
    )
    document = load(write(docx_of(body), "a.docx"))

    assert document.text.split("\n\n") == [
        "Delta Dunării", "Se află în județul Tulcea.", "- Chilia", "- Sulina", "1) întâi", "2) apoi",
        "Oraș | Locuitori", "Tulcea | 73707", "Adăugat.",
    ]  # fmt: skip
    assert (document.title, document.pages, document.language) == ("Delta Dunării", (), "ro")
    assert load(write(docx_of(body, title="Alt titlu"), "b.docx")).title == "Alt titlu"
    check_offsets(document)


PAGE = """<!DOCTYPE html><html><head><title>Delta
 Dunării</title><style>p {{ color: red }}</style><script>var ascuns = "<p>script</p>";</script></head><body>
<header><nav><ul><li><a href="/">Acasă</a></li><li><a href="/s">Sport</a></li></ul></nav></header>
<div class="cookie-banner">Acceptați?</div><article><h1>Delta</h1>{}<p>Se află în <b>județul</b>
Tulcea.</p><ul><li>Chilia<ol><li>întâi</li></ol></li><li><p>Sulina</p></li></ul>
<table><tr><th>Oraș</th><th>Locuitori</th></tr><tr><td>Tulcea</td><td><p>73707</p></td></tr></table>
<pre>un rând
alt rând</pre></article><aside>Citește și</aside><footer>Contact</footer></body></html>"""


def test_html_main_text(write: Write) -> None:
    document = load(write(PAGE.format(f"<p>{DELTA}</p>"), "a.html"))

    assert document.text.split("\n\n") == [
        "Delta", DELTA, "Se află în județul Tulcea.", "- Chilia", "1) întâi", "- Sulina",
        "| Oraș | Locuitori |\n|---|---|\n| Tulcea | 73707 |", "```\nun rând\nalt rând\n```",
    ]  # fmt: skip
    assert (document.title, document.language) == ("Delta Dunării", "ro")
    check_offsets(document)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<nav>Meniu</nav><p>Scurt.</p><footer>Jos</footer>", "Scurt."),
        ("<ul><li><a href=1>Legea 1</a><li><a href=2>Legea 2</a></ul>", "- Legea 1\n\n- Legea 2"),
        ("<p>Fără sfârșit <i>de <b>etichete<p>Alt", "Fără sfârșit de etichete\n\nAlt"),
        ("doar text", "doar text"),
        (
            "<form><p>Pagini vechi stau într-un formular.</p><input value=x></form>",
            "Pagini vechi stau într-un formular.",
        ),
        ("<p>a&nbsp;&amp;&#x219;&lt;b&gt;</p>", "a &ș<b>"),
        ("<p>sila\u00adbă</p><p>e\u0301</p>", "silabă\n\né"),
    ],
)
def test_html_of_all_kinds(write: Write, html: str, text: str) -> None:
    assert load(write(html, "a.htm")).text == text


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "windows-1250", "iso-8859-2", "iso-8859-16"])
def test_html_encodings(write: Write, encoding: str) -> None:
    text = "Ţară şi brânză" if encoding in ("windows-1250", "iso-8859-2") else "Țară și brânză"
    html = f'<html><head><meta charset="{encoding}"></head><p>{text}</p></html>'

    assert load(write(html.encode(encoding), "a.html")).text == text


def test_headings_are_those_that_word_files_and_books_mark(write: Write) -> None:
    styled = [
        ("Ghid", "Title"),
        ("Închiriere", "Heading1"),
        ("Un text.", "Normal"),
        ("Acte", "Heading2"),
        ("Alt text.", ""),
    ]
    word = "".join(paragraph(text, f'<w:pStyle w:val="{style}"/>' if style else "") for text, style in styled)
    book = {
        "1.xhtml": "<h1>Unu</h1><p>Text.</p>",
        "2.xhtml": "<p>Fără titlu.</p>",
        "3.xhtml": "<h2>Trei</h2><p>Text.</p>",
    }
    for data, name, expected in (
        (docx_of(word), "a.docx", [("Închiriere", 1), ("Acte", 2)]),
        (epub_of(book), "a.epub", [("Unu", 1), ("Trei", 2)]),
    ):
        document = load(write(data, name))
        assert [(document.text[start:end], level) for start, end, level in document.headings][-2:] == expected


def test_epub_in_reading_order(write: Write) -> None:
    chapters = {"2.xhtml": "<h1>Doi</h1><p>Al doilea<br/>rând.</p>", "1.xhtml": '<h1>Unu</h1><a id="x"/><p>Întâi.</p>'}
    made = epub_of(chapters, order=["1.xhtml", "2.xhtml", "1.xhtml"], title="Cartea  mea")
    document = load(write(made, "a.epub"))

    assert document.text.split("\n\n") == ["Unu", "Întâi.", "Doi", "Al doilea\nrând."]
    assert document.title == "Cartea mea"


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.pdf", PAGE, "HTML page"),
        ("a.pdf", DELTA, "plain text"),
        ("a.pdf", b"", "empty"),
        ("a.docx", pdf_of([[]]), "PDF"),
        ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old", "password-protected Office"),
        ("a.docx", epub_of({"1": "x"}), "EPUB"),
        ("a.docx", zip_of({"xl/workbook.xml": "x"}), "Excel"),
        ("a.docx", zip_of({"inner.zip": zip_of({"a": "x"})}), "other zip"),
        ("a.epub", docx_of(""), "Word"),
        ("a.html", b"\x89PNG\r\n\x1a\n", "image"),
        ("a.html", b"\0\1\2", "binary"),
        ("a.txt", pdf_of([[]]), "PDF"),
        ("a.txt", b"%PDF-1.4 fara zero", "PDF"),
        ("a.md", docx_of(""), "zip"),
        ("a.txt", PAGE, "HTML page"),
    ],
)  # fmt: skip
def test_a_wrong_ending_is_refused_and_says_what_it_looks_like(write: Write, name: str, data, words: str) -> None:
    assert words in refused(write(data, name))


ZEROS = "00" * 32
LOCKED = f"/ID[<{ZEROS}><{ZEROS}>]/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<{ZEROS}>/U<{ZEROS}>>>"


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.docx", docx_of(""), "no text"),
        ("a.html", "<script>x()</script>", "no text"),
        ("a.pdf", pdf_of([[]] * 3), "ocrmypdf"),
        ("a.pdf", pdf_of([[]] * 3, image=True), "ocrmypdf"),
        ("a.pdf", pdf_of([lines_of(DELTA)], extra=LOCKED), "password"),
        ("a.pdf", pdf_of([lines_of(DELTA)] * 20)[:3000], "cut short"),
        ("a.pdf", b"%PDF-1.7\nnothing\nstartxref\n0\n%%EOF", "damaged"),
        ("a.docx", docx_of(paragraph(DELTA))[:-40], "damaged"),
        ("a.docx", docx_of("<w:p>"), "damaged"),
        ("a.epub", epub_of({"1": "x"}, **{"META-INF/encryption.xml": "…/xmlenc#aes128-cbc"}), "DRM"),
        ("a.epub", zip_of({"META-INF/container.xml": '<a><rootfile full-path="nu.opf"/></a>'}), "damaged"),
        ("a.epub", zip_of({"META-INF/container.xml": "<a>"}), "damaged"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_read(write: Write, name: str, data, words: str) -> None:
    assert words in refused(write(data, name))


def test_a_pdf_of_scans_but_for_its_cover(write: Write) -> None:
    mixed = pdf_of([lines_of("Coperta"), [], [], []], image=True)

    assert "3 of its 4 pages" in refused(write(mixed, "a.pdf"))


def test_ten_thousand_pages(write: Write) -> None:
    path = write(pdf_of([lines_of("x")] * 10_000), "a.pdf")
    began = time.monotonic()

    assert "10000 pages, more than the 2000" in refused(path)
    assert time.monotonic() - began < 5
    assert "TEMEI_MAX_PAGES" in refused(path, max_pages=9999)


def test_more_text_than_allowed(write: Write) -> None:
    long = f"<p>{'cuvânt ' * 2000}</p>"
    for path in (
        write(pdf_of([lines_of(DELTA)] * 100), "a.pdf"),
        write(long, "a.html"),
        write(epub_of({"1": long, "2": long}), "a.epub"),
    ):
        assert "TEMEI_MAX_EXTRACTED_CHARS" in refused(path, max_extracted_chars=5000)


def test_zip_bombs(write: Write) -> None:
    bomb = docx_of(paragraph("x"), **{"word/media.bin": bytes(80_000_000)})
    assert len(bomb) < 100_000
    assert "unpacks to 80 MB" in refused(write(bomb, "a.docx"), extract_mb=256)

    said = bytearray(docx_of(paragraph("x")))
    place = said.rindex(b"PK\x01\x02")
    said[place + 24 : place + 28] = struct.pack("<I", 4_000_000_000)
    assert "unpacks to 4,000 MB" in refused(write(bytes(said), "b.docx"))

    many = zip_of({"word/document.xml": "", **{str(i): "" for i in range(10_001)}})
    assert "10002 files" in refused(write(many, "c.docx"))


def test_a_zip_that_lies_about_its_size_is_read_no_further(write: Write) -> None:
    lying = bytearray(epub_of({"1": "<p>" + "x" * 50_000_000}))
    said = struct.pack("<I", 50_000_000 + len(xhtml("<p>")))
    assert lying.count(said) == 2
    small = bytes(lying).replace(said, struct.pack("<I", 1000))

    assert "damaged" in refused(write(small, "a.epub"), extract_mb=256)


def test_an_xml_bomb(write: Write) -> None:
    entities = "".join(f'<!ENTITY e{i + 1} "{f"&e{i};" * 10}">' for i in range(12))
    bomb = f'<!DOCTYPE d [<!ENTITY e0 "ha">{entities}]><d>&e12;</d>'

    refused(write(docx_of("", **{"word/document.xml": bomb}), "a.docx"), extract_mb=512)
    refused(write(epub_of({}, **{"OEBPS/a.opf": bomb}), "a.epub"), extract_mb=512)


def test_deep_nesting(write: Write) -> None:
    deep = "<div>" * 100_000 + "<p>Adânc.</p>" + "</div>" * 100_000 + "<p>După.</p>"
    assert load(write(deep, "a.html")).text == "Adânc.\n\nDupă."

    nested = "<w:sdt><w:sdtContent>" * 20_000 + paragraph("x") + "</w:sdtContent></w:sdt>" * 20_000
    refused(write(docx_of(nested), "a.docx"))


HOSTILE = """
import os, signal, sys, time
from ingest.sandbox.child import Extracted

def hang(data, limits): time.sleep(60)
def spin(data, limits):
    while True: pass
def hog(data, limits): return Extracted(str(len(bytes(4_000_000_000))))
def crash(data, limits): os.kill(os.getpid(), signal.SIGSEGV)
def killed(data, limits): os.kill(os.getpid(), signal.SIGKILL)
def leave(data, limits): os._exit(3)
def vanish(data, limits): os._exit(0)
def fail(data, limits): raise KeyError("ceva\\n")
def recurse(data, limits): return recurse(data, limits)
def flood(data, limits):
    while True: os.write(1, bytes(1_000_000))
def fill(data, limits):
    with open(data.decode(), "wb") as out:
        while True: out.write(bytes(1_000_000))
def surrogate(data, limits): return Extracted("a\\ud800b")
def chatty(data, limits):
    print("vorbe"); os.write(1, b"vorbe"); sys.stdout.flush()
    return Extracted(" ".join(sorted(sys.modules)), "titlu", (0,))
"""


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Extracted]:
    """Run a function of HOSTILE as a format's reader."""
    folder = tmp_path / "python"
    folder.mkdir()
    (folder / "hostile.py").write_text(HOSTILE)
    monkeypatch.setenv("PYTHONPATH", str(folder))

    def run(name: str, data: bytes = b"x", **limits) -> Extracted:
        return extract(Path("rău.pdf"), data, f"hostile:{name}", Limits(**limits))

    return run


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hang", "TEMEI_EXTRACT_SECONDS"),
        ("spin", "TEMEI_EXTRACT_SECONDS"),
        ("hog", "TEMEI_EXTRACT_MB"),
        ("crash", "SIGSEGV"),
        ("killed", "was killed"),
        ("leave", "status 3"),
        ("vanish", "cut short"),
        ("fail", "KeyError"),
        ("recurse", "nested too deeply"),
        ("flood", "TEMEI_EXTRACT_SECONDS"),
        ("absent", "damaged"),
    ],
)
def test_whatever_happens_to_the_reader_is_an_error_of_its_file(hostile, name: str, words: str) -> None:
    began = time.monotonic()
    with pytest.raises(DocumentError) as caught:
        hostile(name, seconds=1, megabytes=512)

    assert re.fullmatch(rf"rău\.pdf .*{words}.*", str(caught.value))
    assert time.monotonic() - began < 4


def test_the_reader_writes_no_large_files(hostile, tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="damaged"):
        hostile("fill", str(tmp_path / "mare").encode(), characters=100_000)

    assert (tmp_path / "mare").stat().st_size <= 1_800_000


def test_the_reader_is_light_and_what_it_prints_is_dropped(hostile) -> None:
    found = hostile("chatty")

    assert not {"torch", "chromadb", "numpy", "rag", "ingest.load"} & set(found.text.split())
    assert (found.title, found.pages) == ("titlu", (0,))
    assert hostile("surrogate").text == "a?b"


def test_a_missing_package_is_named(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pypdfium2.py").write_text('raise ModuleNotFoundError("No module", name="pypdfium2")')
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    message = refused(write(pdf_of([lines_of(DELTA)]), "a.pdf"))

    assert "pypdfium2" in message
    assert message.endswith("install Temei again: make setup")


def test_text_needs_no_process(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subprocess.Popen", lambda *a, **k: pytest.fail("a process for a text file"))

    assert load(write(DELTA, "a.md")).text == DELTA


def test_ingestion_goes_on_behind_bad_files(fake_index: Index, tmp_path: Path) -> None:
    folder = tmp_path / "articole"
    folder.mkdir()
    for name, data in {
        "a.pdf": b"%PDF-1.7 nimic",
        "b.docx": docx_of("<w:p>"),
        "c.pdf": pdf_of([lines_of(DELTA), lines_of("A doua pagină.")]),
        "d.html": PAGE.format("").encode(),
        "e.epub": b"PK\x03\x04",
    }.items():
        (folder / name).write_bytes(data)

    report = ingest([folder], fake_index)

    assert len(report.added) == 2
    assert [Path(problem.file).name for problem in report.problems] == ["a.pdf", "b.docx", "e.epub"]
    again = ingest([folder], fake_index)
    assert (len(again.unchanged), again.added) == (2, [])


def test_the_same_file_gives_the_same_text(write: Write) -> None:
    made = pdf_of([lines_of(DELTA, "rând")] * 3)

    assert read_pdf(made, Limits()) == read_pdf(made, Limits())
    assert load(write(made, "a.pdf")).id == load(write(made, "b.pdf")).id


def test_tidy() -> None:
    assert tidy("\u00a0a\t \r\nb\r\r\n\n c\x00\u200bd\ufb01\ue000 \u2028") == "a\nb\n\ncdfi\ue000"
    assert tidy(tidy("a \n \n b")) == "a\n\nb"


def test_every_loader_is_refused_an_empty_file(write: Write) -> None:
    for suffix in LOADERS:
        assert "empty" in refused(write(b"", f"a{suffix}"))
