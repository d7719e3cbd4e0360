"""Fit the confidence model: ``python -m eval.calibrate PATH`` writes ``rag/confidence.json``.

PATH is a folder with ``xquad-dev.ro.json`` and ``xquad-dev.en.json``. Every question is asked with its paragraph in
the index, with the paragraph removed, and with its whole article removed or not there, in an index of all articles and
in one of its article alone, so that the weights hold for large and for small corpora. The numbers reported come from
cross-validation by article; the weights shipped from all of it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import rag.confidence
from eval.abstention import auroc
from ingest.load import to_document
from ingest.pipeline import add_document
from rag.confidence import gather
from rag.embeddings import Embedder, open_embedder
from rag.index import Index
from rag.read import rank_sentences
from rag.retrieve import retrieve
from rag.settings import Settings
from rag.surprise import Surprise

LANGUAGES = ("ro", "en")
FOLDS = 8
OVER_REFUSAL = 0.05
SMALL, LARGE = "one article", "all articles"
PRESENT, NO_PARAGRAPH, NO_ARTICLE = "present", "paragraph removed", "article removed"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """A question asked once, and the evidence that was seen."""

    corpus: str
    language: str
    article: int
    ground: str
    evidence: dict[str, float]


def read_questions(folder: Path) -> tuple[list[dict[str, Any]], dict[str, list[list[list[str]]]]]:
    """Return the articles and, by language, the questions by article and paragraph."""
    sets = {name: json.loads((folder / f"xquad-dev.{name}.json").read_text("utf-8"))["data"] for name in LANGUAGES}
    questions = {
        name: [[[q["question"] for q in p["qas"]] for p in article["paragraphs"]] for article in articles]
        for name, articles in sets.items()
    }
    return sets["ro"], questions


def trials(folder: Path, embedder: Embedder, home: Path) -> Iterator[Trial]:
    """Ask every question in every way."""
    articles, questions = read_questions(folder)
    asked = [i for i, paragraphs in enumerate(questions["ro"]) if any(paragraphs)]
    surprise = Surprise.of(embedder)
    for corpus, groups in ((LARGE, [list(range(len(articles)))]), (SMALL, [[i] for i in asked])):
        for group in groups:
            index = Index(Settings(home=home / f"{corpus} {group[0]}"), embedder, create=True)
            ids = {}
            with index.writing():
                for i in group:
                    for j, paragraph in enumerate(articles[i]["paragraphs"]):
                        document = to_document(paragraph["context"], source=f"{i}/{j}", name=articles[i]["title"])
                        ids[i, j] = document.id
                        add_document(document, index, where=f"{i}/{j}")

            def ask(question: str, without: set[str], index: Index = index, ids: Any = ids) -> dict[str, float]:
                left = sorted(set(ids.values()) - without) if without else None
                found = retrieve(index, question, count=6, candidates=50, document_ids=left)
                return gather(found, rank_sentences(found), surprise)

            for language in LANGUAGES:
                for i in asked:
                    own = {ids[i, j] for j in range(len(questions[language][i]))} if i in group else set()
                    if corpus == SMALL and i != group[0] and i != asked[(asked.index(group[0]) + 5) % len(asked)]:
                        continue
                    for j, some in enumerate(questions[language][i]):
                        for question in some:
                            if i in group:
                                yield Trial(corpus, language, i, PRESENT, ask(question, set()))
                                yield Trial(corpus, language, i, NO_PARAGRAPH, ask(question, {ids[i, j]}))
                            if corpus == LARGE or i not in group:
                                yield Trial(corpus, language, i, NO_ARTICLE, ask(question, own))
            index.close()


def fit(x: Floats, y: Floats, weight: Floats, ridge: float = 1.0) -> Floats:
    """Return the coefficients of a ridge logistic regression (the last is the intercept), by Newton's method."""
    x = np.c_[x, np.ones(len(x))]
    penalty = np.diag([ridge] * (x.shape[1] - 1) + [0.0])
    beta = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ beta))
        gradient = x.T @ (weight * (y - p)) - penalty @ beta
        hessian = (x * (weight * p * (1 - p))[:, None]).T @ x + penalty
        step = np.linalg.solve(hessian, gradient)
        beta += step
        if np.abs(step).max() < 1e-8:
            break
    return beta


def calibrate(found: list[Trial]) -> dict[str, Any]:
    """Return weights, intercept, threshold and the cross-validated numbers."""
    names = list(found[0].evidence)
    raw = np.array([[trial.evidence[name] for name in names] for trial in found])
    y = np.array([float(trial.ground == PRESENT) for trial in found])
    article = np.array([trial.article for trial in found])
    weight = np.where(y == 1, (y == 0).sum() / (y == 1).sum(), 1.0)
    mean, spread = raw.mean(0), raw.std(0)
    x = (raw - mean) / spread
    held_out = np.zeros(len(y))
    order = np.random.default_rng(0).permutation(sorted(set(article)))
    for some in np.array_split(order, FOLDS):
        test = np.isin(article, some)
        beta = fit(x[~test], y[~test], weight[~test])
        held_out[test] = 1 / (1 + np.exp(-(x[test] @ beta[:-1] + beta[-1])))
    threshold = float(np.quantile(held_out[y == 1], OVER_REFUSAL))
    beta = fit(x, y, weight)
    weights = beta[:-1] / spread
    return {
        "weights": {name: round(float(w), 5) for name, w in zip(names, weights, strict=True)},
        "intercept": round(float(beta[-1] - weights @ mean), 5),
        "threshold": round(threshold, 4),
        "trials": len(found),
        "cross_validated": list(_numbers(found, held_out, threshold)),
    }


def _numbers(found: list[Trial], p: Floats, threshold: float) -> Iterator[dict[str, Any]]:
    for corpus in (LARGE, SMALL):
        for language in LANGUAGES:
            here = np.array([t.corpus == corpus and t.language == language for t in found])
            ground = np.array([t.ground for t in found])
            present = p[here & (ground == PRESENT)]
            row: dict[str, Any] = {"corpus": corpus, "language": language}
            row["over_refusal"] = round(float((present < threshold).mean()), 4)
            for gone in (NO_ARTICLE, NO_PARAGRAPH):
                absent = p[here & (ground == gone)]
                row[gone] = {
                    "rejected": round(float((absent < threshold).mean()), 4),
                    "auroc": round(_auroc(present, absent), 4),
                }
            yield row


def _auroc(present: Floats, absent: Floats) -> float:
    confidence = np.concatenate([present, absent])
    return auroc(confidence, np.arange(len(confidence)) < len(present)) or 0.0


def main(folder: Path) -> None:
    """Fit and write the weights, and print the numbers."""
    with tempfile.TemporaryDirectory() as home:
        embedder = open_embedder(Settings().embedding_model, Settings().home / "models", print)
        result = calibrate(list(trials(folder, embedder, Path(home))))
    source = Path(rag.confidence.__file__).with_name("confidence.json")
    source.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(source.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
