"""Loading: make a `Document` of a file on disk.

The text of a text file is exactly as it stands there, decoded by `ingest.encodings`. The text of the other formats
comes from `ingest.sandbox.extract`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import stat
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import regex

from ingest.encodings import UTF_8, decode, is_marked
from ingest.formats.front_matter import read_front_matter
from ingest.sandbox.child import Limits
from ingest.sandbox.extract import BINARY, HTML, OFFICE, PDF, RTF, TEXT, ZIP, extract, looks_like
from rag.errors import DocumentError
from rag.messages import FileMessage, Message, message
from rag.text.characters import whole
from rag.text.language import detect_language, prose
from rag.types import Document

KEPT = ("date", "tags", "author")
"""What front matter says of a document that questions may be narrowed by, beside title, url and language."""
LONGEST_TITLE, LONGEST_URL = 300, 2000
"""Characters of what is shown beside every quote, and of an address that browsers still take."""
Remark = Callable[[FileMessage], None]
"""Called with what there is to say of a file that is read all the same."""

FORMATS_ROOM = f"{__package__}.formats"
"""The package of the formats by its name here: an installed Temei is called otherwise than a checkout."""
_DEFAULTS = Limits()
_LANGUAGE = regex.compile(r"[a-z]{2,3}(?![^\W_])")
_HEADING = regex.compile(
    r"^(?<fence>```|~~~)(?s:.*?)(?:^(?P=fence)|\Z)|^(?<marked>#[ \t][^\n]*+(?:\n\s*+#[ \t][^\n]*+){0,4}+)"
    r"|^(?<underlined>[^\s#>|=`~-][^\n]*+(?:\n[^\s#>|=`~-][^\n]*+){0,3}+)\n=++[ \t\r]*+$",
    flags=regex.MULTILINE,
)
"""A heading of Markdown, of one line or several; in a fenced block of code, which is passed over, such a line is a
comment."""

_NUMBER_SIGNS = regex.compile(r"^#?[ \t]++|(?<![ \t])[ \t]++#++\s*+$")


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    data: bytes
    source: str
    limits: Limits
    remark: Remark


def _load_text(file: _File) -> Document:
    text = _decoded(file)
    return to_document(text, source=file.source, name=file.path.stem, where=str(file.path), remark=file.remark)


def _decoded(file: _File) -> str:
    """Return the text of a file of plain text.

    Raises:
        DocumentError: it is no plain text, or in no encoding that is certain.
    """
    path, kind = file.path, looks_like(file.data)
    if not is_marked(file.data) and (kind == BINARY or (kind == TEXT and b"\0" in file.data)):
        raise DocumentError(path, message("file_binary"))
    if kind not in (TEXT, BINARY):
        raise DocumentError(path, message("file_not_plain_text", kind=kind))
    decoded = decode(file.data)
    if isinstance(decoded, int):
        raise DocumentError(path, message("file_not_utf8", byte=decoded, name=path.name))
    if decoded.encoding != UTF_8:
        file.remark(FileMessage(str(path), message("file_decoded", encoding=decoded.encoding)))
    return decoded.text


def _load_decoded(function: str, file: _File) -> Document:
    """Return a file of plain text, such as a table, as ``function`` extracts it from UTF-8."""
    data = _decoded(file).encode()
    return _load_extracted(function, (TEXT, HTML), dataclasses.replace(file, data=data))


def _load_extracted(function: str, kinds: Collection[Message], file: _File) -> Document:
    """Return a file as ``function``, "module:name" of the formats, extracts it, if its first bytes are of ``kinds``."""
    path, kind = file.path, looks_like(file.data)
    if not file.data:
        raise DocumentError(path, message("file_empty"))
    if kind not in kinds:
        raise DocumentError(path, message("file_of_other_content", kind=kind))
    found = extract(path, file.data, f"{FORMATS_ROOM}.{function}", file.limits)
    if not found.text:
        raise DocumentError(path, message("file_without_text"))
    return Document(
        id=_id(found.text),
        title=_title(found.title) or spaced(path.stem),
        source=file.source,
        text=found.text,
        language=detect_language(found.text),
        pages=found.pages,
        headings=found.headings,
    )


_load_html = partial(_load_extracted, "html:read_html", (HTML, TEXT))

LOADERS: dict[str, Callable[[_File], Document]] = {
    ".txt": _load_text,
    ".md": _load_text,
    ".markdown": _load_text,
    ".pdf": partial(_load_extracted, "pdf:read_pdf", (PDF,)),
    ".docx": partial(_load_extracted, "office:read_docx", (ZIP,)),
    ".epub": partial(_load_extracted, "office:read_epub", (ZIP,)),
    ".html": _load_html,
    ".htm": _load_html,
    ".xhtml": _load_html,
    ".odt": partial(_load_extracted, "opendocument:read_odt", (ZIP,)),
    ".rtf": partial(_load_extracted, "letters:read_rtf", (RTF,)),
    ".pptx": partial(_load_extracted, "slides:read_pptx", (ZIP,)),
    ".xlsx": partial(_load_extracted, "sheets:read_xlsx", (ZIP,)),
    ".xls": partial(_load_extracted, "sheets:read_xls", (OFFICE,)),
    ".ods": partial(_load_extracted, "sheets:read_ods", (ZIP,)),
    ".csv": partial(_load_decoded, "sheets:read_csv"),
    ".tsv": partial(_load_decoded, "sheets:read_tsv"),
    ".json": partial(_load_decoded, "records:read_json"),
    ".jsonl": partial(_load_decoded, "records:read_jsonl"),
    ".ipynb": partial(_load_decoded, "records:read_ipynb"),
    ".eml": partial(_load_extracted, "letters:read_eml", (TEXT,)),
}
"""How a file becomes a document, by suffix."""
FORMATS = ", ".join(LOADERS)
"""The suffixes as messages list them."""


def find_files(paths: Iterable[Path]) -> tuple[list[Path], list[FileMessage]]:
    """Return the files to load, sorted and each once, and a line for every path that gives none.

    A folder gives the files below it that have a known suffix, hidden ones left out.
    """
    files: dict[Path, None] = {}
    problems: list[FileMessage] = []
    for path in paths:
        # The functions of os.path take a path that the system refuses for one that does not exist; Path's raise.
        if os.path.isdir(path):
            below, closed = _visible_files(path)
            files.update(dict.fromkeys(below))
            problems += closed
            if not below and not closed:
                problems.append(FileMessage(str(path), message("folder_without_documents", formats=FORMATS)))
        elif not os.path.exists(path):
            problems.append(FileMessage(str(path), message("file_missing")))
        elif path.suffix.lower() not in LOADERS:
            problems.append(FileMessage(str(path), message("file_of_no_format", formats=FORMATS)))
        else:
            files[path] = None
    return list(files), problems


def _visible_files(folder: Path) -> tuple[list[Path], list[FileMessage]]:
    """Return the files below a folder that have a known suffix, sorted, and a line for every folder that is closed.

    The walk keeps its own stack, since folders may be nested deeper than functions.
    """
    found: list[Path] = []
    closed: list[FileMessage] = []
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(here / entry.name)
                    elif Path(entry.name).suffix.lower() in LOADERS and os.path.isfile(entry.path):
                        found.append(here / entry.name)
        except OSError as error:
            closed.append(FileMessage(str(here), message("folder_closed", reason=error.strerror)))
    return sorted(found), closed


def load(
    path: Path,
    *,
    source: str = "",
    max_bytes: int = 20_000_000,
    max_pages: int = _DEFAULTS.pages,
    extract_seconds: float = _DEFAULTS.seconds,
    extract_mb: int = _DEFAULTS.megabytes,
    max_extracted_chars: int = _DEFAULTS.characters,
    remark: Remark = lambda line: None,
) -> Document:
    """Return the file as a document; what comes after ``max_bytes`` bounds what is not plain text.

    ``remark`` is told of front matter that cannot be used, and of an encoding that is not UTF-8.

    Raises:
        DocumentError: the file cannot be read, is too large, not of the format its name says, or empty; or extracting
            its text fails or goes beyond the bounds.
    """
    loader = LOADERS.get(path.suffix.lower())
    if loader is None:
        raise DocumentError(path, message("file_of_no_format", formats=FORMATS))
    for name in (str(path), source):
        if whole(name) != name:
            raise DocumentError(os.fsencode(path).decode(errors="replace"), message("file_name_not_utf8"))
    try:
        status = path.stat()
        if stat.S_ISFIFO(status.st_mode) or stat.S_ISCHR(status.st_mode):
            raise DocumentError(path, message("file_device"))
        if status.st_size > max_bytes:
            raise DocumentError(path, message("file_too_large", size=status.st_size / 1e6, most=max_bytes / 1e6))
        data = path.read_bytes()
    except OSError as error:
        raise DocumentError(path, message("file_unreadable", reason=error.strerror)) from error
    limits = Limits(max_pages, extract_seconds, extract_mb, max_extracted_chars)
    return loader(_File(path, data, source or str(path), limits, remark))


def to_document(text: str, *, source: str, name: str, where: str = "", remark: Remark = lambda line: None) -> Document:
    """Return text as a document; title, url and language come from its front matter, else from the text and name.

    Front matter that cannot be used is passed over, and ``remark`` told so.

    Raises:
        DocumentError: the text is empty.
    """
    where = where or source
    if whole(text) != text:
        raise DocumentError(where, message("file_surrogates"))
    front = read_front_matter(text)
    facts, body = front.facts, front.end
    if front.problem is not None:
        remark(FileMessage(where, message("front_matter_unused", reason=front.problem)))
    if not text[body:].strip():
        raise DocumentError(where, message("file_blank"))
    language = _LANGUAGE.match(facts.get("language", "").lower())
    return Document(
        id=_id(text),
        title=_title(facts.get("title", "")) or _heading(text, body) or spaced(name),
        source=source,
        text=text,
        language=language.group() if language else detect_language(text[body:]),
        url=facts.get("url", "")[:LONGEST_URL],
        body=body,
        metadata={name: facts[name][:LONGEST_TITLE] for name in KEPT if facts.get(name)},
    )


def _id(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _heading(text: str, body: int) -> str:
    """Return the words of the first heading of a Markdown text, "" where there is none."""
    for found in _HEADING.finditer(text, body):
        lines = (found["marked"] or found["underlined"] or "").splitlines()
        title = _title(prose(" ".join(_NUMBER_SIGNS.sub("", line) for line in lines), cut=False))
        if title:
            return title
    return ""


def _title(stated: str) -> str:
    return " ".join(whole(stated).split())[:LONGEST_TITLE]


def spaced(name: str) -> str:
    """Return the title of a document that tells none, from the name of its file without the suffix."""
    words = name.replace("-", " ").replace("_", " ").strip() or name
    return words[0].upper() + words[1:]
