"""Markdown as the page shows it: no character is lost, and no mark is seen."""

from __future__ import annotations

import re
import time
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.markup import is_markdown
from ui.page.markup import markdown, pieces

_TAG = re.compile(r"<[^>]*>")
_HIDDEN = re.compile(r'<span class="markup">.*?</span>', re.DOTALL)


def shown(text: str) -> str:
    return "".join(piece for _, _, piece in pieces(text, markdown(text)))


def seen(text: str) -> str:
    """Return what a person sees of a text."""
    return unescape(_TAG.sub("", _HIDDEN.sub("", shown(text))))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("## Concedii\nZilele libere", "Concedii\nZilele libere"),
        ("Avem [11 zile](https://exemplu.ro/zile_(lista)) libere.", "Avem 11 zile libere."),
        ('[zile](https://exemplu.ro "Lista") și [altele](reguli.md)', "zile și altele"),
        ("Sunt **20 de zile** pe an, la *trei* ani **o lună**.", "Sunt 20 de zile pe an, la trei ani o lună."),
        ("**[Zile](https://exemplu.ro)** și [**zile**](https://exemplu.ro)", "Zile și zile"),
        ("Scrie `make **chat**` și ``a`b``.", "Scrie make **chat** și a`b."),
        ("```\n[a](https://b) **c**\n```\n**d**", "[a](https://b) **c**\n\nd"),
        ("```\n# c\n```\n# d", "# c\n\nd"),
        ("2*3*4, a * b * c, __init__.py, snake_case_name, [1], (x)", None),
        ("![siglă](https://exemplu.ro/a.png) Firma", "siglă Firma"),
    ],
)
def test_marks_are_not_seen(text: str, read: str | None) -> None:
    assert seen(text) == (text if read is None else read)


def test_only_links_to_the_web_lead_somewhere() -> None:
    text = '[a](https://b.ro/?x="1"&y) [c](javascript:alert(1)) [d](reguli.md) ![e](https://b.ro/f.png) [g](HTTP://h)'
    assert re.findall(r'href="([^"]*)"', shown(text)) == ["https://b.ro/?x=&quot;1&quot;&amp;y", "HTTP://h"]
    assert "<img" not in shown(text)


def test_elements_are_nested_as_they_should() -> None:
    assert shown("**a [b](https://c) d**").endswith(
        '<b>a </b><b><span class="markup">[</span></b>'
        '<b><a href="https://c" target="_blank" rel="noopener noreferrer nofollow">b</a></b>'
        '<b><span class="markup">](https://c)</span></b><b> d</b><span class="markup">**</span>'
    )


@given(st.text(st.sampled_from("ab *_`[]()!#\n<&~:/") | st.characters(codec="utf-8", exclude_characters="\0")))
def test_every_character_stays(text: str) -> None:
    assert unescape(_TAG.sub("", shown(text).replace("&#13;", "\r"))) == text


@pytest.mark.parametrize("part", ["[a](", "`", "**a", "*a ", "[", "(", "``a", "[a](b(", "# ", "__a"])
def test_a_hostile_line_takes_no_time(part: str) -> None:
    text = part * (30_000 // len(part))
    began = time.process_time()
    shown(text)
    assert time.process_time() - began < 2


@pytest.mark.parametrize(("source", "is_so"), [("a/B.MD", True), ("x.markdown", True), ("md", False), ("a.txt", False)])
def test_markdown_is_known_by_its_name(source: str, is_so: bool) -> None:
    assert is_markdown(source) is is_so
