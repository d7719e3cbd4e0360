"""Check the files that a request names: it may name only files that were uploaded here, no other file of this machine.

Gradio copies every file that a request names, in any argument of any event, into its cache. Settings of Gradio decide
whether it first checks that the file was uploaded. The check here therefore runs before Gradio sees the request.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LEFT_OVER = 3600
"""Seconds after which an upload that nobody took is removed: its event waits for others, most of them for seconds."""
BLOCK = 4096
"""Bytes of a block, as most file systems give out room."""
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


def sweep(uploads: Path, seconds: float = LEFT_OVER) -> None:
    """Remove uploads, also partial ones, that nobody took for some seconds, and folders that are then empty."""
    before = time.time() - seconds
    for where, _, names in os.walk(uploads, topdown=False):
        for name in names:
            path = os.path.join(where, name)
            with contextlib.suppress(OSError):
                if os.lstat(path).st_mtime < before:
                    os.unlink(path)
        if where != str(uploads):
            with contextlib.suppress(OSError):
                os.rmdir(where)


def size_of(folder: Path) -> int:
    """Return the bytes that the files of a folder take on disk, in whole blocks; an empty file takes one block."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += BLOCK * max(1, -(-os.lstat(os.path.join(where, name)).st_size // BLOCK))
    return total


def _is_below(place: Path, folder: Path) -> bool:
    return place.parent.parent == folder and _DIGEST.fullmatch(place.parent.name) is not None
