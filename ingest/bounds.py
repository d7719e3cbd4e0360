"""Bounds: load one file within the limits of the settings, so that its failure costs no other file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ingest.load import Remark, load
from rag.errors import DocumentError, TemeiError
from rag.messages import message
from rag.settings import Settings
from rag.text.characters import whole
from rag.types import Document


def load_within(path: Path, settings: Settings, *, source: str = "", remark: Remark = lambda line: None) -> Document:
    """Load a file within the bounds that the settings give; see `ingest.load.load`."""
    with costing_only(path):
        return load(
            path,
            source=source,
            remark=remark,
            max_bytes=int(settings.max_file_mb * 1_000_000),
            max_pages=settings.max_pages,
            extract_seconds=settings.extract_seconds,
            extract_mb=settings.extract_mb,
            max_extracted_chars=settings.max_extracted_chars,
        )


@contextlib.contextmanager
def costing_only(name: object) -> Iterator[None]:
    """Turn whatever a library raises over one file into its DocumentError, so that the other files are still read.

    What the user has to know of besides that file passes: Temei's own errors and those of the disk.
    """
    try:
        yield
    except (TemeiError, OSError):
        raise
    except BaseException as error:
        # A library in Rust that gives up raises its PanicException, which is no Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        reason = " ".join(whole(f"{type(error).__name__}: {error}").split())[:150]
        raise DocumentError(name, message("file_failed", reason=reason)) from error
