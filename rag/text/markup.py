"""Markdown and HTML as they are shown where nothing can be set: the words without their marks.

A quote keeps its exact span, marks included; what a terminal or a card shows of it does without them.
"""

from __future__ import annotations

import regex

from rag.text.language import markup_spans

_NOTE = regex.compile(r"<sup\b[^<>]{0,200}>[^<>\n]{0,40}</sup>", regex.IGNORECASE)
"""The number of a footnote."""
INLINE = regex.compile(
    r"</?(?:a|abbr|b|big|cite|code|em|font|i|ins|kbd|mark|s|small|span|strong|su[bp]|u)\b|<!--|\{", regex.IGNORECASE
)
"""How a tag begins that parts no words, and a comment or an anchor."""
_LINK = regex.compile(
    r"!?\[(?P<words>[^\[\]\n]{0,500})\]"
    r"(?:\([^()\s]{0,2000}(?:\s{1,9}\"[^\"\n]{0,500}\")?\)|\[[^\[\]\n]{1,200}\])"
)
_MARKS = (
    regex.compile(r"(?<![\w\\*])(?P<mark>\*{1,3}+)(?=[^\s*])(?P<words>[^\n*]{1,500}+)(?<=[^\s\\])(?P=mark)(?![\w*])"),
    regex.compile(r"(?<![\w\\_])(?P<mark>_{1,3}+)(?=[^\s_])(?P<words>[^\n_]{1,500}+)(?<=[^\s\\])(?P=mark)(?![\w_])"),
    regex.compile(r"(?P<mark>~~)(?P<words>[^\n~]{1,500}+)~~"),
    regex.compile(r"(?<!`)(?P<mark>`{1,3}+)(?P<words>[^\n`]{1,500}+)(?P=mark)(?!`)"),
)
_HEADING = regex.compile(r"^[ \t]{0,3}#{1,6}[ \t]++|(?<=\S)[ \t]++#{1,6}[ \t]*$|\n(?:=+|-+)[ \t]*$", regex.MULTILINE)
_ESCAPED = regex.compile(r"\\([\\`*_{}\[\]()#+.!|>~-])")
_BLANKS = regex.compile(r"[ \t]{2,}")
FENCES = ("```", "~~~")
"""What a block of code in Markdown begins with."""


def is_markdown(source: str) -> bool:
    """Tell whether a document is Markdown, by the name of its file."""
    return source.lower().endswith((".md", ".markdown"))


def without_markup(text: str) -> str:
    """Return the words of a piece of Markdown: no tags, anchors, marks of headings and emphasis, targets of links.

    A block of code is left as it is.
    """
    if text.startswith(FENCES):
        return text
    text = _without_tags(_NOTE.sub("", text))
    text = _HEADING.sub("", _LINK.sub(r"\g<words>", text))
    for pattern in (*_MARKS, *_MARKS):  # marks may stand within marks
        text = pattern.sub(r"\g<words>", text)
    return _BLANKS.sub(" ", _ESCAPED.sub(r"\1", text)).strip()


def _without_tags(text: str) -> str:
    """Return a text without HTML and anchors; where a tag alone parts two words, as ``<br>`` does, with a blank."""
    pieces: list[str] = []
    at = 0
    for start, end in markup_spans(text):
        pieces += [text[at:start], "" if INLINE.match(text, start) else " "]
        at = end
    return "".join([*pieces, text[at:]])
