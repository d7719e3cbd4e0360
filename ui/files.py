"""Files: which file a request may name, namely one that somebody uploaded here and no other of this machine.

Gradio copies every file that a request names, in any argument of any event, into its cache. Whether it first checks
that the file was uploaded depends on flags of its own, so it is checked here too, before Gradio sees the request.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LEFT_OVER = 3600
"""Seconds after which a part of an upload that was broken off is removed; Gradio keeps what was uploaded as long."""
_DIGEST = re.compile(r"[0-9a-f]{64}")


def is_uploaded(path: object, uploads: Path) -> bool:
    """Tell whether a path is that of a file that Gradio stored as an upload: ``<uploads>/<sha256>/<name>``, no link."""
    if not isinstance(path, str) or "\0" in path:
        return False
    try:
        given, folder = Path(path), uploads.resolve()
        place = given.resolve()
        return given.is_absolute() and _is_below(place, folder) and place.is_file()
    except (OSError, ValueError, RuntimeError):
        return False


def foreign_files(value: Any, uploads: Path) -> Iterator[object]:
    """Yield the path of every file, anywhere in a JSON value, that was not uploaded.

    A file is an object with a text as ``path``, as Gradio sees it, or one whose ``meta`` names a type of Gradio's.
    """
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            meta = one.get("meta")
            path = one.get("path")
            named = isinstance(meta, dict) and "_type" in meta
            if (isinstance(path, str) or named) and not is_uploaded(path, uploads):
                yield path
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)


def sweep(uploads: Path) -> None:
    """Remove what uploads that were broken off have left behind."""
    before = time.time() - LEFT_OVER
    for part in uploads.glob("tmp*") if uploads.is_dir() else ():
        try:
            if part.is_file() and part.stat().st_mtime < before:
                part.unlink()
        except OSError:
            continue


def size_of(folder: Path) -> int:
    """Return the bytes that the files below a folder take."""
    total = 0
    for file in folder.rglob("*") if folder.is_dir() else ():
        try:
            total += file.stat().st_size if file.is_file() else 0
        except OSError:
            continue
    return total


def _is_below(place: Path, folder: Path) -> bool:
    return place.parent.parent == folder and _DIGEST.fullmatch(place.parent.name) is not None
