"""Supply as much text as the speed comparison needs: a corpus, repeated with other digits where it ends."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from eval.sets.variants import read_texts
from ingest.load import to_document
from ingest.split import passage_id, split
from rag.types import Document, Passage


def endless_texts(path: Path) -> Iterator[str]:
    """Yield the texts of a folder, an archive or a file, again and again with other digits."""
    texts = [text for _, text in read_texts(path)]
    turn = 0
    while texts:
        yield from (text.translate(_digits(turn)) for text in texts)
        turn += 1


def _digits(turn: int) -> dict[int, str]:
    return {ord("0") + digit: str((digit + turn) % 10) for digit in range(10)} if turn else {}


def first_documents(corpus: Path, characters: int) -> Iterator[Document]:
    """Yield documents that have ``characters`` characters in all."""
    taken = 0
    for number, text in enumerate(endless_texts(corpus)):
        part = text[: characters - taken]
        if part.strip():
            taken += len(part)
            yield to_document(part, source=f"bench/{number}", name=f"bench {number}")
        if taken >= characters:
            return


def endless_documents(corpus: Path, tokens: int, wanted: int) -> Iterator[tuple[Document, list[Passage]]]:
    """Yield the documents of the corpus with their passages, and then again with other digits."""
    known: list[tuple[Document, list[Passage]]] = []
    held = 0
    for number, (_, text) in enumerate(read_texts(corpus)):
        if held >= wanted:
            break
        document = to_document(f"{text}\n\nÎncă o dată.", source=f"more/{number}", name=f"more {number}")
        known.append((document, split(document, tokens)))
        held += len(known[-1][1])
        yield known[-1]
    for turn in itertools.count(1):
        yield from (_again(document, passages, turn) for document, passages in known)


def _again(document: Document, passages: Sequence[Passage], turn: int) -> tuple[Document, list[Passage]]:
    digits = _digits(turn)
    name = f"{document.id}-{turn}"
    source = f"{document.source}/{turn}"
    return replace(document, id=name, source=source, text=document.text.translate(digits)), [
        replace(
            passage,
            id=passage_id(name, passage.start, passage.end, passage.language),
            document_id=name,
            source=source,
            text=passage.text.translate(digits),
        )
        for passage in passages
    ]
