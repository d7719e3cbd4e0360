"""Turn feedback of the page into draft examples, for a person to correct.

An answer becomes a question with its citations as evidence. A refusal that was liked becomes an unanswerable question.
A refusal that was disliked becomes a question whose evidence is the nearest passage. The note of each example says what
to check.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from eval.sets.dataset import read_lines, refuse
from ingest.load import find_files, load
from rag.errors import DocumentError
from rag.text.language import question_language
from rag.types import Document


class Quote(BaseModel):
    """A citation, or one of the nearest passages of a refusal.

    The document's id is a hash of its text, so that the span says all; older lines hold the words as well.
    """

    model_config = ConfigDict(extra="ignore")
    document_id: str
    start: int
    end: int
    quote: str | None = None


class Short(BaseModel):
    """The short answer inside a citation."""

    model_config = ConfigDict(extra="ignore")
    start: int
    end: int


class Judged(BaseModel):
    """One line of feedback.jsonl."""

    model_config = ConfigDict(extra="ignore")
    id: str
    question: str
    abstained: bool
    citations: list[Quote]
    nearest: list[Quote] = []
    short: Short | None = None
    standalone_question: str = ""
    history: list[str] = []
    liked: bool | None
    comment: str = ""


def draft_feedback(path: Path, documents: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Return examples in Temei's format, and a line for each judgement that none could be made of.

    Args:
        path: the feedback; a later line replaces an earlier one with its id, and null for ``liked`` takes it back.
        documents: the folder of the documents as they were; they are found by their text, whatever their names.

    Raises:
        DatasetError: the file cannot be read, or lines in it are no feedback; every one is named.
    """
    judged = _read(path)
    known = _documents(documents)
    examples: list[dict[str, Any]] = []
    left_out: list[str] = []
    for one in judged.values():
        if one.liked is None:
            continue
        drafted = _draft(one, known)
        if drafted is None:
            left_out.append(f"{one.question!r}: the document it quotes is not in {documents}")
        else:
            examples.append(drafted)
    return examples, left_out


def _read(path: Path) -> dict[str, Judged]:
    judged: dict[str, Judged] = {}
    problems: list[str] = []
    for number, line in read_lines(path):
        try:
            one = Judged.model_validate(json.loads(line))
        except (ValidationError, ValueError, RecursionError):
            problems.append(f"{path}:{number}: not a line of feedback; remove it")
            continue
        before = judged.pop(one.id, None)  # the last judgement counts, in its own place; an earlier comment is kept
        if before is not None and not one.comment and before.liked == one.liked:
            one = one.model_copy(update={"comment": before.comment})
        judged[one.id] = one
    refuse(problems)
    return judged


def _documents(folder: Path) -> dict[str, tuple[str, Document]]:
    """Return the documents of a folder by their id, with their names in it."""
    found: dict[str, tuple[str, Document]] = {}
    for path in find_files([folder])[0] if folder.is_dir() else []:
        name = path.relative_to(folder).as_posix()
        try:
            document = load(path, source=name)
        except DocumentError:
            continue
        found[document.id] = (name, document)
    return found


def _draft(one: Judged, known: Mapping[str, tuple[str, Document]]) -> dict[str, Any] | None:
    answerable = not (one.abstained and one.liked)
    cited = list(_standing(one.citations or one.nearest, known))
    if not cited:
        return None
    name, document = known[cited[0].document_id]
    here = [c for c in cited if c.document_id == document.id]
    here = here[:1] if one.abstained else here
    answers = [document.text[one.short.start : one.short.end]] if one.short else [here[0].quote]
    kind = "follow_up" if one.history else "direct" if answerable else "near_miss"
    return {
        "id": f"feedback-{one.id[:12]}",
        "question": one.question,
        "language": question_language(one.question, {document.language}),
        "kind": kind,
        "document": name,
        "answerable": answerable,
        "evidence": [[{"start": c.start, "end": c.end, "quote": c.quote} for c in here]] if answerable else [],
        "answers": answers if answerable else [],
        "history": one.history,
        "standalone": one.standalone_question if one.history else "",
        "draft": True,
        "note": _note(one),
    }


def _standing(quotes: list[Quote], known: Mapping[str, tuple[str, Document]]) -> Iterator[Quote]:
    for quote in quotes:
        if quote.document_id not in known:
            continue
        text = known[quote.document_id][1].text
        if 0 <= quote.start < quote.end <= len(text):
            there = text[quote.start : quote.end]
            if quote.quote in (None, there):
                yield quote.model_copy(update={"quote": there})


def _note(one: Judged) -> str:
    what = "refusal" if one.abstained else "answer"
    if one.liked:
        do = "check it" if one.abstained else "cut the answers down to the words that answer"
    else:
        do = "the evidence is the nearest passage" if one.abstained else "the evidence is what was quoted"
        do += "; put right what it should have been"
    said = f" The reader said: {one.comment}" if one.comment else ""
    verb = "liked" if one.liked else "disliked"
    return f"Draft: a reader {verb} this {what}; {do}, remove this note and the mark.{said}"
