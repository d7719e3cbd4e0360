"""The SQLite file of a passage cache: its tables, and the generation of the passages that it agrees with."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rag.files.checksums import DamagedError
from rag.files.sqlite import open_database

FORMAT = 2
"""The form of what a passage cache derives from the passages: which words of them it counts (`terms` and `prose` in
`rag.text.language`), and how it writes the counts. Raise it when any of that changes: a cache of another format is then
replaced by a new one, which is made from Chroma."""

_TABLES = """
CREATE TABLE IF NOT EXISTS passages (
    row INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, document TEXT NOT NULL, language TEXT NOT NULL,
    terms BLOB NOT NULL, counted INTEGER NOT NULL, record TEXT NOT NULL, text TEXT NOT NULL, told INTEGER NOT NULL,
    gone REAL);
CREATE UNIQUE INDEX IF NOT EXISTS live_passages ON passages (id) WHERE gone IS NULL;
CREATE TABLE IF NOT EXISTS documents (
    row INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, record TEXT NOT NULL, text BLOB NOT NULL,
    told INTEGER NOT NULL, gone REAL);
CREATE INDEX IF NOT EXISTS all_documents ON documents (id);
CREATE TABLE IF NOT EXISTS terms (number INTEGER PRIMARY KEY, term TEXT NOT NULL UNIQUE, told INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class CacheFile:
    """The file of a passage cache, open; safe to share between threads.

    Raises:
        sqlite3.Error, DamagedError: the file is damaged or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._opened = open_database(path, _TABLES)
        self.writable = self._opened.writable
        self._connection = self._opened.connection
        try:
            self.name = self._state("name")
            if not self.name and self.writable:  # a new file
                for row in (("format", str(FORMAT)), ("name", path.stem)):
                    self._connection.execute("INSERT OR IGNORE INTO state VALUES (?, ?)", row)
                self.name = self._state("name")
            self.is_current = self._state("format") == str(FORMAT)
            """Whether its words were counted as this version counts them; its texts serve in any case."""
        except BaseException:
            self._opened.close()
            raise

    def _state(self, name: str) -> str:
        rows = self._rows("SELECT value FROM state WHERE name = ?", [name])
        return str(rows[0][0]) if rows else ""

    @property
    def generation(self) -> str:
        """The generation of the passages that this agrees with; empty while it may not."""
        return self._state("generation").partition(" ")[0]

    @property
    def made_by(self) -> dict[str, Any]:
        """What was said of the model when the generation was set."""
        found = json.loads(self._state("made_by") or "{}")
        return found if isinstance(found, dict) else {}

    def agree(self, value: str, made_by: Mapping[str, Any] | None = None) -> None:
        """Set the generation of the passages that this agrees with, and note how many rows it has and the model."""
        with self._lock:
            noted = f"{value} {len(self)} {self._count('documents')}" if value else ""
            rows = [("generation", noted), ("made_by", json.dumps(dict(made_by or {})))]
            self._connection.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", rows)

    def noted(self) -> tuple[int, int]:
        """Return how many passages and documents there were when the generation was set."""
        numbers = self._state("generation").split()[1:]
        if len(numbers) != 2 or not all(number.isdigit() for number in numbers):
            raise DamagedError("the passage cache does not say what it holds")
        return int(numbers[0]), int(numbers[1])

    def __len__(self) -> int:
        return self._count("passages")

    def _count(self, table: str) -> int:
        return int(self._rows(f"SELECT count(*) FROM {table} WHERE gone IS NULL", [])[0][0])

    def _rows(self, ask: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(ask, list(values)).fetchall()

    def _transaction(self) -> _Transaction:
        return _Transaction(self._connection)

    def reopen(self) -> None:
        """Open the file again, to be read only where the disk has filled up meanwhile."""
        with self._lock:
            self._opened.close()
            self._opened = open_database(self.path, _TABLES)
            self._connection = self._opened.connection

    def close(self) -> None:
        self._opened.close()


class _Transaction:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *rest: object) -> None:
        self._connection.execute("COMMIT" if kind is None else "ROLLBACK")
