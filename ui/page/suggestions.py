"""Keep the suggested questions of each document beside the index, and choose three of them to offer.

They are made once for each document and language, and kept in ``suggestions.json`` in ``TEMEI_HOME``. A document's
name is a hash of its text, so that what is kept stays true. What cannot be read is made again.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Sequence
from pathlib import Path

from rag.chain import Temei
from rag.errors import TemeiError
from rag.files.aside import write_whole
from rag.messages import LANGUAGES
from rag.types import DocumentRecord
from ui.page.suggest import questions_for

FORMAT = 1
"""Raise it where the questions would come out otherwise: those of before are made again."""
OFFERED = 3
"""Questions that are offered, and made of each document."""
ASKED_ABOUT = 2 * OFFERED
"""Documents that questions are made of: of many, those in the visitor's language, the first ones, are enough."""
MOST_KEPT = 2_000
"""Documents whose questions are kept for a language; three have 300 bytes."""


class Suggestions:
    """Suggested questions, made once for each document and language."""

    def __init__(self, temei: Temei) -> None:
        self._temei = temei
        self._path = temei.settings.home / "suggestions.json"
        self._making = threading.Lock()
        self._kept: dict[str, dict[str, list[str]]] | None = None

    def some(self, language: str) -> list[str]:
        """Return up to three questions, taken in turn from the documents; what is not kept yet is made first."""
        try:
            records = self._first(language)
        except TemeiError:
            return []
        self._make(records, language)
        return _in_turn([self._of(language).get(record.id, []) for record in records])

    def make(self) -> None:
        """Make and keep what the page will offer, in every language, so that it is there when somebody opens it."""
        for language in LANGUAGES:
            self.some(language)

    def _first(self, language: str) -> list[DocumentRecord]:
        records = sorted(self._temei.index.documents(), key=lambda record: record.language != language)
        return records[:ASKED_ABOUT]

    def _make(self, records: Sequence[DocumentRecord], language: str) -> None:
        with self._making:
            kept = self._of(language)
            fresh = [record.id for record in records if record.id not in kept]
            for document_id in fresh:
                with contextlib.suppress(TemeiError):
                    kept[document_id] = questions_for(self._temei, document_id, language, OFFERED)
            if fresh:
                while len(kept) > MOST_KEPT:
                    del kept[next(iter(kept))]
                self._write()

    def _of(self, language: str) -> dict[str, list[str]]:
        if self._kept is None:
            self._kept = _read(self._path)
        return self._kept.setdefault(language, {})

    def _write(self) -> None:
        # A home that may only be read, or a full disk: they are made again next time.
        with contextlib.suppress(OSError):
            write_whole(self._path, json.dumps({"format": FORMAT, "questions": self._kept}, ensure_ascii=False))


def _read(path: Path) -> dict[str, dict[str, list[str]]]:
    """Return the questions by language and document, none where the file is missing, damaged or of another format."""
    try:
        found = json.loads(path.read_text("utf-8"))
        if found["format"] != FORMAT:
            return {}
        return {
            str(language): {str(key): [str(one) for one in questions] for key, questions in documents.items()}
            for language, documents in found["questions"].items()
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def _in_turn(queues: Sequence[Sequence[str]]) -> list[str]:
    """Return the first questions of all documents, then the second ones, until there are enough."""
    found: list[str] = []
    for at in range(OFFERED):
        for questions in queues:
            if at < len(questions) and questions[at] not in found and len(found) < OFFERED:
                found.append(questions[at])
    return found
