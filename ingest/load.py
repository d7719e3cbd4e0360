"""Loading: a file on disk to a `Document`.

The text of a text file is exactly as it stands there; that of the other formats is what `ingest.extract` gets out.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import regex
import yaml

from ingest.extract import BINARY, HTML, PDF, TEXT, ZIP, extract, looks_like
from ingest.extract_child import Limits
from rag.errors import DocumentError
from rag.language import detect_language
from rag.types import Document

_FRONT_MATTER = regex.compile(r"---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", flags=regex.DOTALL | regex.MULTILINE)
_DEFAULTS = Limits()
_LANGUAGE = regex.compile(r"[a-z]{2,3}(?![^\W_])")
_HEADING = regex.compile(
    r"^(?<fence>```|~~~)(?s:.*?)(?:^(?P=fence)|\Z)|^#[ \t]+(?<title>.+?)[ \t]*#*[ \t]*$", flags=regex.MULTILINE
)
"""A heading of Markdown; in a fenced block of code, which is passed over, such a line is a comment."""


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    data: bytes
    source: str
    limits: Limits


def _load_text(file: _File) -> Document:
    path, kind = file.path, looks_like(file.data)
    if kind == BINARY or (kind == TEXT and b"\0" in file.data):
        raise DocumentError(f"{path} is a binary file, not text; convert it to UTF-8 text first.")
    if kind != TEXT:
        raise DocumentError(f"{path} is {kind}, not plain text; give it the ending of its format, or convert it.")
    try:
        text = file.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentError(
            f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8, "
            f"for example: iconv -f WINDOWS-1250 -t UTF-8 {path.name}"
        ) from error
    return to_document(text, source=file.source, name=path.stem, where=str(path))


def _load_extracted(function: str, kinds: Collection[str], file: _File) -> Document:
    """Return a file as ``function`` extracts it, if its first bytes are of one of ``kinds``."""
    path, kind = file.path, looks_like(file.data)
    if not file.data:
        raise DocumentError(f"{path} is empty; save or download it anew.")
    if kind not in kinds:
        raise DocumentError(f"{path} is by its content {kind}; give it the ending of its format, or leave it out.")
    found = extract(path, file.data, function, file.limits)
    if not found.text:
        raise DocumentError(f"{path} has no text that can be read; leave it out, or convert it to text.")
    return Document(
        id=_id(found.text),
        title=_title(found.title) or spaced(path.stem),
        source=file.source,
        text=found.text,
        language=detect_language(found.text),
        pages=found.pages,
    )


_load_html = partial(_load_extracted, "ingest.extract_html:read_html", (HTML, TEXT))

LOADERS: dict[str, Callable[[_File], Document]] = {
    ".txt": _load_text,
    ".md": _load_text,
    ".markdown": _load_text,
    ".pdf": partial(_load_extracted, "ingest.extract_pdf:read_pdf", (PDF,)),
    ".docx": partial(_load_extracted, "ingest.extract_zip:read_docx", (ZIP,)),
    ".epub": partial(_load_extracted, "ingest.extract_zip:read_epub", (ZIP,)),
    ".html": _load_html,
    ".htm": _load_html,
    ".xhtml": _load_html,
}
"""How a file becomes a document, by suffix."""


def find_files(paths: Iterable[Path]) -> tuple[list[Path], list[str]]:
    """Return the files to load, sorted and each once, and a line for every path that gives none.

    A folder gives the files below it that have a known suffix, hidden ones left out.
    """
    files: dict[Path, None] = {}
    problems: list[str] = []
    for path in paths:
        if path.is_dir():
            below = sorted(_visible_files(path))
            files.update(dict.fromkeys(below))
            if not below:
                problems.append(f"{path} holds no document ({', '.join(LOADERS)}).")
        elif not path.exists():
            problems.append(f"{path} does not exist.")
        elif path.suffix.lower() not in LOADERS:
            problems.append(f"{path} has no format that Temei reads ({', '.join(LOADERS)}).")
        else:
            files[path] = None
    return list(files), problems


def _visible_files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.suffix.lower() in LOADERS and path.is_file():
            yield path


def load(
    path: Path,
    *,
    source: str = "",
    max_bytes: int = 20_000_000,
    max_pages: int = _DEFAULTS.pages,
    extract_seconds: float = _DEFAULTS.seconds,
    extract_mb: int = _DEFAULTS.megabytes,
    max_extracted_chars: int = _DEFAULTS.characters,
) -> Document:
    """Return the file as a document; what comes after ``max_bytes`` bounds what is not plain text.

    Raises:
        DocumentError: the file cannot be read, is too large, not of the format its name says, or empty, or its front
            matter is broken; or extracting its text fails or goes beyond the bounds.
    """
    loader = LOADERS.get(path.suffix.lower())
    if loader is None:
        raise DocumentError(f"{path} has no format that Temei reads ({', '.join(LOADERS)}).")
    try:
        status = path.stat()
        if stat.S_ISFIFO(status.st_mode) or stat.S_ISCHR(status.st_mode):
            raise DocumentError(f"{path} is not a file but a device; give a file.")
        if status.st_size > max_bytes:
            raise DocumentError(
                f"{path} has {status.st_size / 1e6:.0f} MB, more than the {max_bytes / 1e6:.0f} allowed; "
                "split it, or raise TEMEI_MAX_FILE_MB."
            )
        data = path.read_bytes()
    except OSError as error:
        raise DocumentError(f"{path} cannot be read ({error.strerror}); check that you may read it.") from error
    limits = Limits(max_pages, extract_seconds, extract_mb, max_extracted_chars)
    return loader(_File(path, data, source or str(path), limits))


def to_document(text: str, *, source: str, name: str, where: str = "") -> Document:
    """Return text as a document; title, url and language come from its front matter, else from the text and name.

    Raises:
        DocumentError: the text is empty, or its front matter is broken.
    """
    where = where or source
    facts, body = _front_matter(text, where)
    if not text[body:].strip():
        raise DocumentError(f"{where} is empty; put text into it, or leave it out.")
    heading = next((found["title"] for found in _HEADING.finditer(text, body) if found["title"]), "")
    language = _LANGUAGE.match(str(facts.get("language") or "").lower())
    return Document(
        id=_id(text),
        title=_title(facts.get("title") or "") or _title(heading) or spaced(name),
        source=source,
        text=text,
        language=language.group() if language else detect_language(text[body:]),
        url=str(facts.get("url") or ""),
        body=body,
    )


def _id(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _title(stated: object) -> str:
    return " ".join(str(stated).split())[:300]


def _front_matter(text: str, where: str) -> tuple[dict[str, Any], int]:
    """Return the YAML mapping a text begins with and the offset behind it, or nothing and 0."""
    match = _FRONT_MATTER.match(text)
    if match is None:
        return {}, 0
    try:
        facts = yaml.safe_load(match.group(1))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:150]
        raise DocumentError(
            f"{where} begins with front matter that is not YAML ({reason}); mend or remove it."
        ) from error
    return (facts, match.end()) if isinstance(facts, dict) else ({}, 0)


def spaced(name: str) -> str:
    """Return the title of a document that tells none, from the name of its file without the suffix."""
    words = name.replace("-", " ").replace("_", " ").strip() or name
    return words[0].upper() + words[1:]
