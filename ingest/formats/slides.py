"""PPTX to text: the slides in their order, each a page, with tables and the speaker's notes. In the bounded process."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree

from ingest.formats.office import check_kind, name_of, opened, text_of, within
from ingest.formats.titles import usable_title
from ingest.sandbox.child import Extracted, Limits, tidy, too_long

_PRESENTATION = "ppt/presentation.xml"
_TITLES = frozenset(["title", "ctrTitle"])
_LEFT_OUT = frozenset(["dt", "ftr", "sldNum", "hdr"])
"""Placeholders of the date, the foot, the number and the head of a slide."""


def read_pptx(data: bytes, limits: Limits) -> Extracted:
    """Return the text of a presentation, its slides as pages."""
    texts: list[str] = []
    starts: list[int] = []
    length, first = 0, ""
    with opened(data, limits) as archive:
        check_kind(archive, "ppt/")
        for slide in _slides(archive):
            heading, blocks = _slide(archive, slide)
            first = first or heading
            text = "\n\n".join(filter(None, [heading, *blocks]))
            starts.append(length + 2 * bool(length and text))
            if text:
                texts.append(text)
                length = starts[-1] + len(text)
            if length > limits.characters:
                raise too_long(limits)
        title = usable_title(text_of(archive, "docProps/core.xml", "title"))
    return Extracted("\n\n".join(texts), title or usable_title(first), tuple(min(at, length) for at in starts))


def _related(archive: zipfile.ZipFile, part: str) -> dict[str, tuple[str, str]]:
    """Return by id the kind and the name of the parts that a part refers to."""
    folder, name = posixpath.split(part)
    try:
        root = ElementTree.fromstring(archive.read(f"{folder}/_rels/{name}.rels"))
    except KeyError:
        return {}
    return {
        link.get("Id", ""): (
            link.get("Type", "").rpartition("/")[2],
            posixpath.normpath(posixpath.join("/", folder, link.get("Target", ""))).lstrip("/"),
        )
        for link in root
        if link.get("TargetMode") != "External"
    }


def _slides(archive: zipfile.ZipFile) -> Iterator[str]:
    root = ElementTree.fromstring(archive.read(within(archive, "", _PRESENTATION)))
    links = _related(archive, _PRESENTATION)
    for element in root.iter():
        if name_of(element) == "sldId":
            link = next((value for key, value in element.attrib.items() if key.endswith("}id")), "")
            if link in links:
                yield within(archive, "", links[link][1])


def _slide(archive: zipfile.ZipFile, part: str) -> tuple[str, list[str]]:
    """Return the title of a slide and its other text, notes last."""
    root = ElementTree.fromstring(archive.read(part))
    heading, blocks = "", list[str]()
    if root.get("show") == "0":  # hidden
        return "", []
    for kind, text in _shapes(root):
        if kind in _TITLES and not heading:
            heading = " ".join(text.split())
        else:
            blocks.append(text)
    for kind, notes in _related(archive, part).values():
        if kind == "notesSlide" and notes in archive.namelist():
            blocks += [text for kind, text in _shapes(ElementTree.fromstring(archive.read(notes))) if kind == "body"]
    return heading, blocks


def _shapes(root: ElementTree.Element) -> Iterator[tuple[str, str]]:
    """Yield the kind of placeholder and the text of every shape that has text; the rows of tables are blocks."""
    for element in root.iter():
        kind = name_of(element)
        if kind == "sp":
            place = next((e for e in element.iter() if name_of(e) == "ph"), None)
            kind = "" if place is None else place.get("type", "body")
            text = "\n\n".join(filter(None, map(_paragraph, _all(element, "p"))))
            if text and kind not in _LEFT_OUT:
                yield kind, text
        elif kind == "tr":
            cells = [" ".join(filter(None, map(_paragraph, _all(cell, "p")))) for cell in _all(element, "tc")]
            if any(cells):
                yield "", " | ".join(" ".join(cell.split()) for cell in cells)


def _all(element: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    return (e for e in element.iter() if name_of(e) == name)


def _paragraph(element: ElementTree.Element) -> str:
    told = {"br": "\n", "tab": " "}
    return tidy("".join((e.text or "") if name_of(e) == "t" else told.get(name_of(e), "") for e in element.iter()))
