"""Errors that a user can act on; every message says what to do, in the language it is asked for.

TemeiError
├── TerminalError        met only by whoever runs a command, so in English
│   ├── SettingsError        a setting is misspelt, malformed or missing
│   └── DatasetError         an evaluation set is malformed
├── QuestionError        the question is empty or too long
├── DocumentError        a file cannot be read as a document
├── IndexStateError
│   ├── MissingIndexError    there is nothing to search yet
│   ├── StaleIndexError      made by another embedding model or index format
│   ├── CorruptIndexError    the files on disk are not a readable index
│   │   └── DamagedIndexError    Chroma's own files are damaged
│   ├── LockedIndexError     another process is writing
│   └── UnreachableIndexError  the Chroma server does not answer
└── ModelError           an embedding or language model cannot be used
    └── ChatError            a language model gave no reply to use
"""

from __future__ import annotations

from enum import StrEnum

from rag.messages import ENGLISH, FileMessage, Message, as_it_stands


class TemeiError(Exception):
    """Root of all errors that Temei raises on purpose; ``str(error)`` is one line for the user, in English."""

    def __init__(self, message: Message) -> None:
        super().__init__(message)
        self.message = message

    def in_language(self, language: str) -> str:
        """Return the line in a language of the catalogue."""
        return self.message.in_language(language)

    def __str__(self) -> str:
        return self.in_language(ENGLISH)


class TerminalError(TemeiError):
    """An error that only whoever runs a command meets; its line is plain text in English, the terminal's language."""

    def __init__(self, line: str) -> None:
        super().__init__(as_it_stands(line))


class SettingsError(TerminalError):
    """A setting is misspelt, malformed or missing."""


class DatasetError(TerminalError):
    """An evaluation set is malformed."""


class QuestionError(TemeiError):
    """The question is empty or too long."""


class DocumentError(TemeiError):
    """A file cannot be read as a document; ``line`` is its name and what is said of it."""

    def __init__(self, file: object, message: Message) -> None:
        super().__init__(message)
        self.line = FileMessage(str(file), message)

    def in_language(self, language: str) -> str:
        return self.line.in_language(language)

    def of(self, file: str) -> DocumentError:
        """Return the same error of a file that is called otherwise."""
        return DocumentError(file, self.line.of(file).said)


class IndexStateError(TemeiError):
    """The index cannot be used as it is."""


class MissingIndexError(IndexStateError):
    """There is nothing to search yet."""


class StaleIndexError(IndexStateError):
    """The index was made by another embedding model or in another format."""


class CorruptIndexError(IndexStateError):
    """The files on disk are not a readable index."""


class DamagedIndexError(CorruptIndexError):
    """Chroma's own files are damaged; what is derived from them may still be whole."""


class LockedIndexError(IndexStateError):
    """Another process is writing to the index."""


class UnreachableIndexError(IndexStateError):
    """The Chroma server does not answer."""


class ModelError(TemeiError):
    """An embedding or language model cannot be used."""


class Fault(StrEnum):
    """Why a language model gave no reply to use."""

    UNREACHABLE = "unreachable"
    KEY = "key"
    UNKNOWN = "unknown"
    REJECTED = "rejected"
    BUSY = "busy"
    SLOW = "slow"
    BROKEN = "broken"
    EMPTY = "empty"
    UNSUPPORTED = "unsupported"


class ChatError(ModelError):
    """A language model gave no reply to use; the chain then answers without it.

    ``wait`` are the seconds that the server asked for before another try.
    """

    def __init__(self, fault: Fault, message: Message, *, wait: float | None = None) -> None:
        super().__init__(message)
        self.fault = fault
        self.wait = wait
