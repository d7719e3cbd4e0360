"""What the document panel marks is what was cited, character for character."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.types import Citation, Document
from ui.page.highlight import AROUND, FULL, highlight, holds, window

TEXTS = [
    "Pe 12 iulie, președintele a spus: „Sper”.",
    "Ghilimele \"drepte\", 'simple' & <b>etichete</b> &amp; ${1+1} {{value}}.",
    "Cafe\u0301 NFD, cafenea NFC: café; ş și ș, ţ și ț.",
    "👩‍👩‍👧 familie, 🇷🇴 steag, 😀 zâmbet.",
    "دلتا الدانوب هي ثاني أكبر دلتا. עברית מימין לשמאל.",
    "rând\r\nrând\rrând\n\n\ttabulator\u00a0spațiu\u2028sfârșit",
]


class Marked(HTMLParser):
    """Collects the text of the document and, by citation number, of its marks."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.marks: dict[str, str] = {}
        self.inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag == "mark"
        self.inside = (dict(attrs)["data-citation"] or "").split()

    def handle_endtag(self, tag: str) -> None:
        self.inside = []

    def handle_data(self, data: str) -> None:
        self.text += data
        for number in self.inside:
            self.marks[number] = self.marks.get(number, "") + data


def read(markup: str) -> Marked:
    parser = Marked()
    parser.feed(markup)
    parser.close()
    return parser


def cite(text: str, *spans: tuple[int, int]) -> list[Citation]:
    return [Citation(n, "d", "T", "s", start, end, text[start:end], 1.0) for n, (start, end) in enumerate(spans, 1)]


@pytest.mark.parametrize("text", TEXTS)
def test_every_pair_of_spans_is_marked_exactly(text: str) -> None:
    size = len(text)
    for start in range(0, size, 5):
        citations = cite(text, (start, min(size, start + 9)), (max(0, start - 4), min(size, start + 3)))
        found = read(highlight(text, citations))
        assert found.text == text
        assert found.marks == {str(c.number): c.quote for c in citations}


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")), st.data())
def test_any_text_any_spans(text: str, data: st.DataObject) -> None:
    place = st.integers(0, len(text))
    spans = data.draw(st.lists(st.tuples(place, place).map(lambda pair: (min(pair), max(pair))), max_size=4))
    citations = cite(text, *spans)
    found = read(highlight(text, citations))
    assert found.text == text
    assert found.marks == {str(c.number): c.quote for c in citations if c.quote}


def test_no_markup_of_the_document_survives() -> None:
    text = "<script>alert(1)</script><img src=x onerror=alert(1)> \" onmouseover='x'"
    shown = highlight(text, cite(text, (3, 40)))
    assert "<script" not in shown
    assert "<img" not in shown
    assert read(shown).text == text


def test_long_documents_show_what_surrounds_the_citations() -> None:
    text = "rând scurt\n" * (3 * FULL // 11)
    document = Document("d", "T", "s", text, "ro")
    citations = cite(text, (FULL, FULL + 20), (FULL + 50, FULL + 90))
    part = window(document, citations)
    assert part.start <= FULL - AROUND + 200
    assert part.end == FULL + 90 + AROUND
    assert text[part.start - 1] == "\n"
    found = read(highlight(text[part.start : part.end], citations, offset=part.start))
    assert found.marks == {str(c.number): c.quote for c in citations}
    assert window(document, citations, whole=True).end == len(text)


def test_short_documents_are_whole_without_their_front_matter() -> None:
    document = Document("d", "T", "s", "---\ntitle: T\n---\nText.", "ro", body=17)
    assert window(document, []) == window(document, [], whole=True)
    assert document.text[window(document, []).start :] == "Text."


def test_a_quote_that_moved_does_not_hold() -> None:
    document = Document("d", "T", "s", "Alt text.", "ro")
    assert not holds(document, cite("Un text.", (0, 8))[0])
    assert not holds(None, cite("Un text.", (0, 8))[0])
    assert holds(document, cite("Alt text.", (0, 8))[0])
