"""Choose the names of files: the name that is shown, and the name on disk.

The page shows the name that a file had. On disk the file has another name, so that two files never get the same place.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from pathlib import PurePosixPath

import regex

from ingest.pipeline import UPLOADS
from rag.text.characters import unseen
from rag.types import DocumentRecord

LONGEST_SHOWN = 200
"""Characters of a name that are shown: a file system allows 255 bytes, a program that uploads any number."""
LONGEST_KEPT = 120
"""Bytes of a name on disk before its suffix, so that a number and the suffix fit into the 255 of any file system."""

_DRIVE = regex.compile(r"[A-Za-z]:\\")
_UNSEEN = unseen(keep=r"\t\n\r", more=r"\p{Zl}\p{Zp}")
_UNSAFE = regex.compile(r"[^\p{L}\p{M}\p{N} ._()-]+")
_NUMBERED = regex.compile(r"(?P<stem>.*) \((?:[2-9]|[1-9]\d+)\)(?P<suffix>\.[^./]*)?", flags=regex.DOTALL)
_RESERVED = regex.compile(r"(?i:con|prn|aux|nul|(?:com|lpt)\d)")


def shown_name(given: str) -> str:
    """Return the name of a file as it is shown: its own name without invisible or misleading characters.

    Folders before it are kept, a drive's are not; a name of nothing is "document".
    """
    text = unicodedata.normalize("NFC", given.encode("utf-8", "replace").decode("utf-8"))
    if _DRIVE.match(text):
        text = text.rpartition("\\")[2]
    parts = (" ".join(_UNSEEN.sub("", part).split()) for part in text.split("/"))
    name = "/".join(part for part in parts if part not in ("", ".", ".."))
    if len(name) > LONGEST_SHOWN:
        end = name[-LONGEST_SHOWN // 4 :]
        name = f"{name[: LONGEST_SHOWN - len(end) - 1]}…{end}"
    return name or "document"


def suffix_of(name: str) -> str:
    """Return the suffix in lower case with its dot, also of a name that is only a suffix."""
    _, dot, suffix = name.rpartition("/")[2].rpartition(".")
    return f".{suffix.lower()}" if dot else ""


def numbered(name: str, taken: Collection[str]) -> str:
    """Return the name; if it is taken, with a number before its suffix."""
    number, free = 1, name
    stem, suffix = _parts(name)
    while free in taken:
        number += 1
        free = f"{stem} ({number}){suffix}"
    return free


def without_number(name: str) -> str:
    """Return the name that `numbered` was given, or the name itself where it has no number."""
    found = _NUMBERED.fullmatch(name)
    return f"{found['stem']}{found['suffix'] or ''}" if found else name


def kept_name(name: str) -> str:
    """Return a name for a file's place on disk: the last part of the shown one in letters that any system takes."""
    stem, suffix = _parts(name.rpartition("/")[2])
    stem = _UNSAFE.sub("_", stem).strip(" .")
    while len(stem.encode()) > LONGEST_KEPT:
        stem = stem[:-1]
    stem = stem.strip(" .") or "document"
    if _RESERVED.fullmatch(stem.partition(".")[0].strip()):
        stem = f"_{stem}"
    return f"{stem}{_UNSAFE.sub('_', suffix)[:17].lower()}"


def _parts(name: str) -> tuple[str, str]:
    """Return a name's stem and its suffix with the dot."""
    folder, slash, last = name.rpartition("/")
    stem, dot, suffix = last.rpartition(".")
    return (f"{folder}{slash}{stem}", f".{suffix}") if dot else (name, "")


def with_folders(sources: Sequence[str]) -> list[str]:
    """Return the last part of each source, with as many folders as make it unique."""
    parts = [PurePosixPath(source).parts[::-1] or ("",) for source in sources]
    depth = [1] * len(parts)
    while True:
        shown = [str(PurePosixPath(*part[:deep][::-1])) for part, deep in zip(parts, depth, strict=True)]
        count: dict[str, int] = {}
        for one in shown:
            count[one] = count.get(one, 0) + 1
        alike = [at for at, one in enumerate(shown) if count[one] > 1 and depth[at] < len(parts[at])]
        if not alike:
            return shown
        for at in alike:
            depth[at] += 1


def own_name(record: DocumentRecord) -> str:
    """Return what a document's file is called: of an upload from before names were kept, the end of its path."""
    path = PurePosixPath(record.path)
    is_old = path.parent.name == UPLOADS and record.source.endswith(f"{UPLOADS}/{path.name}")
    return path.name if is_old else record.source
