"""Read question sets in the layout of BEIR: a corpus, queries, and graded judgements of relevance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from eval.sets.dataset import Dataset, Example, Text, read_lines, refuse
from ingest.load import to_document
from rag.errors import DatasetError, DocumentError
from rag.text.language import detect_language
from rag.types import Document


class _BeirDocument(BaseModel):
    id: Text = Field(alias="_id")
    title: str = ""
    text: str = ""


class _BeirQuery(BaseModel):
    id: Text = Field(alias="_id")
    text: Text


def load_beir(path: Path) -> Dataset:
    """Return a BEIR folder: ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/test.tsv``.

    Raises:
        DatasetError: a file is missing, a line is malformed, or a judgement names what is not there.
    """
    problems: list[str] = []
    documents: dict[str, Document] = {}
    for number, line in read_lines(path / "corpus.jsonl"):
        where = f"{path / 'corpus.jsonl'}:{number}"
        try:
            found = _BeirDocument.model_validate_json(line)
            document = to_document(found.text.strip() or found.title, source=found.id, name=found.id, where=where)
            documents[found.id] = replace(document, title=found.title or found.id)
        except (ValidationError, DocumentError) as error:
            problems.append(f"{where}: {' '.join(str(error).split())}")
    queries: dict[str, str] = {}
    for number, line in read_lines(path / "queries.jsonl"):
        try:
            query = _BeirQuery.model_validate_json(line)
            queries[query.id] = query.text
        except ValidationError as error:
            problems.append(f"{path / 'queries.jsonl'}:{number}: {' '.join(str(error).split())}")
    relevant = _read_qrels(path / "qrels" / "test.tsv", documents, queries, problems)
    refuse(problems)
    examples = [
        Example(name, queries[name], detect_language(queries[name]), "direct", True, grades, name)
        for name, grades in relevant.items()
    ]
    if not examples:
        raise DatasetError(f"{path / 'qrels' / 'test.tsv'} judges nothing relevant.")
    return Dataset(path.name, documents, tuple(examples), "question")


def _read_qrels(
    path: Path, documents: dict[str, Document], queries: dict[str, str], problems: list[str]
) -> dict[str, dict[str, int]]:
    """Return the relevant documents of each query with their grades."""
    relevant: dict[str, dict[str, int]] = {}
    for number, line in read_lines(path):
        columns = line.rstrip("\r").split("\t")
        if number == 1 and columns[-1] == "score":
            continue
        if len(columns) != 3 or not columns[2].lstrip("-").isdigit():
            problems.append(f"{path}:{number}: expected query-id, corpus-id and score, separated by tabs")
        elif columns[0] not in queries:
            problems.append(f"{path}:{number}: there is no query {columns[0]!r}")
        elif columns[1] not in documents:
            problems.append(f"{path}:{number}: there is no document {columns[1]!r}")
        elif int(columns[2]) > 0:
            relevant.setdefault(columns[0], {})[columns[1]] = int(columns[2])
    return relevant
