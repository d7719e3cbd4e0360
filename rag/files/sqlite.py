"""SQLite files that are derived: opened for writing where this process may write, else for reading only."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

MAPPED = 1 << 34
"""How many bytes of the file SQLite maps into memory rather than copies, at most."""


@dataclass(frozen=True)
class Opened:
    """An open file; ``copied`` is the folder of the copy that was opened in its place, if any."""

    connection: sqlite3.Connection
    writable: bool
    copied: tempfile.TemporaryDirectory[str] | None = None

    def close(self) -> None:
        self.connection.close()
        if self.copied is not None:
            self.copied.cleanup()


LEAST_FREE = 1_000_000
"""Bytes free on the disk below which a file that is there is opened to be read: SQLite needs room beside it to do more,
and finds out in the middle of a question that there is none."""


def may_write(path: Path) -> bool:
    """Return whether this process may write a file, and beside it."""
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    return os.access(folder, os.W_OK | os.X_OK) and (not path.exists() or os.access(path, os.W_OK))


def open_database(path: Path, tables: str) -> Opened:
    """Open a file with some tables, which are made where they are missing.

    Where it cannot be written, because it belongs to somebody else, the disk is read-only or full, it is opened to be
    read. What others have written and SQLite has not moved into the file yet lies beside it in a file that only whoever
    may write can take in: then a copy of both is opened.

    Raises:
        sqlite3.Error: the file is damaged, or cannot be made.
    """
    if may_write(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or shutil.disk_usage(path.parent).free >= LEAST_FREE:
                return _open_to_write(path, tables)
        except (OSError, sqlite3.OperationalError):
            if not path.exists() or not path.stat().st_size:
                raise
    if not path.exists():
        raise sqlite3.OperationalError(f"{path} cannot be made: {path.parent} is read-only")
    return _open_to_read(path)


def _open_to_write(path: Path, tables: str) -> Opened:
    connection = sqlite3.connect(path, timeout=30, check_same_thread=False, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(f"PRAGMA mmap_size={MAPPED}")
        connection.executescript(tables)
    except BaseException:
        connection.close()
        raise
    return Opened(connection, True)


def _open_to_read(path: Path) -> Opened:
    try:
        return Opened(_reading(path, "mode=ro"), False)
    except sqlite3.OperationalError:
        beside = path.with_name(path.name + "-wal")
        if not beside.exists() or not beside.stat().st_size:
            return Opened(_reading(path, "mode=ro&immutable=1"), False)
    folder = tempfile.TemporaryDirectory(prefix="temei-")
    for one in (path, beside):
        shutil.copyfile(one, Path(folder.name) / one.name)
    return Opened(_reading(Path(folder.name) / path.name, "mode=rw"), False, folder)


def _reading(path: Path, how: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?{how}", timeout=30, check_same_thread=False, isolation_level=None, uri=True
    )
    try:
        connection.execute(f"PRAGMA mmap_size={MAPPED}")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def remove_database(path: Path) -> None:
    """Remove a file with what SQLite keeps beside it."""
    for end in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + end).unlink(missing_ok=True)


def marks(values: Sequence[object]) -> str:
    """Return as many question marks as there are values."""
    return ",".join("?" * len(values))


FULL = ("disk is full", "no space left", "disk i/o error", "file too large", "disk quota")
"""What SQLite and Chroma say when they cannot write."""


def is_full(error: BaseException) -> bool:
    """Return whether an error says that there is no room to write, rather than that something is damaged."""
    reason = str(error).lower()
    return any(sign in reason for sign in (*FULL, "database is locked"))
