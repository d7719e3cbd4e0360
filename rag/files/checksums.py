"""Checksums of derived files, so that a damaged file is found before it is used.

Reading every byte of a large index at each start would take longer than a question takes. So the size, the dates and
the inode of a file are noted when the file was found whole, and the file is read again only when one of these differs.
The operating system sets the date at which an inode changed (``ctime``), and no program can set it back. So every
write, copy or replacement of a file is seen. The check-up (`rag.doctor`) reads every byte.
"""

from __future__ import annotations

import contextlib
import json
import time
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from rag.files.aside import write_whole

NOTE = "verified.json"
"""The file that notes which files were found whole; where it is damaged or missing, they are read again."""

SETTLED_SECONDS = 0.05
"""Seconds after its last change from which unchanged dates of a file mean that its content is unchanged. The dates
advance in steps of 4 to 10 ms, so two changes shortly after each other may leave the same date."""

CHUNK = 1 << 20
"""Bytes read at a time, which bounds the memory. Chosen by eye; not measured."""


class DamagedError(Exception):
    """What was read is not what was written; whoever reads makes it again from what is whole."""


def checksum(path: Path) -> int:
    """Return the CRC-32 of a file: 2 GB a second, and nothing to install."""
    total = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            total = zlib.crc32(chunk, total)
    return total


def checksums(folder: Path, names: Iterable[str]) -> dict[str, int]:
    """Return the checksums of files by their names."""
    return {name: checksum(folder / name) for name in names}


def are_whole(folder: Path, sums: Mapping[str, int], *, thorough: bool = False) -> bool:
    """Return whether files have their checksums; ``thorough`` reads also those that were found whole before."""
    try:
        marks = {name: [sum, *_marks(folder / name)] for name, sum in sums.items()}
        if not thorough and _read(folder / NOTE) == marks:
            return True
        if checksums(folder, sums) != dict(sums):
            return False
    except OSError:
        return False
    if all(time.time_ns() - mark[3] > SETTLED_SECONDS * 1e9 for mark in marks.values()):
        with contextlib.suppress(OSError):
            write_whole(folder / NOTE, json.dumps(marks))
    return True


def _marks(path: Path) -> tuple[int, int, int, int]:
    """Return size, date of the last change of the content, of the inode, and the inode."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def sealed(about: Mapping[str, object]) -> str:
    """Return a mapping as JSON that carries its own checksum."""
    text = json.dumps(about, ensure_ascii=False, sort_keys=True)
    return json.dumps({"crc32": zlib.crc32(text.encode()), "about": about}, ensure_ascii=False, indent=1) + "\n"


def unsealed(path: Path) -> dict[str, object]:
    """Return the mapping of a file that `sealed` made.

    Raises:
        DamagedError: it is missing, or not what was written.
    """
    found = _read(path)
    about = found.get("about") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(about, dict) or found.get("crc32") is None:
        raise DamagedError(f"{path} is missing or damaged")
    if zlib.crc32(json.dumps(about, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace")) != found["crc32"]:
        raise DamagedError(f"{path} is not what was written")
    return about
