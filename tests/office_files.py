"""Small files of spreadsheets, slides, texts and mails for tests, written by hand but for the XLS, which xlwt wrote."""

from __future__ import annotations

import base64
import io
import zipfile
import zlib
from collections.abc import Sequence

_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
_SLIDE = "http://schemas.openxmlformats.org/presentationml/2006/main"
_ODF = "urn:oasis:names:tc:opendocument:xmlns"
_ODF_NAMES = " ".join(f'xmlns:{name}="{_ODF}:{name}:1.0"' for name in ("office", "text", "table", "meta", "draw"))

PRICES = [["Serviciu", "Minute", "Preț"], ["Tuns", "30", "60.5"], ["Vopsit", "90", "150"]]
PRICE_ROWS = ["| Serviciu | Minute | Preț |", "|---|---|---|", "| Tuns | 30 | 60.5 |", "| Vopsit | 90 | 150 |"]

XLS = zlib.decompress(base64.b85decode(
    'c-rk)O=uHA6#izjX?|$aq^5<oP(s0~wHNWAmv&Xqo?7A$Dn-<^-NV|Flx-r|i`ANw2!bcYOQ9DpRWJUag5Ep`6+H-okf=9Lf`W%O'
    '>zkL|m}(9QXi=GOnKy6W%r`STZ|3dJzFdhF7VmZy@e_vNL&*uDsmdlOg}j?6sN8X+>g7R7j>12MP>>wi<j13y7Xj%*>F**m+|i$r'
    '1m06Rff<Zu(q>`<v5&`)5^@ZKBn57gC4x>KRU69*mYZ1K=9-UL?qSOnmV;EcAjYs_jP~z#SMhPJm&+oM?cQh3Tej>#JD$r`eEzB^'
    '*Y#tsZKbCF&VnAj8A~9)4V!7xPE8jOCkHO!tCIk}csuoJLfJRgE<pBg>+OLW_G_9B%)>d&3p|eweDukZfJnlIiEb@NxrJ5iBA0^`'
    '1=+)<eb$<=a<o@RtaL7G>ZlN?!6Ui!EEOHi%*<NZu#DNf$D`}^cnh!nW|EU=Wj)3_AW9vq-unD%WISn{V#_?o^>XyzEZc{J3z9+P'
    '2$%ROvY#2-SzhE;yIJpI8K(!Jyf4}ADhC$0&LuAGqkeWWUK?Ag^sS`lKOKC~lmB3BBYk<eI2T`jV=SVV-bRzem)8OY#DKVQUE-nP'
    '<-&~=?^t&J5;cNa)E&FyzT#T3hA^u!mgPG+JEC%@xpO7iq6S+qTh7N5>R&K>j%}AuO19)_HFz4=(Oq8ICufATjcJlMq_yFmtV9v+'
    '2f|QLP*6}%P*6}%s2762XUkvjx_iWs=YxRzUuTU{N&P1IZ*d42y0UaI-H$ZoHqJG)emdY6UR$D0j`zP%;u!UAV+!Luj;V&%FP)P_'
    '_4CwCjQ+kY)M)>uM#lMv`~MDgEzWE'
))  # fmt: skip
"""The prices as a workbook of old Excel, one sheet."""


def _zip(parts: dict[str, str]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return made.getvalue()


def xlsx_of(
    sheets: dict[str, Sequence[Sequence[str]]], *, title: str = "", more: dict[str, str] | None = None
) -> bytes:
    """Return a workbook; a cell that is a number is one, one that begins with "=" a formula with the value 7."""
    names = "".join(f'<sheet name="{name}" sheetId="{i}" r:id="r{i}"/>' for i, name in enumerate(sheets, 1))
    links = "".join(
        f'<Relationship Id="r{i}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{i}.xml"/>'
        for i, _ in enumerate(sheets, 1)
    )
    return _zip({
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" '
        'ContentType="application/xml"/><Default Extension="rels" ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r" '
        f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_SHEET}" xmlns:r="{_OFFICE}"><sheets>{names}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{links}</Relationships>',
        "docProps/core.xml": f'<c:p xmlns:c="c" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title></c:p>',
        **{f"xl/worksheets/sheet{i}.xml": _sheet(rows) for i, rows in enumerate(sheets.values(), 1)},
        **(more or {}),
    })  # fmt: skip


def _sheet(rows: Sequence[Sequence[str]]) -> str:
    written = "".join(
        f'<row r="{r}">{"".join(_cell(c, r, at) for at, c in enumerate(row))}</row>' for r, row in enumerate(rows, 1)
    )
    return f'<worksheet xmlns="{_SHEET}"><sheetData>{written}</sheetData></worksheet>'


def _cell(text: str, row: int, column: int) -> str:
    place = f"{chr(65 + column)}{row}"
    if text.startswith("="):
        return f'<c r="{place}"><f>{text[1:]}</f><v>7</v></c>'
    if text.replace(".", "", 1).isdigit():
        return f'<c r="{place}"><v>{text}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>' if text else ""


def pptx_of(slides: Sequence[str], *, notes: str = "", title: str = "") -> bytes:
    """Return a presentation of slides, each the XML of its shapes; ``notes`` are those of the first."""
    numbers = range(1, len(slides) + 1)
    names = "".join(f'<p:sldId id="{255 + i}" r:id="r{i}"/>' for i in numbers)
    links = "".join(f'<Relationship Id="r{i}" Type="{_OFFICE}/slide" Target="slides/slide{i}.xml"/>' for i in numbers)
    spaces = f'xmlns:p="{_SLIDE}" xmlns:a="{_DRAWING}" xmlns:r="{_OFFICE}"'
    return _zip({
        "ppt/presentation.xml": f"<p:presentation {spaces}><p:sldIdLst>{names}</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{links}</Relationships>',
        **{
            f"ppt/slides/slide{i}.xml": f"<p:sld {spaces}><p:spTree>{slide}</p:spTree></p:sld>"
            for i, slide in zip(numbers, slides, strict=True)
        },
        "ppt/slides/_rels/slide1.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="n" '
        f'Type="{_OFFICE}/notesSlide" Target="../notesSlides/notesSlide1.xml"/></Relationships>',
        "ppt/notesSlides/notesSlide1.xml": f"<p:notes {spaces}><p:spTree>{shape(notes)}{shape('3', 'sldNum')}"
        "</p:spTree></p:notes>",
        "docProps/core.xml": f'<c:p xmlns:c="c" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title></c:p>',
    })  # fmt: skip


def shape(text: str, kind: str = "body") -> str:
    """Return the shape of a slide with a paragraph for each line."""
    lines = "".join(f"<a:p><a:r><a:t>{line}</a:t></a:r></a:p>" for line in text.split("\n"))
    return f'<p:sp><p:nvSpPr><p:nvPr><p:ph type="{kind}"/></p:nvPr></p:nvSpPr><p:txBody>{lines}</p:txBody></p:sp>'


def slide_table(rows: Sequence[Sequence[str]]) -> str:
    """Return a table of a slide."""
    written = "".join(
        "<a:tr>"
        + "".join(f"<a:tc><a:txBody><a:p><a:r><a:t>{c}</a:t></a:r></a:p></a:txBody></a:tc>" for c in row)
        + "</a:tr>"
        for row in rows
    )
    return f"<p:graphicFrame><a:tbl>{written}</a:tbl></p:graphicFrame>"


def odf_of(body: str, *, kind: str = "text", title: str = "") -> bytes:
    """Return an OpenDocument text, or spreadsheet by its ``kind``, of the XML of its body."""
    return _zip({
        "mimetype": f"application/vnd.oasis.opendocument.{kind}",
        "content.xml": f"<office:document-content {_ODF_NAMES}><office:body><office:{kind}>{body}</office:{kind}>"
        "</office:body></office:document-content>",
        "meta.xml": f'<office:document-meta {_ODF_NAMES} xmlns:dc="http://purl.org/dc/elements/1.1/"><office:meta>'
        f"<dc:title>{title}</dc:title></office:meta></office:document-meta>",
        "META-INF/manifest.xml": f'<manifest:manifest xmlns:manifest="{_ODF}:manifest:1.0"/>',
    })  # fmt: skip


def odf_table(rows: Sequence[Sequence[str]], name: str = "Foaie1") -> str:
    """Return a table of OpenDocument."""
    cells = [
        "".join(f'<table:table-cell office:value-type="string"><text:p>{c}</text:p></table:table-cell>' for c in row)
        for row in rows
    ]
    written = "".join(f"<table:table-row>{row}</table:table-row>" for row in cells)
    return f'<table:table table:name="{name}">{written}</table:table>'


def csv_of(rows: Sequence[Sequence[str]], delimiter: str = ",") -> str:
    return "".join(delimiter.join(row) + "\r\n" for row in rows)


RTF = (
    rb"{\rtf1\ansi\ansicpg1250{\fonttbl{\f0 Arial;}}{\info{\title Mori de ap\'e3}{\author x}}"
    rb"\pard \'deara \u537?i br\'e2nza.\par Al doilea alineat.\par\trowd\cellx1\cellx2 Ora\'ba\cell Locuitori\cell\row"
    rb"\trowd\cellx1\cellx2 Tulcea\cell 73707\cell\row}"
)
MAIL = b"""From: Ion Popescu <ion@exemplu.ro>\r
To: maria@exemplu.ro\r
Date: Tue, 5 Mar 2024 10:30:00 +0200\r
Subject: =?utf-8?q?Pre=C8=9Bul_morii?=\r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary=x\r
\r
--x\r
Content-Type: text/plain; charset=iso-8859-2\r
Content-Transfer-Encoding: quoted-printable\r
\r
Moara cost=E3 300 de lei.\r
--x\r
Content-Type: application/pdf\r
Content-Disposition: attachment; filename=oferta.pdf\r
Content-Transfer-Encoding: base64\r
\r
JVBERi0=\r
--x--\r
"""
NOTEBOOK = """{"cells": [{"cell_type": "markdown", "source": ["# Morile\\n", "Moara are opt metri."]},
{"cell_type": "code", "source": "x = 1", "outputs": [{"text": "1"}]}], "nbformat": 4}"""
