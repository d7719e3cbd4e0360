"""Fit the confidence model: ``python -m eval.fit.calibrate PATH`` writes ``rag/confidence.json``.

PATH is a folder with ``xquad-dev.ro.json``, ``xquad-dev.en.json`` and ``adversarial-dev.en.jsonl``. Every question is
asked three times: with its paragraph in the index, without the paragraph, and without its whole article. This is done
in an index of all articles and in an index of its article alone, so that the weights fit large and small corpora. The
adversarial questions are asked in the large index. Turkish and Japanese questions about other subjects, from the
reader's data where PATH has it, represent languages in which no answer was seen. One model is fitted on features with
the reader, one on features without. The reported numbers come from cross-validation by article; the shipped weights are
fitted on all the data.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.fit.reader_sets import read_set
from eval.logistic import OVER_REFUSAL, PARTS, Features, parts_of
from eval.refusal_metrics import auroc
from eval.sets.squad import read_adversarial, read_xquad
from eval.stats import Doubles
from ingest.add import add_document
from ingest.load import to_document
from rag.calibration import SHIPPED, WITH, WITHOUT, FittedFor
from rag.confidence import gather
from rag.index.index import Index
from rag.models.embeddings import Embedder, open_embedder
from rag.models.reader import ReaderAnswer, open_reader
from rag.models.word_rarity import WordRarity
from rag.read import rank_sentences
from rag.rerank import Read, rerank
from rag.retrieve import Retrieval, retrieve
from rag.settings import Settings
from rag.types import Passage

LANGUAGES = (("ro", "ro"), ("en", "ro"), ("en", "en"))
"""Of the questions and of the articles."""
ELSEWHERE = (("tr", "tquad-train"), ("ja", "jaquad"))
"""Language and file of questions about other matters."""
OTHERS, OTHERS_EACH = 320, 4
"""Questions of each such file for the index of all articles, and for each of one article."""
SMALL, LARGE = "one article", "all articles"
PRESENT, NO_PARAGRAPH, NO_ARTICLE = "present", "paragraph removed", "article removed"
ANSWERABLE, ADVERSARIAL = "answerable", "adversarial"
"""Grounds of the questions of the adversarial set."""


@dataclass(frozen=True)
class Trial:
    """One asked question, and its evidence with and without the reader."""

    corpus: str
    language: str
    article: int
    ground: str
    evidence: dict[str, dict[str, float]]


class _Remembering:
    """A reader that keeps its results, so that it reads no passage twice for the same question."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._known: dict[tuple[str, str], tuple[ReaderAnswer, ...]] = {}

    def __call__(
        self, question: str, passages: Sequence[Passage], near: Sequence[NDArray[np.float32]]
    ) -> list[tuple[ReaderAnswer, ...]]:
        pairs = zip(passages, near, strict=True)
        fresh = [(passage, at) for passage, at in pairs if (question, passage.id) not in self._known]
        read = self._read(question, [passage for passage, _ in fresh], [at for _, at in fresh])
        for (passage, _), found in zip(fresh, read, strict=True):
            self._known[question, passage.id] = found
        return [self._known[question, passage.id] for passage in passages]


def trials(folder: Path, embedder: Embedder, read: Read, home: Path) -> Iterator[Trial]:
    """Ask every question in every way."""
    sets = {name: read_xquad(folder, name) for name in {language for pair in LANGUAGES for language in pair}}
    rarity = WordRarity.of(embedder)
    others = {language: _others(folder / "reader" / f"{name}.json.gz") for language, name in ELSEWHERE}
    for asked, written in LANGUAGES:
        articles, asking = sets[written], sets[asked]
        questions = [[[q["question"] for q in p["qas"]] for p in article["paragraphs"]] for article in asking]
        wanted = [i for i, paragraphs in enumerate(questions) if any(paragraphs)]
        for corpus, groups in ((LARGE, [list(range(len(articles)))]), (SMALL, [[i] for i in wanted])):
            for group in groups:
                index = Index(Settings(home=home / f"{corpus} {written} {group[0]}"), embedder, create=True)
                ids = _fill(index, articles, group)
                ask = partial(_ask, index, read, rarity, frozenset(ids.values()))
                language = asked if asked == written else f"{asked} on {written}"
                for i in wanted:
                    # One trial of each article that is not in the index is enough.
                    if corpus == SMALL and i != group[0] and i != wanted[(wanted.index(group[0]) + 5) % len(wanted)]:
                        continue
                    own = {ids[i, j] for j in range(len(questions[i]))} if i in group else set()
                    for j, some in enumerate(questions[i]):
                        for question in some:
                            if i in group:
                                yield Trial(corpus, language, i, PRESENT, ask(question, set()))
                                yield Trial(corpus, language, i, NO_PARAGRAPH, ask(question, {ids[i, j]}))
                            if corpus == LARGE or i not in group:
                                yield Trial(corpus, language, i, NO_ARTICLE, ask(question, own))
                if asked == written == "ro":
                    many = range(OTHERS if corpus == LARGE else OTHERS_EACH)
                    for other, asking_else in others.items():
                        for number, question in zip(many, asking_else, strict=False):
                            i = wanted[number % len(wanted)] if corpus == LARGE else group[0]
                            yield Trial(corpus, f"{other} on {written}", i, NO_ARTICLE, ask(question, set()))
                if corpus == LARGE and (asked, written) == ("en", "en"):
                    places = [i for i, article in enumerate(articles) for _ in article["paragraphs"]]
                    for row in read_adversarial(folder / "adversarial-dev.en.jsonl", len(places)).values():
                        ground = ANSWERABLE if row.answerable else ADVERSARIAL
                        yield Trial(corpus, language, places[row.paragraph], ground, ask(row.question, set()))
                index.close()


def _others(path: Path) -> Iterator[str]:
    """Yield the questions of a file in random order; nothing where the file is missing."""
    found = [question.text for question in read_set(path)] if path.exists() else []
    Random(0).shuffle(found)
    yield from found


def _fill(index: Index, articles: Sequence[Any], group: Sequence[int]) -> dict[tuple[int, int], str]:
    """Ingest the paragraphs of some articles and return their document ids."""
    ids = {}
    held = {record.id for record in index.documents()}
    with index.writing():
        for i in group:
            for j, paragraph in enumerate(articles[i]["paragraphs"]):
                document = to_document(paragraph["context"], source=f"{i}/{j}", name=articles[i]["title"])
                ids[i, j] = document.id
                if document.id not in held:
                    add_document(document, index, where=f"{i}/{j}")
    return ids


def _ask(
    index: Index, read: Read, rarity: WordRarity, everything: frozenset[str], question: str, without: set[str]
) -> dict[str, dict[str, float]]:
    left = sorted(everything - without) if without else None
    settings = index.settings
    found = retrieve(index, question, count=settings.top_k, candidates=settings.candidates, document_ids=left)
    ways: dict[str, Retrieval] = {WITH: rerank(found, read), WITHOUT: found}
    return {name: gather(seen, rank_sentences(seen), rarity) for name, seen in ways.items()}


def calibrate(found: list[Trial], way: str) -> dict[str, Any]:
    """Return weights, intercept, threshold and cross-validated numbers, for the evidence with or without the reader."""
    features = Features.of([trial.evidence[way] for trial in found])
    y = np.array([float(trial.ground in (PRESENT, ANSWERABLE)) for trial in found])
    held_out = features.held_out(y, list(parts_of([trial.article for trial in found], PARTS)))
    threshold = float(np.quantile(held_out[y == 1], OVER_REFUSAL))
    model = features.model(y)
    return {
        "weights": model.weights,
        "means": model.means,
        "intercept": model.intercept,
        "threshold": round(threshold, 4),
        "trials": len(found),
        "cross_validated": list(_numbers(found, held_out, threshold)),
    }


def _numbers(found: list[Trial], p: Doubles, threshold: float) -> Iterator[dict[str, Any]]:
    ground = np.array([t.ground for t in found])
    for corpus in (LARGE, SMALL):
        for language in dict.fromkeys(t.language for t in found):
            here = np.array([t.corpus == corpus and t.language == language for t in found])
            row: dict[str, Any] = {"corpus": corpus, "language": language}
            for there, grounds in ((PRESENT, (NO_ARTICLE, NO_PARAGRAPH)), (ANSWERABLE, (ADVERSARIAL,))):
                present = p[here & (ground == there)]
                if len(present):
                    row[f"over_refusal, {there}"] = round(float((present < threshold).mean()), 4)
                for gone in grounds:
                    absent = p[here & (ground == gone)]
                    if len(absent):
                        row[gone] = {"rejected": round(float((absent < threshold).mean()), 4)}
                        if len(present):
                            row[gone]["auroc"] = round(_auroc(present, absent), 4)
            yield row


def _auroc(present: Doubles, absent: Doubles) -> float:
    confidence = np.concatenate([present, absent])
    return auroc(confidence, np.arange(len(confidence)) < len(present)) or 0.0


def main(folder: Path) -> None:
    """Fit and write the weights, and print the numbers."""
    settings = Settings()
    models = settings.home / "models"
    embedder = open_embedder(settings.embedding_model, models, print)
    reader = open_reader(embedder, models)
    if reader is None:
        raise SystemExit("There is no reader beside this embedding model.")
    with tempfile.TemporaryDirectory() as home:
        found = list(trials(folder, embedder, _Remembering(reader.read), Path(home)))
    result = {"fitted_for": asdict(FittedFor.now(embedder)), **{way: calibrate(found, way) for way in (WITH, WITHOUT)}}
    SHIPPED.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(SHIPPED.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
