"""Call Chroma: try again where a server is out of reach, and turn what it raises into errors that say what to do."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import TypeVar

import httpx
from chromadb.errors import NotFoundError
from filelock import FileLock

from rag.errors import DamagedIndexError, IndexStateError, MissingIndexError, UnreachableIndexError
from rag.files.sqlite import FULL
from rag.messages import Message, message
from rag.settings import Settings

T = TypeVar("T")

LEAST_FREE = 4_000_000
"""Bytes free on the disk below which any failure is taken for a full disk."""

RETRIES, FIRST_WAIT = 3, 0.2
"""How often a call to a Chroma server out of reach is tried again, and the first wait in seconds; it doubles."""


class ChromaCalls:
    """Calls to Chroma or SQLite for one home.

    Args:
        writer: the lock of whoever writes to the folder.
        is_being_written: whether another process is at the passages just now.
    """

    def __init__(self, settings: Settings, writer: FileLock, is_being_written: Callable[[], bool]) -> None:
        self._settings = settings
        self._writer = writer
        self._is_being_written = is_being_written

    def call(self, ask: Callable[[], T]) -> T:
        """Return what ``ask`` returns.

        Raises:
            IndexStateError: with the remedy for what Chroma or SQLite raised.
        """
        for attempt in range(RETRIES + 1):
            try:
                return ask()
            except (IndexStateError, KeyboardInterrupt, SystemExit, GeneratorExit):
                raise
            except NotFoundError as error:
                raise MissingIndexError(being_rebuilt(self._settings)) from error
            except BaseException as error:  # Chroma's Rust core panics with a BaseException
                if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                    raise
                reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
                if attempt < RETRIES and self._is_out_of_reach(error, reason):
                    time.sleep(FIRST_WAIT * 2**attempt)
                    continue
                raise self._told(reason) from error
        raise AssertionError("unreachable")

    def _is_out_of_reach(self, error: BaseException, reason: str) -> bool:
        lost = isinstance(error, httpx.TransportError) or "connect to a Chroma server" in reason
        return bool(self._settings.chroma_url) and lost

    def _told(self, reason: str) -> IndexStateError:
        """Return the error that says what to do where Chroma failed for a reason."""
        settings = self._settings
        if settings.chroma_url:
            return UnreachableIndexError(message("index_server_silent", url=settings.chroma_url, reason=reason))
        if any(sign in reason.lower() for sign in FULL) or self._disk_is_full():
            return IndexStateError(message("index_disk_full", home=settings.home, reason=reason))
        if not self._writer.is_locked and self._is_being_written():
            return MissingIndexError(being_rebuilt(settings))
        return DamagedIndexError(cannot_be_read(settings, reason))

    def _disk_is_full(self) -> bool:
        try:
            return shutil.disk_usage(self._settings.home).free < LEAST_FREE
        except OSError:
            return False


def being_rebuilt(settings: Settings) -> Message:
    """Return what to tell whoever asks while another process makes the passages anew."""
    return message("index_being_rebuilt", where=settings.chroma_url or settings.home)


def cannot_be_read(settings: Settings, reason: str | Message) -> Message:
    """Return what to tell where Chroma's own files are damaged."""
    return message("index_damaged", where=settings.home / "chroma", reason=reason)


def nothing_yet(settings: Settings) -> Message:
    """Return what to tell where no document was ingested yet."""
    return message("index_nothing_yet", where=settings.chroma_url or settings.home)
