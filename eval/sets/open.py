"""Open a question set by its name on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from eval.sets.beir import load_beir
from eval.sets.dataset import Dataset, Example
from eval.sets.jsonl import load_jsonl
from eval.sets.nomiracl import load_nomiracl
from eval.sets.squad import load_adversarial, load_squad
from eval.sets.variants import Typed, add_distractors, retype
from rag.errors import DatasetError
from rag.files.home import SEEDS

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ROOT / "data" / "conferinta.jsonl"

LeaveOut = Literal["gold", "document"]


def open_dataset(
    spec: str = "",
    *,
    questions: Path | None = None,
    paragraphs: Path | None = None,
    documents: Path | Sequence[Path] | None = None,
    leave_out: LeaveOut | None = None,
    keep: bool = False,
    limit: int | None = None,
    distractors: Path | None = None,
    typed: Typed | None = None,
) -> Dataset:
    """Return a question set.

    Args:
        spec: ``squad:PATH``, ``beir:PATH``, ``adversarial:PATH``, ``nomiracl:PATH``, or the path of a JSONL file;
            empty for the shipped set.
        questions: for squad, a parallel file whose questions to ask.
        paragraphs: for adversarial, the SQuAD file of its paragraphs.
        documents: for JSONL, the folder or folders of its documents; where omitted, the file's own.
        leave_out: make every question unanswerable by keeping its gold document, or that document's whole article,
            from the search.
        keep: with ``leave_out``, ask every question also with nothing left out.
        limit: only that many questions, the first ones.
        distractors: a folder or tar archive of texts that hold nothing relevant, to search among.
        typed: ask the questions as typed without diacritics, or with cedilla letters.

    Raises:
        DatasetError: the set cannot be opened; all problems at once.
    """
    dataset = _load(spec, questions, paragraphs, documents)
    if distractors is not None:
        dataset = add_distractors(dataset, distractors)
    dataset = _merge_duplicates(dataset)
    if typed is not None:
        dataset = retype(dataset, typed)
    # Before anything is left out, so that a set keeps its questions whatever the mode.
    if limit is not None:
        dataset = replace(dataset, examples=dataset.examples[:limit])
    if leave_out is not None:
        dataset = _leave_out(dataset, leave_out, keep)
    given = {"dataset": spec, "questions": questions, "leave_out": leave_out, "limit": limit}
    given |= {"distractors": distractors, "typed": typed}
    options = {name: str(value) for name, value in given.items() if value}
    return replace(dataset, options={**dataset.options, **options})


def _load(
    spec: str, questions: Path | None, paragraphs: Path | None, documents: Path | Sequence[Path] | None
) -> Dataset:
    kind, _, path = spec.partition(":")
    for option, value, wanted in (("questions", questions, "squad"), ("paragraphs", paragraphs, "adversarial")):
        if value is not None and kind != wanted:
            raise DatasetError(f"--{option} goes with --dataset {wanted}:PATH.")
    if documents is not None and kind in ("squad", "beir", "adversarial", "nomiracl"):
        raise DatasetError(f"--documents goes with a JSONL file; {kind}: brings its own documents.")
    if kind == "squad":
        return load_squad(Path(path), questions)
    if kind == "beir":
        return load_beir(Path(path))
    if kind == "adversarial":
        return load_adversarial(Path(path), paragraphs)
    if kind == "nomiracl":
        return load_nomiracl(Path(path))
    if spec:
        return load_jsonl(Path(spec), documents or Path(spec).parent)
    return load_jsonl(SHIPPED, documents or SEEDS)


def _merge_duplicates(dataset: Dataset) -> Dataset:
    """Return the set with documents of equal text as one, since an index holds it once."""
    first: dict[str, str] = {}
    name_of = {name: first.setdefault(document.id, name) for name, document in dataset.documents.items()}
    if len(first) == len(name_of):
        return dataset
    examples = []
    for example in dataset.examples:
        relevant: dict[str, int] = {}
        for name, grade in example.relevant.items():
            relevant[name_of[name]] = max(grade, relevant.get(name_of[name], 0))
        evidence = tuple(
            tuple(replace(span, document=name_of[span.document]) for span in spans) for spans in example.evidence
        )
        within = tuple(dict.fromkeys(name_of[name] for name in example.within))
        examples.append(replace(example, relevant=relevant, evidence=evidence, within=within))
    documents = {name: dataset.documents[name] for name in first.values()}
    return replace(dataset, documents=documents, examples=tuple(examples))


def _leave_out(dataset: Dataset, what: LeaveOut, keep: bool) -> Dataset:
    examples = []
    for example in dataset.examples:
        if not example.answerable:
            continue
        if keep:
            examples.append(example)
        hidden = set(example.relevant)
        if what == "document":
            articles = {_article(dataset, name) for name in hidden}
            hidden = {name for name in dataset.documents if _article(dataset, name) in articles}
        if not set(example.within or dataset.documents) - hidden:
            raise DatasetError(f"--leave-out {what} would leave no document at all to search for {example.id}.")
        examples.append(_unanswerable(example, tuple(sorted(hidden)), what))
    name = f"{dataset.name}, with and without {what}" if keep else f"{dataset.name}, {what} left out"
    return replace(dataset, name=name, examples=tuple(examples))


def _article(dataset: Dataset, name: str) -> str:
    return dataset.documents[name].title if dataset.clustered_by == "article" else name


def _unanswerable(example: Example, hidden: tuple[str, ...], what: LeaveOut) -> Example:
    return replace(
        example,
        id=f"{example.id} without {what}",
        kind="near_miss" if what == "gold" else "off_topic",
        answerable=False,
        relevant={},
        evidence=(),
        answers=(),
        left_out=hidden,
    )
