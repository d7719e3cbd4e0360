"""Read question sets in the format of SQuAD, and adversarial questions about SQuAD's paragraphs.

Every paragraph of a SQuAD file becomes a document of its own, named ``Title/number``; the first number is 1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from eval.sets.dataset import Dataset, Evidence, Example, Text, read_lines, refuse
from ingest.load import to_document
from ingest.split import sentence_spans
from rag.errors import DatasetError
from rag.text.language import detect_language
from rag.types import Document, Span


class Loose(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _GoldAnswer(Loose):
    text: Text
    answer_start: int = Field(ge=0)


class _Question(Loose):
    id: str
    question: Text
    answers: list[_GoldAnswer] = []
    is_impossible: bool = False


class _Paragraph(Loose):
    context: Text
    qas: list[_Question] = []


class _Article(Loose):
    title: Text
    paragraphs: list[_Paragraph]


class _Squad(Loose):
    data: list[_Article]


def read_xquad(folder: Path, language: str) -> list[Any]:
    """Return the articles of ``xquad-dev.LANGUAGE.json`` as they stand there, in the same order in every language."""
    found: list[Any] = json.loads((folder / f"xquad-dev.{language}.json").read_text(encoding="utf-8"))["data"]
    return found


class AdversarialQuestion(BaseModel):
    """A question about a paragraph by its number from 0, and whether that answers it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    question: Text
    paragraph: int = Field(ge=0)
    answerable: bool


@dataclass(frozen=True)
class _Place:
    """A paragraph of a SQuAD file: its name as a document, its article, and the paragraph."""

    name: str
    article: str
    paragraph: _Paragraph


def load_squad(path: Path, questions: Path | None = None) -> Dataset:
    """Return the questions of a SQuAD file, or those of a parallel file, over its paragraphs.

    Raises:
        DatasetError: a file is not SQuAD, an answer is not where it says, or the files are not parallel.
    """
    places = list(_places(_read_squad(path)))
    asked = places if questions is None else list(_places(_read_squad(questions)))
    refuse(_not_parallel(places, asked, path, questions))
    documents = {place.name: _document(place) for place in places}
    language = _language(q.question for place in asked for q in place.paragraph.qas)
    problems: list[str] = []
    examples = []
    for place, other in zip(places, asked, strict=True):
        for gold, question in zip(place.paragraph.qas, other.paragraph.qas, strict=True):
            for answer in gold.answers:
                end = answer.answer_start + len(answer.text)
                if place.paragraph.context[answer.answer_start : end] != answer.text:
                    problems.append(f"{path}: {gold.id}: {answer.text!r} is not at {answer.answer_start}-{end}")
            examples.append(_squad_example(place, gold, question.question, language, documents[place.name]))
    refuse(problems)
    if not examples:
        raise DatasetError(f"{path} has no questions.")
    name = path.stem if questions is None else f"{questions.stem} on {path.stem}"
    return Dataset(name, documents, tuple(examples), "article")


def _read_squad(path: Path) -> _Squad:
    text = "\n".join(line for _, line in read_lines(path))
    try:
        return _Squad.model_validate(json.loads(text))
    except ValidationError as error:
        raise DatasetError(
            "\n".join(f"{path}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:20])
        ) from error
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path} is not JSON ({error}); is it a SQuAD file?") from error


def _places(squad: _Squad) -> Iterator[_Place]:
    for article in squad.data:
        for number, paragraph in enumerate(article.paragraphs, 1):
            yield _Place(f"{article.title}/{number}", article.title, paragraph)


def _document(place: _Place) -> Document:
    document = to_document(place.paragraph.context, source=place.name, name=place.article)
    return replace(document, title=place.article.replace("_", " "))


def _language(texts: Iterator[str]) -> str:
    """Return the language that many questions are in; a single one is too short to tell by."""
    return detect_language("\n".join(texts))


def _not_parallel(places: Sequence[_Place], asked: Sequence[_Place], path: Path, other: Path | None) -> list[str]:
    if len(places) != len(asked):
        return [f"{other} has {len(asked)} paragraphs, {path} has {len(places)}; they are not parallel."]
    return [
        f"{other}: the questions of paragraph {number} are not those of {path}; the files are not parallel."
        for number, (a, b) in enumerate(zip(places, asked, strict=True))
        if [q.id for q in a.paragraph.qas] != [q.id for q in b.paragraph.qas]
    ]


def _squad_example(place: _Place, gold: _Question, question: str, language: str, document: Document) -> Example:
    answerable = bool(gold.answers) and not gold.is_impossible
    evidence = dict.fromkeys(
        (evidence_of(place.name, document, (one.answer_start, one.answer_start + len(one.text))),)
        for one in gold.answers
    )
    return Example(
        id=gold.id,
        question=question,
        language=language,
        kind="direct" if answerable else "near_miss",
        answerable=answerable,
        relevant={place.name: 1} if answerable else {},
        cluster=place.article,
        evidence=tuple(evidence) if answerable else (),
        answers=tuple(dict.fromkeys(answer.text for answer in gold.answers)) if answerable else (),
    )


def evidence_of(name: str, document: Document, answer: Span) -> Evidence:
    """Return the sentence that holds a gold answer, or the run of sentences that it reaches over."""
    first, last = answer
    touched = [
        (start, end) for start, end in sentence_spans(document.text, document.language) if start < last and first < end
    ]
    start, end = (min(touched)[0], max(touched)[1]) if touched else (first, last)
    start, end = min(start, first), max(end, last)
    return Evidence(name, start, end, document.text[start:end], (answer,))


def read_adversarial(path: Path, paragraphs: int, where: str = "the SQuAD file") -> dict[int, AdversarialQuestion]:
    """Return the questions of a file by the number of their line; ``paragraphs`` is how many there are to ask about.

    Raises:
        DatasetError: a line is malformed, or asks about a paragraph that ``where`` does not have.
    """
    problems: list[str] = []
    rows: dict[int, AdversarialQuestion] = {}
    for number, line in read_lines(path):
        try:
            row = AdversarialQuestion.model_validate(json.loads(line))
            if row.paragraph >= paragraphs:
                raise ValueError(f"there is no paragraph {row.paragraph}, {where} has {paragraphs}")
            rows[number] = row
        except ValidationError as error:
            problems += [f"{path}:{number}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        except (ValueError, RecursionError) as error:
            problems.append(f"{path}:{number}: {error}")
    refuse(problems)
    return rows


def load_adversarial(path: Path, paragraphs: Path | None = None) -> Dataset:
    """Return questions of which some only look answerable, over the paragraphs of a SQuAD file.

    Raises:
        DatasetError: a line is malformed, or the paragraphs are not found.
    """
    squad = paragraphs or _beside(path)
    places = list(_places(_read_squad(squad)))
    rows = read_adversarial(path, len(places), str(squad))
    language = _language(row.question for row in rows.values())
    examples = [
        Example(
            id=f"line-{number}",
            question=row.question,
            language=language,
            kind="direct" if row.answerable else "near_miss",
            answerable=row.answerable,
            relevant={places[row.paragraph].name: 1} if row.answerable else {},
            cluster=places[row.paragraph].article,
        )
        for number, row in rows.items()
    ]
    documents = {place.name: _document(place) for place in places}
    return Dataset(path.stem, documents, tuple(examples), "article", {"paragraphs": str(squad)})


def _beside(path: Path) -> Path:
    """Return the SQuAD file in the same folder whose name ends alike (``.en.json`` for ``.en.jsonl``)."""
    ending = "".join(path.suffixes[-2:]).removesuffix("l")
    found = sorted(path.parent.glob(f"*{ending}"))
    if len(found) != 1:
        raise DatasetError(f"{len(found)} files beside {path} end in {ending}; name the right one with --paragraphs.")
    return found[0]
