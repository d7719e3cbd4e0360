"""Read NoMIRACL: questions with ten passages each, which answer it or only look as if they did.

The file has a JSON object in every line, gzipped where its name ends in ``.gz``: ``id``, ``language``, ``question``,
``passages`` and ``subset``, "relevant" or "non_relevant" (Thakur et al., 2024). A question searches its own passages
alone. The file does not say which of them are relevant, so that citing any of them counts; what the set measures is
refusing. Its *hallucination* is one less the abstention recall of a report, its *error* is the over-refusal.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from eval.sets.dataset import Dataset, Example, Text, read_lines, refuse
from eval.sets.squad import Loose
from ingest.load import to_document
from rag.errors import DocumentError
from rag.types import Document


class _Line(Loose):
    id: Text
    language: Text
    question: Text
    passages: list[Text] = Field(min_length=1)
    subset: Literal["relevant", "non_relevant"]


def load_nomiracl(path: Path) -> Dataset:
    """Return the questions of a file, each passage a document named ``id/number``.

    Raises:
        DatasetError: the file cannot be read, or lines in it are malformed; every one is named.
    """
    problems: list[str] = []
    documents: dict[str, Document] = {}
    examples: dict[str, Example] = {}
    for number, text in read_lines(path):
        where = f"{path}:{number}"
        try:
            line = _Line.model_validate(json.loads(text))
            own = {
                f"{line.id}/{n}": to_document(passage, source=f"{line.id}/{n}", name=f"{line.id}/{n}", where=where)
                for n, passage in enumerate(line.passages, 1)
            }
        except (ValidationError, ValueError, RecursionError, DocumentError) as error:
            problems.append(f"{where}: {' '.join(str(error).split())}")
            continue
        if line.id in examples:
            problems.append(f"{where}: the id {line.id!r} is taken")
        documents |= own
        answerable = line.subset == "relevant"
        relevant = dict.fromkeys(own, 1) if answerable else {}
        examples[line.id] = Example(
            line.id, line.question, line.language, line.subset, answerable, relevant, line.id, within=tuple(own)
        )
    if not examples and not problems:
        problems.append(f"{path} has no examples.")
    refuse(problems)
    return Dataset(path.name.partition(".")[0], documents, tuple(examples.values()), "question")
