"""Privacy on disk: only the user that runs Temei can read what Temei writes."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

OWN = frozenset(
    {
        "bm25",
        "calibration",
        "chroma",
        "chroma-unfinished",
        "conversations.sqlite3",
        "conversations.sqlite3-shm",
        "conversations.sqlite3-wal",
        "eval",
        "feedback.jsonl",
        "ingest.lock",
        "mirror",
        "models",
        "passages.sqlite3",
        "passages.sqlite3-shm",
        "passages.sqlite3-wal",
        "suggestions.json",
        "unfinished",
        "uploads",
        "vectors",
        "writing",
    }
)
"""What Temei keeps in ``TEMEI_HOME``; anything else there is somebody else's and stays as it is."""

DAMAGED = "chroma-damaged-"
"""The beginning of the names of damaged databases, which are kept when new ones are made."""
CONVERSATIONS_DAMAGED = "conversations-damaged-"
"""The same of files of conversations."""

OTHERS = stat.S_IRWXG | stat.S_IRWXO
OWNER_ONLY = 0o077
"""A umask under which only the owner may read what is made."""


def make_private(folder: Path) -> None:
    """Make a folder that only its owner may enter; one that exists stays as it is."""
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=stat.S_IRWXU)


def owner_only(path: str, flags: int) -> int:
    """Open a file so that one that is made can be read by its owner only; an opener for `open`."""
    return os.open(path, flags, stat.S_IRUSR | stat.S_IWUSR)


def keep_private(home: Path) -> None:
    """Take from everybody but the owner the rights to what Temei keeps in its home.

    The folder itself is closed where it holds nothing else: it may be one that others have to enter. Links are not
    followed, and what belongs to another user is left.
    """
    with contextlib.suppress(OSError):
        names = os.listdir(home)
        own = [name for name in names if name in OWN or name.startswith((DAMAGED, CONVERSATIONS_DAMAGED))]
        for name in own:
            _close_below(os.path.join(home, name))
        if len(own) == len(names):
            _close(home)


@contextlib.contextmanager
def privately(home: Path) -> Iterator[None]:
    """Do `keep_private` before anything is written in the block, and when all is."""
    keep_private(home)
    try:
        yield
    finally:
        keep_private(home)


def _close_below(path: str) -> None:
    _close(path)
    if os.path.isdir(path) and not os.path.islink(path):
        for folder, folders, files in os.walk(path):
            for name in (*folders, *files):
                _close(os.path.join(folder, name))


def _close(path: str | Path) -> None:
    with contextlib.suppress(OSError):
        status = os.lstat(path)
        if not stat.S_ISLNK(status.st_mode) and status.st_mode & OTHERS:
            os.chmod(path, stat.S_IMODE(status.st_mode) & ~OTHERS)
