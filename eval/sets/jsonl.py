"""Read Temei's own question sets: one JSON object a line, checked against the documents.

``eval/data/README.md`` describes the fields. All problems of a file are reported together, each with its file and line.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import regex
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from eval.sets.dataset import Dataset, Evidence, Example, Text, read_lines, refuse
from ingest.load import find_files, load
from rag.errors import DocumentError
from rag.types import Document, Span

ANSWERED = frozenset(["direct", "paraphrase", "misspelt", "no_diacritics", "multi_sentence"])
"""Kinds of the shipped set that can be answered; `REFUSED` cannot, a ``follow_up`` may be either."""
REFUSED = frozenset(["near_miss", "off_topic"])
Kind = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
"""One of the kinds above, or one of one's own, which may be answerable or not and have a history or none."""


class _Span(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    start: int = Field(ge=0)
    end: int = Field(ge=1)
    quote: Text
    document: Text | None = None
    """Where it stands, if not in the question's document."""


class Line(BaseModel):
    """One line of Temei's own format."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: Text
    question: Text
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
    kind: Kind
    document: Text
    answerable: bool
    evidence: list[list[_Span]] = []
    answers: list[Text] = []
    history: list[Text] = []
    standalone: str | None = None
    within: list[Text] = []
    """The documents to search in; all of them where it is empty."""
    draft: bool = False
    note: str = ""


def load_jsonl(path: Path, documents: Path | Sequence[Path]) -> Dataset:
    """Return a question set in Temei's own format over the documents in a folder, or in several.

    Raises:
        DatasetError: every problem of the file, one a line, with its place.
    """
    problems: list[str] = []
    lines: list[tuple[str, Line]] = []
    for number, text in read_lines(path):
        where = f"{path}:{number}"
        try:
            lines.append((where, Line.model_validate(json.loads(text))))
        except (ValueError, RecursionError) as error:
            problems += _explain(where, error)
    folders = [documents] if isinstance(documents, Path) else documents
    known = _load_documents(folders, {name for _, line in lines for name in _named(line)}, problems)
    first: dict[str, str] = {}
    for where, line in lines:
        if line.id in first:
            problems.append(f"{where}: the id {line.id!r} is taken by {first[line.id]}")
        first.setdefault(line.id, where)
        problems += [f"{where}: {problem}" for problem in _check(line, known)]
    if not lines and not problems:
        problems.append(f"{path} has no examples.")
    refuse(problems)
    used = {known[name].source: known[name] for _, line in lines for name in _named(line)}
    return Dataset(
        name=path.stem,
        documents=used,
        examples=tuple(_cluster([_example(line, known) for _, line in lines], len(used))),
        clustered_by="document" if len(used) > 1 else "evidence",
        options={"drafts": str(sum(line.draft for _, line in lines))},
    )


def _named(line: Line) -> list[str]:
    """Return the documents that a line names."""
    spans = [span.document for alternative in line.evidence for span in alternative if span.document]
    return list(dict.fromkeys([line.document, *spans, *line.within]))


def _explain(where: str, error: Exception) -> list[str]:
    if isinstance(error, ValidationError):
        return [f"{where}: {'.'.join(map(str, e['loc'])) or 'line'}: {e['msg']}" for e in error.errors()]
    if isinstance(error, json.JSONDecodeError):
        return [f"{where}: not JSON: {error.msg} at column {error.colno}"]
    return [f"{where}: not JSON: {type(error).__name__}"]


def _load_documents(folders: Sequence[Path], names: Iterable[str], problems: list[str]) -> dict[str, Document]:
    """Return the documents that are named, by the name as given: a path below a folder, its suffix optional."""
    wanted = set(names)
    known: dict[str, Document] = {}
    for folder in folders:
        if not folder.is_dir():
            problems.append(f"{folder} is not a folder; name the folder of the documents with --documents.")
            continue
        files: dict[str, Path] = {}
        for path in find_files([folder])[0]:
            relative = path.relative_to(folder)
            files.setdefault(relative.with_suffix("").as_posix(), path)
            files[relative.as_posix()] = path
        for name in sorted(wanted & set(files)):
            if name in known:
                problems.append(f"{files[name]} has the name of another document, {name!r}; rename one of them.")
                continue
            try:
                known[name] = load(files[name], source=files[name].relative_to(folder).as_posix())
            except DocumentError as error:
                problems.append(str(error))
    return known


def _check(line: Line, documents: Mapping[str, Document]) -> Iterator[str]:
    for name in _named(line):
        if name not in documents:
            yield f"there is no document {name!r}"
    if line.answerable and not line.evidence:
        yield "an answerable question needs evidence"
    if not line.answerable and (line.evidence or line.answers):
        yield "an unanswerable question has no evidence and no answers"
    if line.kind in (REFUSED if line.answerable else ANSWERED):
        yield f"a question of the kind {line.kind} cannot be {'' if line.answerable else 'un'}answerable"
    if line.kind == "follow_up" and not line.history:
        yield "a follow_up has a history"
    if line.kind in ANSWERED | REFUSED and line.history:
        yield f"a question of the kind {line.kind} has no history"
    for number, alternative in enumerate(line.evidence, 1):
        if not alternative:
            yield f"alternative {number} of the evidence is empty"
        for span in alternative:
            yield from _check_span(line, span, documents)


def _check_span(line: Line, span: _Span, documents: Mapping[str, Document]) -> Iterator[str]:
    name = span.document or line.document
    document = documents.get(name)
    if document is not None and document.text[span.start : span.end] != span.quote:
        yield f"{span.quote!r} is not at {span.start}-{span.end} of {name}{_found(document, span)}"
    if line.within and name not in line.within:
        yield f"the evidence stands in {name}, which is not among the documents to search within"


def _found(document: Document, span: _Span) -> str:
    places = [m.start() for m in regex.finditer(regex.escape(span.quote), document.text)]
    nearest = min(places, key=lambda at: abs(at - span.start), default=None)
    return ", nor anywhere else in it" if nearest is None else f", but at {nearest}-{nearest + len(span.quote)}"


def _example(line: Line, documents: Mapping[str, Document]) -> Example:
    def evidence(span: _Span) -> Evidence:
        answers = tuple(find_answers(span.quote, span.start, line.answers))
        name = documents[span.document or line.document].source
        return Evidence(name, span.start, span.end, span.quote, answers)

    alternatives = tuple(tuple(map(evidence, spans)) for spans in line.evidence)
    return Example(
        id=line.id,
        question=line.question,
        language=line.language,
        kind=line.kind,
        answerable=line.answerable,
        relevant={span.document: 1 for spans in alternatives for span in spans},
        cluster=documents[line.document].source,
        evidence=alternatives,
        answers=tuple(line.answers),
        history=tuple(line.history),
        standalone=line.standalone or "",
        within=tuple(documents[name].source for name in line.within),
    )


def find_answers(quote: str, start: int, answers: Iterable[str]) -> Iterator[Span]:
    """Yield where the answers stand in a quote that begins at ``start``, as whole words, whatever their case."""
    for answer in dict.fromkeys(answers):
        for match in regex.finditer(rf"(?<!\w){regex.escape(answer)}(?!\w)", quote, regex.IGNORECASE):
            yield start + match.start(), start + match.end()


def _cluster(examples: list[Example], documents: int) -> list[Example]:
    """Return the examples clustered: by document, or in a set over one document by the evidence they share.

    Questions whose evidence overlaps, directly or through others, are one cluster (a question and its translations
    are not independent); a question without evidence is a cluster of its own.
    """
    if documents > 1:
        return examples
    spans = sorted((e.start, e.end) for x in examples for alternative in x.evidence for e in alternative)
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))

    def name(example: Example) -> str:
        if not example.evidence:
            return example.id
        first = example.evidence[0][0]
        return next(f"{start}-{end}" for start, end in merged if start <= first.start < end)

    return [replace(example, cluster=name(example)) for example in examples]
