"""Compute metrics of refusal and confidence over a whole set, with pure functions of arrays with one entry a question.

``correct`` says whether the answer was right, or would have been right without the refusal. An answer to an
unanswerable question is never correct.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eval.stats import Doubles

Flags = NDArray[np.bool_]

BINS = 10
"""Bins of the expected calibration error, as is usual."""


def abstention_precision(abstained: Flags, answerable: Flags) -> float | None:
    """Return ``|abstained and unanswerable| / |abstained|``, None where Temei never abstained."""
    return _share(~answerable, abstained)


def abstention_recall(abstained: Flags, answerable: Flags) -> float | None:
    """Return ``|abstained and unanswerable| / |unanswerable|``, None where all are answerable."""
    return _share(abstained, ~answerable)


def over_refusal(abstained: Flags, answerable: Flags) -> float | None:
    """Return ``|abstained and answerable| / |answerable|``, None where none is answerable."""
    return _share(abstained, answerable)


def _share(of: Flags, among: Flags) -> float | None:
    return float(np.count_nonzero(of & among) / np.count_nonzero(among)) if among.any() else None


def risk_coverage(confidence: Doubles, correct: Flags) -> tuple[Doubles, Doubles]:
    """Return coverages ``i / n`` and risks: the share of wrong answers among the ``i`` most confident, i = 1..n.

    Within a tie every order is as likely, so a tied answer counts as the mean of its tie (El-Yaniv & Wiener, 2010).
    """
    order = np.argsort(-confidence, kind="stable")
    _, tie = np.unique(-confidence[order], return_inverse=True)
    wrong = 1.0 - correct[order].astype(np.float64)
    mean = np.bincount(tie, weights=wrong) / np.bincount(tie)
    count = np.arange(1, len(order) + 1)
    return count / len(order), np.cumsum(mean[tie]) / count


def aurc(confidence: Doubles, correct: Flags) -> float | None:
    """Return the area under the risk-coverage curve, the mean of its risks; lower is better, 0 is perfect."""
    return float(risk_coverage(confidence, correct)[1].mean()) if len(confidence) else None


def auroc(confidence: Doubles, positive: Flags) -> float | None:
    """Return the probability that a positive has more confidence than a negative, ties counting half (Mann-Whitney).

    None where there is only one kind.
    """
    ups = int(np.count_nonzero(positive))
    downs = len(positive) - ups
    if not ups or not downs:
        return None
    _, place, size = np.unique(confidence, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(size) - (size - 1) / 2)[place]
    return float((ranks[positive].sum() - ups * (ups + 1) / 2) / (ups * downs))


def reliability(confidence: Doubles, correct: Flags, bins: int = BINS) -> list[tuple[float, float, int]]:
    """Return for every bin of equal width that is not empty: mean confidence, share correct, number of answers."""
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        (float(confidence[which == b].mean()), float(correct[which == b].mean()), int(np.count_nonzero(which == b)))
        for b in np.unique(which)
    ]


def expected_calibration_error(confidence: Doubles, correct: Flags, bins: int = BINS) -> float | None:
    """Return ``sum over bins of (n_b / n) |share correct_b - mean confidence_b|`` (Guo et al., 2017)."""
    if not len(confidence):
        return None
    rows = reliability(confidence, correct, bins)
    return sum(size * abs(right - sure) for sure, right, size in rows) / len(confidence)


def percentile(seconds: Doubles, percent: float) -> float:
    """Return the smallest value that at least ``percent`` of the values do not exceed (nearest rank); 0 for none."""
    if not len(seconds):
        return 0.0
    rank = max(int(np.ceil(percent / 100 * len(seconds))), 1)
    return float(np.sort(seconds)[rank - 1])
