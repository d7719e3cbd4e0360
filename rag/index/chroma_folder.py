"""The folder of this machine that Chroma's files lie in: made private, copied where it is read-only, and checked."""

from __future__ import annotations

import contextlib
import errno
import shutil
import sqlite3
import tempfile
from pathlib import Path
from urllib.parse import quote

from rag.errors import CorruptIndexError
from rag.files.private import make_private
from rag.files.sqlite import may_write
from rag.messages import message
from rag.settings import Settings

DATABASE = "chroma.sqlite3"
OPENED = frozenset(
    ["migrations", "tenants", "databases", "collections", "collection_metadata", "segments", "segment_metadata"]
)
"""Tables of a few rows that Chroma reads when it opens a folder."""


class ChromaFolder:
    """A folder that Chroma can open: the one in the home, or a copy of it where this process may not write.

    Chroma opens no folder without writing to it. Questions need Chroma only where a derived file is missing or damaged,
    and for a check-up. With a Chroma server only the home is made private.

    Raises:
        CorruptIndexError: the home cannot be used.
    """

    def __init__(self, settings: Settings, name: str, *, create: bool) -> None:
        self.path = settings.home / name
        self._is_shared = bool(settings.chroma_url)
        self._copied: tempfile.TemporaryDirectory[str] | None = None
        try:
            self._prepare(settings.home, create)
        except (OSError, shutil.Error) as error:
            reason = getattr(error, "strerror", None) or error
            raise CorruptIndexError(message("index_not_used", home=settings.home, reason=str(reason))) from error

    def _prepare(self, home: Path, create: bool) -> None:
        if self._is_shared or may_write(self.path / DATABASE):
            make_private(home)
            if not self._is_shared:
                make_private(self.path)
        elif create:
            raise PermissionError(errno.EACCES, "not writable")
        else:
            self._copied = tempfile.TemporaryDirectory(prefix="temei-")
            self.path = Path(shutil.copytree(self.path, Path(self._copied.name) / "chroma"))
            for path in (self.path, *self.path.rglob("*")):
                path.chmod(0o700 if path.is_dir() else 0o600)

    def read_schema(self) -> None:
        """Read what Chroma reads when it opens: its core writes a panic to stderr where text is none."""
        if not self._is_shared and (self.path / DATABASE).exists():
            with contextlib.closing(self._reading()) as connection:
                schema = connection.execute("SELECT name, type, tbl_name, sql FROM sqlite_master").fetchall()
                for name in OPENED & {str(row[0]) for row in schema if row[1] == "table"}:
                    connection.execute(f"SELECT * FROM {name}").fetchall()

    def integrity(self) -> str:
        """Read all of the database; return "ok", or what SQLite finds wrong with its layout.

        Somebody may have changed what is written in it all the same; `rag.doctor` compares it with the derived files.
        """
        with contextlib.closing(self._reading()) as connection:
            return str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])

    def _reading(self) -> sqlite3.Connection:
        """Return a connection to read with.

        It may write where this process may: a writer that was killed leaves a journal of what must be taken back first.
        """
        database = self.path / DATABASE
        mode = "rw" if may_write(database) else "ro"
        return sqlite3.connect(f"file:{quote(str(database.absolute()))}?mode={mode}", uri=True, timeout=30)

    def close(self) -> None:
        """Remove the copy, where there is one."""
        if self._copied is not None:
            self._copied.cleanup()
