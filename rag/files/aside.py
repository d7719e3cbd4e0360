"""Write a file or a folder beside its place and rename it into it, so that nobody ever reads a half."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rag.files.private import owner_only


def write_whole(path: Path, text: str) -> None:
    """Write a file that only its owner may read, or replace it."""
    fresh = path.with_name(f".{path.name}-{os.getpid()}-{time.monotonic_ns()}")
    try:
        with open(fresh, "x", encoding="utf-8", opener=owner_only) as file:
            file.write(text)
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


@contextlib.contextmanager
def folder_aside(place: Path, prefix: str) -> Iterator[Path]:
    """Give an empty folder to fill, which takes the place of ``place`` on leaving; an error leaves that as it was.

    Args:
        prefix: how the folder's name begins until then, by which others know what a process that died has left.
    """
    fresh = Path(tempfile.mkdtemp(prefix=prefix, dir=place.parent))
    try:
        yield fresh
        shutil.rmtree(place, ignore_errors=True)
        os.replace(fresh, place)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
