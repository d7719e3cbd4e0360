"""Compute retrieval metrics over rankings, with pure functions of what was found and what is relevant.

Ranked items are known by name. The formulas are those of trec_eval and `ranx`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)


def recall_at_k(ranked: Sequence[Name], relevant: Collection[Name], k: int) -> float:
    """Return ``|top k ∩ relevant| / |relevant|``, 0 where nothing is relevant."""
    return len(set(ranked[:k]) & set(relevant)) / len(set(relevant)) if relevant else 0.0


def mrr(ranked: Sequence[Name], relevant: Collection[Name]) -> float:
    """Return ``1 / rank`` of the first relevant, counted from 1; 0 where none is found."""
    return next((1 / rank for rank, name in enumerate(ranked, 1) if name in relevant), 0.0)


def ndcg_at_k(ranked: Sequence[Name], grades: Mapping[Name, float], k: int) -> float:
    """Return ``DCG / ideal DCG``, with ``DCG = sum over the top k of grade / log2(rank + 1)``."""

    def dcg(gains: Sequence[float]) -> float:
        return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains[:k], 1))

    ideal = dcg(sorted(grades.values(), reverse=True))
    return dcg([grades.get(name, 0.0) for name in ranked]) / ideal if ideal else 0.0


def order_against(scores: Mapping[Name, float], relevant: Collection[Name]) -> list[Name]:
    """Return the names by descending score; among equals the irrelevant come first, so that ties count against us."""
    names = list(scores)
    places = {name: place for place, name in enumerate(names)}
    return sorted(names, key=lambda name: (-scores[name], name in relevant, places[name]))


def best_scores(found: Sequence[tuple[Name, float]]) -> dict[Name, float]:
    """Return the best score of each name: documents from their passages."""
    best: dict[Name, float] = {}
    for name, score in found:
        best[name] = max(score, best.get(name, -math.inf))
    return best
