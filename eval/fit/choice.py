"""Fit the weights by which a sentence is chosen: ``python -m eval.fit.choice FOLDER KEPT [READER]`` prints them.

Of the sentences of the hits, the one that holds the answer should score highest. The weights are those of a conditional
logit (McFadden, 1974): the probability of a sentence is its ``exp(score)`` over that of all sentences of the question,
and the sentences that hold the answer together should be as probable as can be. Only their ratios matter, so the weight
of the similarity is 1. Every source counts alike, whatever its size; the numbers that are told are of weights that were
fitted without the source (`eval.fit.sources`).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from eval.fit.sources import sources
from eval.fit.trials import Remembering, Trial, asked
from eval.stats import Doubles
from rag.agreement import agreement_with
from rag.models.embeddings import BundledEmbedder
from rag.models.reader import PATH, Reader
from rag.read import WEIGHTS, Sentence, rank_sentences
from rag.rerank import rerank
from rag.settings import Settings

RIDGE = 1.0
"""Penalty on the squared weights of standardised evidence, against a source's weight of 100 in all."""
SOURCE_WEIGHT = 100.0


@dataclass(frozen=True)
class Choice:
    """The sentences of an answerable question: their evidence, shape (n, names), and which of them hold the answer."""

    source: str
    x: Doubles
    gold: Doubles


def choices(trials: Sequence[tuple[Trial, Any]], names: Sequence[str]) -> Iterator[Choice]:
    """Yield the choice of every trial where one sentence or more hold the answer, and others do not."""
    for trial, ranked in trials:
        sentences = [s for s in ranked if not s.is_heading]
        gold = np.array([trial.is_gold(s) for s in sentences], dtype=np.float64)
        if trial.example.evidence and 0 < gold.sum() < len(gold):
            x = np.array([[told.get(name, 0.0) for name in names] for told in (_evidence(trial, s) for s in sentences)])
            yield Choice(trial.source, x, gold)


def _evidence(trial: Trial, sentence: Sentence) -> dict[str, float]:
    """Return what may weigh in the choice: what does, and whether the sentence agrees with the question."""
    asked = trial.retrieval
    return {**sentence.evidence, **agreement_with(asked.query, asked.languages, sentence.hit.passage, sentence.span)}


def fit(some: Sequence[Choice]) -> Doubles:
    """Return the weights of the evidence, the first of them 1."""
    every = np.concatenate([c.x for c in some])
    spread = every.std(0)
    spread[spread < 1e-9] = 1.0
    counts = {source: sum(c.source == source for c in some) for source in {c.source for c in some}}
    weights = np.array([SOURCE_WEIGHT / counts[c.source] for c in some])
    starts = np.cumsum([0, *(len(c.x) for c in some)])[:-1]
    sizes = np.array([len(c.x) for c in some])
    x, gold = every / spread, np.concatenate([c.gold for c in some]) > 0

    def loss(beta: Doubles) -> tuple[float, Doubles]:
        scores = x @ beta
        scores -= np.repeat(np.maximum.reduceat(scores, starts), sizes)
        e = np.exp(scores)
        all_, held = np.add.reduceat(e, starts), np.add.reduceat(e * gold, starts)
        p, q = e / np.repeat(all_, sizes), e * gold / np.repeat(held, sizes)
        value = float((weights * (np.log(all_) - np.log(held))).sum() + RIDGE / 2 * (beta**2).sum())
        return value, x.T @ ((p - q) * np.repeat(weights, sizes)) + RIDGE * beta

    found = minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B").x / spread
    return np.asarray(found / found[0], dtype=np.float64)


def best_is_gold(some: Sequence[Choice], weights: Doubles) -> dict[str, float]:
    """Return by source how often the sentence with the highest score holds the answer."""
    right: dict[str, list[float]] = {}
    for choice in some:
        right.setdefault(choice.source, []).append(float(choice.gold[int((choice.x @ weights).argmax())]))
    return {source: round(float(np.mean(values)), 4) for source, values in right.items()}


def main() -> None:
    """Fit, and print the weights and what they are worth."""
    parser = argparse.ArgumentParser(description="Fit the weights by which a sentence is chosen.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("kept", type=Path)
    parser.add_argument("reader", type=Path, nargs="?", default=PATH)
    given = parser.parse_args()
    settings = Settings(home=given.kept)
    embedder = BundledEmbedder(settings.home / "models")
    reader = Remembering(Reader.open(embedder.encoder.weights, embedder.encoder.unigram, given.reader).read)
    trials = [
        (trial, rank_sentences(rerank(trial.retrieval, reader)))
        for trial in asked(sources(given.folder), settings, embedder, given.kept)
        if trial.example.evidence
    ]
    names = list(dict.fromkeys(name for trial, ranked in trials for s in ranked for name in _evidence(trial, s)))
    some = list(choices(trials, names))
    now = np.array([WEIGHTS.get(name, 0.0) for name in names])
    weights = fit(some)
    held_out = {
        source: best_is_gold([c for c in some if c.source == source], fit([c for c in some if c.source != source]))
        for source in dict.fromkeys(c.source for c in some)
    }
    print(
        json.dumps(
            {
                "weights": dict(zip(names, np.round(weights, 4).tolist(), strict=True)),
                "best is gold": {"now": best_is_gold(some, now), "fitted": best_is_gold(some, weights)},
                "fitted without the source": held_out,
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
