"""ODT to text: paragraphs, headings, lists, tables and notes of OpenDocument. Runs in the bounded process."""

from __future__ import annotations

import html
from xml.etree import ElementTree

from ingest.formats.html import html_text
from ingest.formats.office import check_kind, name_of, opened, text_of
from ingest.formats.titles import usable_title
from ingest.sandbox.child import Extracted, Limits

_TAGS = {
    "list": "ul", "list-item": "li", "table": "table", "table-row": "tr", "table-cell": "td", "p": "p", "a": "a",
}  # fmt: skip
_LEFT_OUT = frozenset([
    "annotation", "annotation-end", "tracked-changes", "forms", "sequence-decls", "bibliography-mark", "note-citation",
    "table-of-content", "alphabetical-index", "desc", "title", "object", "image", "script",
])  # fmt: skip


def read_odt(data: bytes, limits: Limits) -> Extracted:
    """Return the text of an OpenDocument text without comments, deleted text and tables of contents."""
    with opened(data, limits) as archive:
        check_kind(archive, "content.xml")
        root = ElementTree.fromstring(archive.read("content.xml"))
        title = usable_title(text_of(archive, "meta.xml", "title"))
    body = next((element for element in root.iter() if name_of(element) == "text"), None)
    found = html_text(f"<body>{'' if body is None else _html(body)}</body>", main=False)
    return Extracted(found.text, title or found.title, headings=found.headings)


def _html(body: ElementTree.Element) -> str:
    """Return an element as HTML; the walk keeps its own stack, since documents may nest deep."""
    out: list[str] = []
    stack: list[ElementTree.Element | str] = [body]
    while stack:
        part = stack.pop()
        if isinstance(part, str):
            out.append(part)
            continue
        name = name_of(part)
        opening, closing = _around(part, name)
        out.append(opening)
        if name in _LEFT_OUT:
            continue
        if name == "note-body":  # it stands in brackets in its sentence
            out.append(html.escape(f" ({' '.join(''.join(part.itertext()).split())}) "))
            continue
        stack.append(closing)
        for child in reversed(part):
            stack += [html.escape(child.tail or ""), child]
        out.append(html.escape(part.text or ""))
    return "".join(out)


def _around(part: ElementTree.Element, name: str) -> tuple[str, str]:
    if name == "h":
        level = next((value for key, value in part.attrib.items() if key.endswith("}outline-level")), "1")
        tag = f"h{min(max(int(level), 1), 6)}" if level.isdigit() else "h1"
        return f"<{tag}>", f"</{tag}>"
    if name == "p" and any(key.endswith("}style-name") and value == "Title" for key, value in part.attrib.items()):
        return "<h1>", "</h1>"
    if name in ("s", "tab"):
        return " ", ""
    if name == "line-break":
        return "<br>", ""
    tag = _TAGS.get(name, "")
    return (f"<{tag}>", f"</{tag}>") if tag else ("", "")
