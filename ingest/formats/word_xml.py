"""The XML of Word files as mammoth takes it, read quickly and without what says only how text looks.

Runs in the bounded process. mammoth reads XML with Python's minidom, which takes most of its time; and Word writes each
change of looks, and each pause of whoever typed, as a run of its own. Looks change nothing in the text, so they are
left out, and runs of text side by side are one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO, Any
from xml.etree import ElementTree

from mammoth.docx import office_xml
from mammoth.docx.xmlparser import XmlElement, XmlText

_LEFT_OUT = frozenset([
    "w:rPr", "w:proofErr", "w:bookmarkStart", "w:bookmarkEnd", "w:lastRenderedPageBreak", "w:sectPr", "w:tblGrid",
])  # fmt: skip
_OF_PARAGRAPH = frozenset(["w:pStyle", "w:numPr"])
"""What is kept of the properties of a paragraph, beside the mark of a deleted end."""


def use_quick_xml() -> None:
    """Let mammoth read XML by this module in this process."""
    office_xml.parse_xml = _parse


def _parse(file: IO[bytes], namespaces: Iterable[tuple[str, str]]) -> Any:
    prefixes = {uri: prefix for prefix, uri in namespaces}
    names: dict[str, str] = {}

    def short(name: str) -> str:
        found = names.get(name)
        if found is None:
            uri, _, local = name[1:].rpartition("}") if name.startswith("{") else ("", "", name)
            found = names[name] = local if not uri else f"{prefixes[uri]}:{local}" if uri in prefixes else name
        return found

    def convert(element: ElementTree.Element) -> Any:
        name = short(element.tag)
        attributes = {short(key): value for key, value in element.items()}
        if not len(element):
            return XmlElement(name, attributes, [XmlText(element.text)] if element.text else [])
        if name == "w:pPr":
            return XmlElement(name, attributes, list(_of_paragraph(element, short, convert)))
        children = (convert(child) for child in element if short(child.tag) not in _LEFT_OUT)
        return XmlElement(name, attributes, list(_joined(children) if name == "w:p" else children))

    return convert(ElementTree.parse(file).getroot())


def _of_paragraph(element: ElementTree.Element, short: Any, convert: Any) -> Iterator[Any]:
    for child in element:
        name = short(child.tag)
        if name in _OF_PARAGRAPH:
            yield convert(child)
        elif name == "w:rPr":
            yield XmlElement(name, {}, [convert(mark) for mark in child if short(mark.tag) == "w:del"])


def _joined(children: Iterable[Any]) -> Iterator[Any]:
    """Yield the parts of a paragraph, runs that are only text joined with those before them."""
    before: Any = None
    for child in children:
        if not _is_text(child):
            if before is not None:
                yield before
            before = None
            yield child
        elif before is None:
            before = XmlElement("w:r", {}, [XmlElement("w:t", {}, [XmlText(_text(child))])])
        else:
            words = before.children[0].children[0]
            words.value += _text(child)
    if before is not None:
        yield before


def _is_text(element: Any) -> bool:
    return element.name == "w:r" and all(part.name == "w:t" for part in element.children)


def _text(run: Any) -> str:
    return "".join(text.value for part in run.children for text in part.children)
