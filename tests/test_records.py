"""What of a passage is embedded."""

from __future__ import annotations

import pytest

from rag import Passage
from rag.index.records import sentence_texts


def a_passage(*sentences: str) -> Passage:
    text = " ".join(sentences)
    spans, at = [], 0
    for sentence in sentences:
        spans.append((at, at + len(sentence)))
        at += len(sentence) + 1
    return Passage("p", "d", "T", "s", 0, len(text), text, "ro", tuple(spans))


@pytest.mark.parametrize(
    ("sentences", "embedded"),
    [
        (["Moara e din 1874.", "2.", "A ars în anul 1901."], ["Moara e din 1874.", "", "A ars în anul 1901."]),
        (["Paris.", "Roma.", "Berlin."], ["Paris. Roma. Berlin."] * 3),
        (["->", "-", "..."], ["", "", ""]),
        (['<td class="a">Moara e din 1874.</td>'], [" " * 14 + "Moara e din 1874." + " " * 5]),
        (["Rând <b", 'id="x">Moara e din 1874.'], ["", " " * 7 + "Moara e din 1874."]),
        (["Sursa: <https://example.org/a>"], [""]),
        (["Vezi [moara veche](https://example.org/a_b)."], ["Vezi [moara veche]" + " " * 25 + "."]),
    ],
)
def test_fragments_have_no_text_of_their_own(sentences: list[str], embedded: list[str]) -> None:
    assert sentence_texts(a_passage(*sentences)) == embedded
