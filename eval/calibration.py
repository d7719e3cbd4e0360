"""Fit the confidence of an embedding model on a question set, as ``temei calibrate`` does.

Every question is searched and read as Temei does it, its evidence is gathered, and a logistic model learns which
evidence goes with the questions that can be answered. `rag.calibration` keeps the result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from eval.corpus import Advance
from eval.logistic import OVER_REFUSAL, PARTS, Features, Numbers, parts_of
from eval.refusal_metrics import Flags
from eval.retrievals import retrievals
from eval.sets.dataset import Dataset
from eval.sets.open import open_dataset
from ingest.load import find_files, load
from rag.calibration import WITH, WITHOUT, Logistic, shipped_calibration
from rag.confidence import gather
from rag.errors import DatasetError, DocumentError
from rag.models.embeddings import Embedder
from rag.models.reader import open_reader
from rag.models.word_rarity import WordRarity
from rag.read import rank_sentences
from rag.rerank import rerank
from rag.settings import Settings
from rag.types import Document

LEAST = 30
"""Fewest answerable and fewest unanswerable questions. Fitted on so many of the shipped set, drawn 60 times, a
calibration for the bundled weights loaded through sentence-transformers told the other questions apart better than the
shipped one each time (mean AUROC 0.86 against 0.78, Brier score 0.185 against 0.191). With 20 of each one draw in ten
did worse, and the Brier score was no better (0.194)."""


@dataclass(frozen=True)
class Trial:
    """A question that was asked: its evidence with the reader, where there is one, and without."""

    answerable: bool
    cluster: str
    evidence: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Outcome:
    """A fitted calibration with its numbers.

    ``shipped`` are the numbers of the shipped calibration with this embedding model, ``fitted`` those of the new one,
    from cross-validation in parts by ``parts_by``; both with the reader where there is one. ``threshold`` is the
    confidence below which 5% of the answerable questions are.
    """

    models: Mapping[str, Logistic]
    answerable: int
    unanswerable: int
    shipped: Numbers
    fitted: Numbers
    threshold: float
    parts_by: str


def open_questions(
    questions: Path | None, folders: Sequence[Path], report: Callable[[str], None] = lambda line: None
) -> Dataset:
    """Return the question set, with all documents of the folders to search among; the shipped set where none is named.

    Raises:
        DatasetError: it cannot be opened, or has fewer than `LEAST` questions of a kind.
    """
    if questions is None and folders:
        raise DatasetError("--docs needs questions on these documents; name them with --questions FILE.jsonl.")
    dataset = open_dataset("" if questions is None else str(questions), documents=folders or None)
    answerable = sum(example.answerable for example in dataset.examples)
    unanswerable = len(dataset.examples) - answerable
    if min(answerable, unanswerable) < LEAST:
        raise DatasetError(
            f"{dataset.name} has {answerable} answerable and {unanswerable} unanswerable questions, and a calibration "
            f"needs {LEAST} of each, since with fewer it may judge worse than the shipped one; add questions."
        )
    return replace(dataset, documents={**dataset.documents, **_others(dataset, folders, questions, report)})


def _others(
    dataset: Dataset, folders: Sequence[Path], questions: Path | None, report: Callable[[str], None]
) -> dict[str, Document]:
    """Return the documents of the folders that no question is about; the file of the questions is none."""
    known = {document.id for document in dataset.documents.values()}
    found: dict[str, Document] = {}
    files, problems = find_files(folders)
    for path in files:
        if questions is not None and path.samefile(questions):
            continue
        try:
            document = load(path, source=str(path))
        except DocumentError as error:
            problems.append(error.line)
            continue
        if document.id not in known:
            known.add(document.id)
            found[document.source] = document
    for problem in problems:
        report(f"left out: {problem}")
    return found


def ask_all(
    dataset: Dataset,
    settings: Settings,
    embedder: Embedder,
    *,
    report: Callable[[str], None] = lambda line: None,
    advance: Advance = lambda what, done, total: None,
) -> list[Trial]:
    """Ask every question, with the reader and without, and return what was seen."""
    shipped = replace(shipped_calibration(embedder), remark="")
    reader, rarity = open_reader(embedder, settings.home / "models", report), WordRarity.of(embedder)
    trials = []
    for example, found in retrievals(dataset, settings, embedder, shipped, report=report, advance=advance):
        ways = {WITHOUT: found} if reader is None else {WITH: rerank(found, reader.read), WITHOUT: found}
        ranked = {way: rank_sentences(seen) for way, seen in ways.items()}
        if all(ranked.values()):
            evidence = {way: gather(seen, ranked[way], rarity) for way, seen in ways.items()}
            trials.append(Trial(example.answerable, example.cluster, evidence))
    return trials


def calibrate(trials: Sequence[Trial], embedder: Embedder, threshold: float) -> Outcome:
    """Fit the models and measure them; ``threshold`` is the confidence below which Temei refuses."""
    answerable = np.array([trial.answerable for trial in trials])
    y = answerable.astype(np.float64)
    parts, parts_by = _parts(trials, answerable)
    best = WITH if WITH in trials[0].evidence else WITHOUT
    evidence = {way: [trial.evidence[way] for trial in trials] for way in trials[0].evidence}
    features = {way: Features.of(rows) for way, rows in evidence.items()}
    shipped = shipped_calibration(embedder)
    before = np.array([shipped.probability(row, read=best == WITH) for row in evidence[best]])
    after = features[best].held_out(y, parts)
    return Outcome(
        models={way: table.model(y) for way, table in features.items()},
        answerable=int(answerable.sum()),
        unanswerable=int((~answerable).sum()),
        shipped=Numbers.of(before, answerable, threshold),
        fitted=Numbers.of(after, answerable, threshold),
        threshold=float(np.quantile(after[answerable], OVER_REFUSAL)),
        parts_by=parts_by,
    )


def _parts(trials: Sequence[Trial], answerable: Flags) -> tuple[list[Flags], str]:
    """Return the parts for cross-validation and what they are by.

    Questions on the same words are in one part, unless there are too few such groups or one part has all questions of
    a kind; then each question counts alone.
    """
    clusters = [trial.cluster for trial in trials]
    if len(set(clusters)) >= PARTS:
        parts = list(parts_of(clusters, PARTS))
        if all(0 < answerable[~part].sum() < (~part).sum() for part in parts):
            return parts, "subject"
    parts = [np.zeros(len(trials), dtype=bool) for _ in range(PARTS)]
    for kind in (np.flatnonzero(answerable), np.flatnonzero(~answerable)):
        for part, some in zip(parts, parts_of(kind.tolist(), PARTS), strict=True):
            part[kind[some]] = True
    return parts, "question"
