"""DOCX and EPUB to text: unpack zip archives of XML within limits. Runs in the bounded process."""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections.abc import Iterator
from urllib.parse import unquote
from xml.etree import ElementTree

from ingest.formats.html import html_text
from ingest.formats.html_bytes import decode
from ingest.formats.titles import usable_title
from ingest.sandbox.child import Extracted, FormatError, Limits, said, tidy, too_long

_MOST_ENTRIES = 10_000
"""Most files in an archive. A book has some hundreds; chosen by eye, not measured."""
_SHARE_OF_MEMORY = 4
"""An archive may unpack to this fraction of the memory allowed; parsing takes several times the size."""

_BETWEEN = "\n\n"
"""What stands between the chapters of a book."""
_CONTAINER = "META-INF/container.xml"
_KINDS = {
    "word/": "kind_word",
    "xl/": "kind_excel",
    "ppt/": "kind_powerpoint",
    _CONTAINER: "kind_epub",
    "content.xml": "kind_opendocument",
}
_STYLES = """
p[style-name='Title'] => h1:fresh
p[style-name='Subtitle'] => h2:fresh
"""


def read_docx(data: bytes, limits: Limits) -> Extracted:
    """Return the text of a Word document: paragraphs, headings, lists, tables and notes, no pictures or comments."""
    with opened(data, limits) as archive:
        check_kind(archive, "word/")
        title = text_of(archive, "docProps/core.xml", "title")
    import mammoth

    from ingest.formats.word_xml import use_quick_xml

    use_quick_xml()
    pictureless = mammoth.images.img_element(lambda image: {})
    html = mammoth.convert_to_html(io.BytesIO(data), convert_image=pictureless, style_map=_STYLES).value
    found = html_text(f"<body>{html.replace('↑</a>', '</a>')}", main=False)
    return Extracted(found.text, usable_title(title) or found.title, headings=found.headings)


def read_epub(data: bytes, limits: Limits) -> Extracted:
    """Return the text of a book: its chapters in reading order, without the table of contents."""
    with opened(data, limits) as archive:
        check_kind(archive, _CONTAINER)
        if "META-INF/encryption.xml" in archive.namelist():
            locked = archive.read("META-INF/encryption.xml")
            if b"xmlenc#aes" in locked or b"adept" in locked:
                raise FormatError("format_copy_protected")
        package = _package(archive)
        texts: list[str] = []
        headings: list[tuple[int, int, int]] = []
        characters = 0
        for chapter in _chapters(archive, package):
            found = html_text(decode(archive.read(chapter)), main=False)
            if not found.text:
                continue
            headings += ((characters + start, characters + end, level) for start, end, level in found.headings)
            texts.append(found.text)
            characters += len(found.text) + len(_BETWEEN)
            if characters > limits.characters:
                raise too_long(limits)
        title = text_of(archive, package, "title")
    return Extracted(_BETWEEN.join(texts), usable_title(title), headings=tuple(headings))


def opened(data: bytes, limits: Limits) -> zipfile.ZipFile:
    """Return an archive whose parts, as it states them, fit the limits; what a part has beyond that is never read."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile as error:
        raise FormatError("archive_damaged", reason=str(error)) from error
    parts = archive.infolist()
    size, most = sum(part.file_size for part in parts) / 1e6, limits.megabytes / _SHARE_OF_MEMORY
    if size > most:
        raise FormatError("archive_too_big", size=size, most=most)
    if len(parts) > _MOST_ENTRIES:
        raise FormatError("archive_too_many", count=len(parts), most=_MOST_ENTRIES)
    if any(part.flag_bits & 1 for part in parts):
        raise FormatError("format_password")
    return archive


def check_kind(archive: zipfile.ZipFile, expected: str) -> None:
    """Raise FormatError where no part of an archive has a name that begins as ``expected``, a key of `_KINDS`."""
    names = archive.namelist()
    if not any(name.startswith(expected) for name in names):
        kinds = (kind for start, kind in _KINDS.items() if any(name.startswith(start) for name in names))
        found = said(next(kinds, "kind_other_zip"))
        raise FormatError("archive_of_other_kind", expected=said(_KINDS[expected]), found=found)


def _package(archive: zipfile.ZipFile) -> str:
    """Return the name of the part that lists the chapters."""
    for element in ElementTree.fromstring(archive.read(_CONTAINER)).iter():
        if name_of(element) == "rootfile":
            return within(archive, "", element.get("full-path", ""))
    raise FormatError("archive_damaged", reason=said("archive_without_package"))


def _chapters(archive: zipfile.ZipFile, package: str) -> Iterator[str]:
    elements = list(ElementTree.fromstring(archive.read(package)).iter())
    items = {element.get("id"): element for element in elements if name_of(element) == "item"}
    # A dict, so that a chapter that is listed twice is read once.
    order = dict.fromkeys(element.get("idref") for element in elements if name_of(element) == "itemref")
    for item in (items[name] for name in order if name in items):
        if "html" in item.get("media-type", "") and "nav" not in item.get("properties", "").split():
            yield within(archive, posixpath.dirname(package), item.get("href", ""))


def within(archive: zipfile.ZipFile, folder: str, href: str) -> str:
    """Return the name of the part that a reference in a folder means."""
    name = posixpath.normpath(posixpath.join(folder, unquote(href.split("#")[0])))
    try:
        return archive.getinfo(name).filename
    except KeyError as error:
        raise FormatError("archive_damaged", reason=said("archive_lacks_part", name=name[:100])) from error


def text_of(archive: zipfile.ZipFile, part: str, name: str) -> str:
    """Return the text of the first element of a name, "" where there is none."""
    try:
        elements = ElementTree.fromstring(archive.read(part)).iter()
    except (KeyError, ElementTree.ParseError):
        return ""
    return next(
        (" ".join(tidy(element.text).split()) for element in elements if name_of(element) == name and element.text), ""
    )


def name_of(element: ElementTree.Element) -> str:
    """Return the name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]
