"""Keep conversations in ``conversations.sqlite3`` in ``TEMEI_HOME``, each with the person that it belongs to.

A conversation has a version. Who saves names the version that was read: if another tab has saved since, what is saved
becomes a conversation of its own, so that neither is lost.
"""

from __future__ import annotations

import datetime
import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.files.private import CONVERSATIONS_DAMAGED, keep_private, make_private
from rag.files.sqlite import Opened, open_database
from rag.text.language import fold

LISTED = 200
"""Conversations that are listed at a time, the latest."""
MOST_KEPT = 5_000
"""Conversations of a person; one has 3 kB for each question. Beyond it, the browser alone keeps the conversation."""
KEPT_DELETED = datetime.timedelta(days=30)
"""How long a deleted conversation can be restored."""
LONGEST_NAME = 120
"""Characters of a conversation's name."""

_TABLES = """
CREATE TABLE IF NOT EXISTS conversations (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, name TEXT NOT NULL, is_named INTEGER NOT NULL DEFAULT 0,
    changed TEXT NOT NULL, deleted TEXT NOT NULL DEFAULT '', version INTEGER NOT NULL, count INTEGER NOT NULL,
    turns TEXT NOT NULL, words TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS of_person ON conversations (person, deleted, changed);
"""


@dataclass(frozen=True, slots=True)
class Saved:
    """A conversation as a tab holds it: its id, and the version that the tab has read or written."""

    id: str
    version: int


@dataclass(frozen=True, slots=True)
class Summary:
    """A conversation of the list: ``changed`` is when (ISO 8601, UTC), ``count`` how many questions it has."""

    id: str
    name: str
    changed: str
    count: int


class ConversationStore:
    """The conversations of all people; every call names the person, and sees no other's.

    Every method raises ``sqlite3.Error`` or ``OSError`` where the file cannot be read or written.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._using = threading.Lock()
        self._opened: Opened | None = None

    def save(self, person: str, held: Saved | None, rows: Sequence[dict[str, Any]]) -> Saved | None:
        """Keep the turns of a conversation.

        Args:
            held: what the tab holds, None for a conversation that is new.
            rows: the turns as JSON objects, at least one.

        Returns:
            What the tab holds from now on: another conversation where this one was saved or deleted elsewhere since.
            None where there are too many.
        """
        name = " ".join(str(rows[0]["question"]).split())[:LONGEST_NAME]
        words = fold("\n".join(f"{row['question']}\n{row['text']}" for row in rows))
        facts = (_now(), len(rows), json.dumps(rows, ensure_ascii=False), words)
        with self._using:
            ask = self._connection().execute
            if held is not None:
                changed = ask(
                    "UPDATE conversations SET changed = ?, count = ?, turns = ?, words = ?, version = version + 1,"
                    " name = CASE WHEN is_named THEN name ELSE ? END"
                    " WHERE id = ? AND person = ? AND version = ? AND deleted = ''",
                    (*facts, name, held.id, person, held.version),
                ).rowcount
                if changed:
                    return Saved(held.id, held.version + 1)
            (count,) = ask("SELECT count(*) FROM conversations WHERE person = ?", (person,)).fetchone()
            if count >= MOST_KEPT:
                return None
            fresh = Saved(uuid.uuid4().hex, 1)
            ask(
                "INSERT INTO conversations (id, person, name, version, changed, count, turns, words)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (fresh.id, person, name, fresh.version, *facts),
            )
            return fresh

    def read(self, person: str, conversation: str) -> tuple[Saved, list[Any]] | None:
        """Return a conversation and its turns as JSON objects, None where there is none."""
        with self._using:
            row = (
                self._connection()
                .execute(
                    "SELECT version, turns FROM conversations WHERE id = ? AND person = ? AND deleted = ''",
                    (conversation, person),
                )
                .fetchone()
            )
        return None if row is None else (Saved(conversation, row[0]), json.loads(row[1]))

    def find(self, person: str, searched: str = "") -> list[Summary]:
        """Return the latest conversations, those only whose name, questions or answers hold what is searched."""
        with self._using:
            rows = (
                self._connection()
                .execute(
                    "SELECT id, name, changed, count, words FROM conversations WHERE person = ? AND deleted = ''"
                    " ORDER BY changed DESC, rowid DESC",
                    (person,),
                )
                .fetchall()
            )
        wanted = fold(searched.strip())
        return [Summary(*row[:4]) for row in rows if wanted in fold(row[1]) or wanted in row[4]][:LISTED]

    def rename(self, person: str, conversation: str, name: str) -> None:
        """Give a conversation a name; without any it keeps the one it has."""
        called = " ".join(name.split())[:LONGEST_NAME]
        if called:
            self._change("name = ?, is_named = 1", (called,), person, conversation)

    def delete(self, person: str, conversation: str) -> None:
        """Take a conversation out of the list; it can be restored for thirty days."""
        self._change("deleted = ?", (_now(),), person, conversation)

    def restore(self, person: str, conversation: str) -> None:
        """Put a deleted conversation back into the list."""
        self._change("deleted = ''", (), person, conversation)

    def _change(self, change: str, values: tuple[str, ...], person: str, conversation: str) -> None:
        with self._using:
            # The text of `change` is one of the three above.
            statement = f"UPDATE conversations SET {change} WHERE id = ? AND person = ?"
            self._connection().execute(statement, (*values, conversation, person))

    def _open(self) -> Opened:
        """Open the file; one that is damaged is kept under another name, and a new one is made."""
        path = self._home / "conversations.sqlite3"
        try:
            return open_database(path, _TABLES)
        except sqlite3.OperationalError:  # it is locked, or the home cannot be written
            raise
        except sqlite3.DatabaseError:
            for beside in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
                if beside.exists():
                    beside.rename(beside.with_name(f"{CONVERSATIONS_DAMAGED}{time.time_ns()}-{beside.name}"))
            return open_database(path, _TABLES)

    def _connection(self) -> Any:
        if self._opened is None:
            make_private(self._home)
            self._opened = self._open()
            keep_private(self._home)
            if self._opened.writable:
                before = (datetime.datetime.now(datetime.UTC) - KEPT_DELETED).isoformat()
                self._opened.connection.execute(
                    "DELETE FROM conversations WHERE deleted != '' AND deleted < ?", (before,)
                )
        return self._opened.connection


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
