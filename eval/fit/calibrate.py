"""Fit the confidence model: ``python -m eval.fit.calibrate FOLDER KEPT`` writes ``rag/confidence.json``.

FOLDER has ``data`` and ``cases`` (`eval.fit.sources`), KEPT keeps what was retrieved, for the next time. Confidence is
the probability that the sentences that would be quoted answer the question; so a trial counts as answered where it can
be answered and these sentences do answer it. One model is fitted on evidence with the reader, one on evidence without.
Sources count by `SHARES`, whatever their size. The reported numbers are of models that were fitted without the cluster,
the source, or the language; the shipped weights are fitted on all the data.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eval.fit.sources import sources
from eval.fit.trials import Remembering, Trial, asked
from eval.logistic import Features, parts_of
from eval.refusal_metrics import Flags, auroc
from eval.stats import Doubles
from rag.calibration import SHIPPED, WITH, WITHOUT, FittedFor
from rag.confidence import gather
from rag.fuller import choose_fully
from rag.models.embeddings import BundledEmbedder
from rag.models.reader import PATH, Reader
from rag.models.word_rarity import WordRarity
from rag.read import rank_sentences
from rag.rerank import Read, rerank
from rag.settings import Settings

FOLDS = 8
"""Parts of the cross-validation by cluster. Chosen by eye; not measured."""
SHARES = {"XQuAD": 4.0, "CUAD": 0.1, "ContractNLI": 0.1}
"""What a source counts beside another. XQuAD stands for what is asked of articles in two languages, with its ground
there and gone. In the contracts the gold clause is found for one question in ten, so they say little of confidence."""


@dataclass(frozen=True)
class Row:
    """A trial as it is fitted on: where it is from, whether it can be answered, is answered rightly, and the evidence.

    ``right`` and ``evidence`` are by way: with and without the reader.
    """

    source: str
    language: str
    cluster: str
    kind: str
    answerable: bool
    right: dict[str, bool]
    evidence: dict[str, dict[str, float]]


def rows(trials: Iterator[Trial], read: Read, rarity: WordRarity, sentences: int) -> Iterator[Row]:
    """Yield the evidence of every trial for which there is a sentence at all."""
    for trial in trials:
        right, evidence = {}, {}
        for way in (WITH, WITHOUT):
            seen = rerank(trial.retrieval, read) if way == WITH else trial.retrieval
            ranked = rank_sentences(seen)
            if ranked:
                right[way] = trial.is_right(choose_fully(ranked, sentences, seen.query).sentences)
                evidence[way] = gather(seen, ranked, rarity)
        if evidence:
            one = trial.example
            kind = "removed: " + ("paragraph" if one.kind == "near_miss" else "article") if one.left_out else one.kind
            yield Row(trial.source, one.language, trial.cluster, kind, one.answerable, right, evidence)


def weights_of(some: Sequence[Row], right: Flags) -> Doubles:
    """Return how much each row counts: a source by `SHARES`, and the two outcomes as much as each other."""
    names = [row.source.partition(",")[0] for row in some]
    counts = {name: names.count(name) for name in set(names)}
    weight = np.array([SHARES.get(name, 1.0) / counts[name] for name in names])
    for outcome in (right, ~right):
        weight[outcome] /= weight[outcome].sum()
    return weight * len(some) / 2


def calibrate(some: Sequence[Row], way: str) -> dict[str, Any]:
    """Return weights, intercept and cross-validated numbers, for the evidence with or without the reader."""
    right = np.array([row.right[way] for row in some])
    features = Features.of([row.evidence[way] for row in some])
    weight = weights_of(some, right)
    y = right.astype(np.float64)
    model = features.model(y, weight)
    by: dict[str, Callable[[Row], str]] = {
        "source": lambda row: row.source.partition(",")[0],
        "language": lambda row: row.language,
    }
    held_out = {"cluster": features.held_out(y, list(parts_of([row.cluster for row in some], FOLDS)), weight)}
    for name, group in by.items():
        groups = [group(row) for row in some]
        held_out[name] = features.held_out(
            y, [np.array([g == one for g in groups]) for one in dict.fromkeys(groups)], weight
        )
    return {
        "weights": model.weights,
        "means": model.means,
        "intercept": model.intercept,
        "trials": len(some),
        "held out by": {name: list(numbers(some, p, right)) for name, p in held_out.items()},
    }


def numbers(some: Sequence[Row], p: Doubles, right: Flags) -> Iterator[dict[str, Any]]:
    """Yield for each source how well confidence tells right answers, and answerable questions, from the others."""
    answerable = np.array([row.answerable for row in some])
    for name in dict.fromkeys(row.source for row in some):
        here = np.array([row.source == name for row in some])
        told: dict[str, Any] = {
            "source": name,
            "right": round(float(right[here & answerable].mean()), 4) if (here & answerable).any() else None,
            "auroc of right": _rounded(auroc(p[here], right[here])),
            "auroc of answerable": _rounded(auroc(p[here], answerable[here])),
        }
        if (here & right).any() and (here & ~right).any():
            told["mean confidence"] = {
                "right": round(float(p[here & right].mean()), 4),
                "wrong": round(float(p[here & ~right].mean()), 4),
            }
        yield told


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def main() -> None:
    """Fit and write the weights, and print the numbers."""
    parser = argparse.ArgumentParser(description="Fit the confidence model.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("kept", type=Path)
    parser.add_argument("--reader", type=Path, default=PATH)
    parser.add_argument("--written", type=Path, nargs="*", default=[])
    parser.add_argument("--out", type=Path, default=SHIPPED)
    given = parser.parse_args()
    settings = Settings(home=given.kept)
    embedder = BundledEmbedder(settings.home / "models", print)
    reader = Reader.open(embedder.encoder.weights, embedder.encoder.unigram, given.reader)
    trials = asked(sources(given.folder, given.written), settings, embedder, given.kept)
    found = list(rows(trials, Remembering(reader.read), WordRarity.of(embedder), settings.max_sentences))
    result = {"fitted_for": asdict(FittedFor.now(embedder)), **{way: calibrate(found, way) for way in (WITH, WITHOUT)}}
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(given.out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
