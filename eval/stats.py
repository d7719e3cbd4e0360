"""Compute how certain a number is: bootstrap intervals over clusters, and paired tests between two runs.

Questions about one document succeed and fail together. The bootstrap therefore draws documents
(`Dataset.clustered_by`), not questions. The same seed gives the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
"""One value a question or cluster; `rag.types.Floats` are of half the precision."""
Rows = NDArray[np.intp]

RESAMPLES = 1000
"""Bootstrap samples behind a confidence interval, as is usual."""
FLIPS = 5000
"""Random sign flips of a paired permutation test: the p value is exact to about 0.01."""
LEVEL = 0.95
"""Coverage of the confidence intervals, as is usual."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95% interval, None where there is only one cluster, from ``n`` questions."""

    value: float
    low: float | None
    high: float | None
    n: int


def clustered_mean(values: Sequence[float], clusters: Sequence[Hashable], seed: int = 0) -> Estimate:
    """Return the mean of the values with the percentile interval of a bootstrap over the clusters."""
    x = np.asarray(values, dtype=np.float64)
    sums, sizes = _by_cluster(x, clusters)
    low, high = _interval(float((counts @ sums) / (counts @ sizes)) for counts in _draws(len(sums), seed))
    return Estimate(float(x.mean()), low, high, len(x))


def clustered_statistic(
    statistic: Callable[[Rows], float | None], clusters: Sequence[Hashable], seed: int = 0
) -> Estimate | None:
    """Return a statistic of rows with the interval of a bootstrap over the clusters, None where it is not defined.

    Resamples in which it is not defined (an abstention rate without a single abstention) are left out.
    """
    value = statistic(np.arange(len(clusters)))
    if value is None:
        return None
    low, high = _interval(statistic(rows) for rows in resample_rows(clusters, seed))
    return Estimate(value, low, high, len(clusters))


def resample_rows(clusters: Sequence[Hashable], seed: int = 0) -> list[Rows]:
    """Return the rows of every resample: as many clusters as there are, drawn with replacement, with all their rows."""
    members = _members(clusters)
    return [
        np.concatenate([np.repeat(rows, int(times)) for rows, times in zip(members, counts, strict=True) if times])
        for counts in _draws(len(members), seed)
    ]


def paired_difference(
    before: Sequence[float], after: Sequence[float], clusters: Sequence[Hashable], seed: int = 0
) -> tuple[Estimate, float]:
    """Return the mean of ``after - before`` with its interval, and the p-value of the paired randomisation test."""
    differences = np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64)
    sums, _ = _by_cluster(differences, clusters)
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(FLIPS, len(sums)))
    return clustered_mean(list(differences), clusters, seed), _p_value(signs @ sums, float(sums.sum()))


def randomisation_test(
    difference: Callable[[NDArray[np.bool_]], float | None], clusters: Sequence[Hashable], seed: int = 0
) -> float:
    """Return the p-value of a difference of two runs under exchange of whole clusters between them.

    Args:
        difference: from flags, one a row, that say whose outcomes are exchanged, to the statistic's difference.
    """
    members = _members(clusters)
    random = np.random.default_rng(seed)
    observed = difference(np.zeros(len(clusters), dtype=bool))
    exchanged = []
    for _ in range(RESAMPLES):
        flags = np.zeros(len(clusters), dtype=bool)
        for rows, swap in zip(members, random.random(len(members)) < 0.5, strict=True):
            flags[rows] = swap
        exchanged.append(difference(flags))
    known = np.asarray([value for value in exchanged if value is not None], dtype=np.float64)
    return 1.0 if observed is None else _p_value(known, observed)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values adjusted for testing all m: ``max over j <= i of min(1, (m - j + 1) p_(j))`` (Holm, 1979)."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted


def _p_value(null: Doubles, observed: float) -> float:
    """Return ``(1 + #{|null| >= |observed|}) / (1 + #null)``; the tolerance counts rounding as equal."""
    return float((1 + np.count_nonzero(np.abs(null) >= abs(observed) - 1e-12)) / (1 + len(null)))


def _members(clusters: Sequence[Hashable]) -> list[Rows]:
    rows: dict[Hashable, list[int]] = {}
    for row, cluster in enumerate(clusters):
        rows.setdefault(cluster, []).append(row)
    return [np.asarray(found, dtype=np.intp) for found in rows.values()]


def _by_cluster(values: Doubles, clusters: Sequence[Hashable]) -> tuple[Doubles, Doubles]:
    members = _members(clusters)
    sums = np.asarray([values[rows].sum() for rows in members])
    return sums, np.asarray([len(rows) for rows in members], dtype=np.float64)


def _draws(clusters: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Yield how often each cluster is drawn in each resample; nothing where there is nothing to vary."""
    random = np.random.default_rng(seed)
    for _ in range(RESAMPLES if clusters > 1 else 0):
        yield random.multinomial(clusters, np.full(clusters, 1 / clusters))


def _interval(values: Iterable[float | None]) -> tuple[float | None, float | None]:
    known = [float(value) for value in values if value is not None]
    if not known:
        return None, None
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(known, [tail, 100 - tail])
    return float(low), float(high)
