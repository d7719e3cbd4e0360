"""Word's XML read quickly: the text is what mammoth gives by itself, in a fraction of the steps."""

from __future__ import annotations

import io
from xml.dom import minidom

import mammoth
import pytest
from mammoth.docx import office_xml
from mammoth.docx.xmlparser import parse_xml
from test_formats import docx_of, item, paragraph

from ingest.formats.html import html_text
from ingest.formats.office import read_docx
from ingest.sandbox.child import Limits

LOOKS = '<w:rPr><w:b/><w:sz w:val="22"/></w:rPr>'
RUNS = "".join(
    f'<w:r>{LOOKS}<w:t xml:space="preserve">{word}</w:t></w:r>' for word in ("Mo", "ara ", " are", " opt metri.")
)
BODY = (
    paragraph("Morile", '<w:pStyle w:val="Heading1"/>')
    + f'<w:p><w:pPr><w:jc w:val="both"/></w:pPr><w:proofErr w:type="x"/>{RUNS}<w:r><w:br/><w:t>Rând.</w:t></w:r></w:p>'
    + item("unu", 1)
    + item("doi", 2)
    + "<w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr><w:r><w:t>Fără </w:t></w:r></w:p>"
    + "<w:p><w:r><w:t>capăt.</w:t></w:r></w:p>"
    + "<w:p><w:ins><w:r><w:t>Adăugat</w:t></w:r></w:ins><w:del><w:r><w:delText>Șters</w:delText></w:r></w:del>"
    + "<w:r><w:tab/><w:t>tab</w:t></w:r><w:r><w:noBreakHyphen/></w:r></w:p>"
    + f"<w:tbl><w:tr><w:tc>{paragraph('a')}</w:tc><w:tc>{paragraph('b')}</w:tc></w:tr></w:tbl>"
    + "<w:p>\n  <w:r>\n <w:t>alb </w:t>\n</w:r>\n</w:p>"
)


def test_the_text_is_what_mammoth_gives_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(office_xml, "parse_xml", parse_xml)
    whole = docx_of(BODY)
    alone = html_text(f"<body>{mammoth.convert_to_html(io.BytesIO(whole)).value}</body>", main=False).text

    assert read_docx(whole, Limits()).text == alone
    assert "Moara are opt metri." in alone
    assert "Fără capăt." in alone


def test_no_document_is_made_by_minidom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(office_xml, "parse_xml", parse_xml)
    monkeypatch.setattr(minidom, "parse", lambda *given: pytest.fail("minidom takes most of the time"))

    assert read_docx(docx_of(BODY), Limits()).text.startswith("Morile")
