"""Make a question set harder: add documents that answer nothing, or type the questions as people type."""

from __future__ import annotations

import tarfile
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

from eval.sets.dataset import Dataset
from ingest.load import to_document
from rag.errors import DatasetError, DocumentError

Typed = Literal["no-diacritics", "cedilla"]
_CEDILLA = str.maketrans("șțȘȚ", "şţŞŢ")
_SUFFIXES = (".md", ".txt")


def read_texts(path: Path) -> Iterator[tuple[str, str]]:
    """Yield name and text of the Markdown and text files of a folder or a tar archive, or of one file, by name.

    Raises:
        DatasetError: the path or a file in it cannot be read.
    """
    try:
        if path.is_dir():
            for file in sorted(file for file in path.rglob("*") if file.suffix in _SUFFIXES and file.is_file()):
                yield file.relative_to(path).as_posix(), file.read_text(encoding="utf-8")
        elif tarfile.is_tarfile(path):
            with tarfile.open(path) as archive:
                # Read as they stand there: to read a compressed archive in another order takes minutes.
                files = {m.name: archive.extractfile(m) for m in archive if m.name.endswith(_SUFFIXES) and m.isfile()}
                texts = {name: stream.read().decode("utf-8") for name, stream in files.items() if stream is not None}
            yield from sorted(texts.items())
        else:
            yield path.name, path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError, tarfile.TarError) as error:
        raise DatasetError(f"{path} cannot be read as text or a tar archive of texts ({error}).") from error


def add_distractors(dataset: Dataset, path: Path) -> Dataset:
    """Return the set among the documents of ``path``, which are taken to hold nothing that its questions ask for."""
    documents = dict(dataset.documents)
    for name, text in read_texts(path):
        source = f"distractors/{name}"
        try:
            documents[source] = to_document(text, source=source, name=Path(name).stem)
        except DocumentError:
            continue  # a file without text distracts nobody
    more = len(documents) - len(dataset.documents)
    if not more:
        raise DatasetError(f"{path} holds no text to search among ({', '.join(_SUFFIXES)}).")
    return replace(dataset, name=f"{dataset.name}, among {more} other documents", documents=documents)


def retype(dataset: Dataset, how: Typed) -> Dataset:
    """Return the set with its questions typed differently; their meaning and evidence stay the same."""
    examples = [
        replace(
            example,
            question=retyped(example.question, how),
            history=tuple(retyped(question, how) for question in example.history),
        )
        for example in dataset.examples
    ]
    return replace(dataset, name=f"{dataset.name}, typed {how}", examples=tuple(examples))


def retyped(question: str, how: Typed) -> str:
    """Return a question without diacritics, or with the cedilla letters ş ţ that old Romanian keyboards type."""
    composed = unicodedata.normalize("NFC", question)
    if how == "cedilla":
        return composed.translate(_CEDILLA)
    apart = unicodedata.normalize("NFD", composed)
    return unicodedata.normalize("NFC", "".join(letter for letter in apart if not unicodedata.combining(letter)))
