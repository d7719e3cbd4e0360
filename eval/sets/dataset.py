"""Define question sets: examples with their gold evidence, and the documents they are about."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import regex
from pydantic import StringConstraints

from rag.errors import DatasetError
from rag.types import Document, Span

Text = Annotated[str, StringConstraints(min_length=1, pattern=r"\S")]
"""A text that is not blank, in a file from outside."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A gold span of a document: ``documents[document].text[start:end] == quote``.

    ``answers`` are the places inside it where the short answer stands, any one of which will do; empty where the
    answer is not in the document's words.
    """

    document: str
    start: int
    end: int
    quote: str
    answers: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """A question with the evidence of a right answer.

    ``relevant`` grades the gold documents by name (1 and up); ``evidence`` holds alternatives, each the spans that
    answer together; ``left_out`` the documents kept from the search, ``within`` those to search in, all where it is
    empty; ``cluster`` names what examples have in common, for the statistics.
    """

    id: str
    question: str
    language: str
    kind: str
    answerable: bool
    relevant: Mapping[str, int]
    cluster: str
    evidence: tuple[tuple[Evidence, ...], ...] = ()
    answers: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    standalone: str = ""
    left_out: tuple[str, ...] = ()
    within: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A question set over documents, which are known by name; ``options`` is what it was opened with.

    ``clustered_by`` says what an example's ``cluster`` is.
    """

    name: str
    documents: Mapping[str, Document]
    examples: tuple[Example, ...]
    clustered_by: str
    options: Mapping[str, str] = field(default_factory=dict)

    def digest(self) -> str:
        """Return a hash of all questions and documents; equal sets have equal hashes."""
        hashed = hashlib.sha256()
        for name, document in sorted(self.documents.items()):
            hashed.update(f"{name}\0{document.id}\0{document.title}\0".encode())
        for example in self.examples:
            # Sets that search everywhere keep the hash that they had before there was ``within``.
            hashed.update(f"{example!r}{example.within or ''}".encode())
        return hashed.hexdigest()[:16]


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the numbers and texts of the lines of a file that are not blank; of a gzipped one where it ends in .gz.

    Raises:
        DatasetError: the file is not there, cannot be read, or is not UTF-8.
    """
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DatasetError(f"{path} cannot be read ({reason}); check the path.") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8.") from error
    # Not splitlines: a line of JSON may hold U+2028, which is no end of line here.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line


def refuse(problems: Sequence[str]) -> None:
    """Raise all problems as one DatasetError, in the order of their lines."""
    if problems:
        raise DatasetError("\n".join(sorted(problems, key=_place)))


def _place(problem: str) -> tuple[str, int]:
    match = regex.match(r"(.*?):(\d+): ", problem)
    return (match.group(1), int(match.group(2))) if match else (problem, 0)
