"""Loading: a file on disk to a `Document`, its text exactly as it stands in the file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import regex
import yaml

from rag.errors import DocumentError
from rag.language import detect_language
from rag.types import Document

_FRONT_MATTER = regex.compile(r"---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", flags=regex.DOTALL | regex.MULTILINE)
_HEADING = regex.compile(r"^#[ \t]+(.+?)[ \t]*#*[ \t]*$", flags=regex.MULTILINE)


def _read_text(path: Path, data: bytes) -> str:
    if b"\0" in data:
        raise DocumentError(f"{path} is a binary file, not text; convert it to UTF-8 text first.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentError(
            f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8, "
            f"for example: iconv -f WINDOWS-1250 -t UTF-8 {path.name}"
        ) from error


LOADERS: dict[str, Callable[[Path, bytes], str]] = {
    ".txt": _read_text,
    ".md": _read_text,
    ".markdown": _read_text,
}
"""How the bytes of a file become text, by suffix."""


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


def load(path: Path, *, source: str = "", max_bytes: int = 20_000_000) -> Document:
    """Return the file as a document.

    Raises:
        DocumentError: the file cannot be read, is too large, binary, not UTF-8 or empty, or its front matter is broken.
    """
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise DocumentError(
                f"{path} has {size / 1e6:.0f} MB, more than the {max_bytes / 1e6:.0f} allowed; "
                "split it, or raise TEMEI_MAX_FILE_MB."
            )
        data = path.read_bytes()
    except OSError as error:
        raise DocumentError(f"{path} cannot be read ({error.strerror}); check that you may read it.") from error
    text = LOADERS[path.suffix.lower()](path, data)
    return to_document(text, source=source or str(path), name=path.stem, where=str(path))


def to_document(text: str, *, source: str, name: str, where: str = "") -> Document:
    """Return text as a document; title, url and language come from its front matter, else from the text and name.

    Raises:
        DocumentError: the text is empty, or its front matter is broken.
    """
    where = where or source
    facts, body = _front_matter(text, where)
    if not text[body:].strip():
        raise DocumentError(f"{where} is empty; put text into it, or leave it out.")
    heading = _HEADING.search(text, body)
    title = facts.get("title") or (heading.group(1) if heading else _spaced(name))
    language = str(facts.get("language") or "").lower().split("-")[0]
    return Document(
        id=hashlib.sha256(text.encode()).hexdigest()[:24],
        title=str(title).strip()[:300],
        source=source,
        text=text,
        language=language or detect_language(text[body:]),
        url=str(facts.get("url") or ""),
        body=body,
    )


def _front_matter(text: str, where: str) -> tuple[dict[str, Any], int]:
    """Return the YAML mapping a text begins with and the offset behind it, or nothing and 0."""
    match = _FRONT_MATTER.match(text)
    if match is None:
        return {}, 0
    try:
        facts = yaml.safe_load(match.group(1))
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())[:150]
        raise DocumentError(
            f"{where} begins with front matter that is not YAML ({reason}); mend or remove it."
        ) from error
    return (facts, match.end()) if isinstance(facts, dict) else ({}, 0)


def _spaced(name: str) -> str:
    words = name.replace("-", " ").replace("_", " ").strip() or name
    return words[0].upper() + words[1:]
