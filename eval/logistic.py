"""Fit the logistic model of confidence, and measure it on questions that it was not fitted on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from eval.refusal_metrics import BINS, Flags, auroc
from eval.stats import Doubles
from rag.calibration import Logistic

Group = TypeVar("Group", int, str)

PARTS = 8
"""Parts of a cross-validation. Chosen by eye; not measured."""
OVER_REFUSAL = 0.05
"""The share of answerable questions below the threshold that is told."""
SEED = 0
"""Of the parts for cross-validation, so that the same questions always give the same weights and numbers."""


def fit(x: Doubles, y: Doubles, weight: Doubles, ridge: float = 1.0) -> Doubles:
    """Return the coefficients of a ridge logistic regression (the last is the intercept), by Newton's method.

    Args:
        x: features, shape (n, features), each with mean 0 and standard deviation 1.
        y: 1 for what is answered, 0 for what is not, shape (n,).
        weight: how much each row counts, shape (n,).
    """
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


def balanced(y: Doubles) -> Doubles:
    """Return weights with which the answered questions together count as much as the others, those 1 each."""
    return np.where(y == 1, (y == 0).sum() / (y == 1).sum(), 1.0)


@dataclass(frozen=True)
class Features:
    """Evidence as a table: ``x`` has a row for each question and a column for each name, of mean 0 and deviation 1."""

    names: Sequence[str]
    x: Doubles
    mean: Doubles
    spread: Doubles

    @classmethod
    def of(cls, evidence: Sequence[Mapping[str, float]]) -> Features:
        """Return the table; missing evidence takes its mean, and evidence that is always the same is left out."""
        names = list(dict.fromkeys(name for each in evidence for name in each))
        raw = np.array([[each.get(name, np.nan) for name in names] for each in evidence])
        mean = np.nanmean(raw, axis=0)
        raw = np.where(np.isnan(raw), mean, raw)
        spread = raw.std(0)
        varies = spread > 1e-9
        kept = [name for name, one in zip(names, varies, strict=True) if one]
        mean, spread = mean[varies], spread[varies]
        return cls(kept, (raw[:, varies] - mean) / spread, mean, spread)

    def model(self, y: Doubles, weight: Doubles | None = None) -> Logistic:
        """Return the logistic model that was fitted on all rows, its numbers rounded to 5 decimals.

        Args:
            weight: how much each row counts; where omitted, both outcomes together as much as each other.
        """
        beta = fit(self.x, y, balanced(y) if weight is None else weight)
        weights = beta[:-1] / self.spread
        return Logistic(
            {name: round(float(w), 5) for name, w in zip(self.names, weights, strict=True)},
            round(float(beta[-1] - weights @ self.mean), 5),
            {name: round(float(m), 5) for name, m in zip(self.names, self.mean, strict=True)},
        )

    def held_out(self, y: Doubles, parts: Sequence[Flags], weight: Doubles | None = None) -> Doubles:
        """Return the probability of every row from a model that was fitted without its part, shape (n,)."""
        found = np.zeros(len(y))
        weight = balanced(y) if weight is None else weight
        for test in parts:
            beta = fit(self.x[~test], y[~test], weight[~test])
            found[test] = 1 / (1 + np.exp(-(self.x[test] @ beta[:-1] + beta[-1])))
        return found


def parts_of(groups: Sequence[Group], count: int) -> Iterator[Flags]:
    """Yield the rows of each of ``count`` parts, chosen by chance; the rows of a group are in one part."""
    number = {group: place for place, group in enumerate(sorted(set(groups)))}
    group_of = np.array([number[group] for group in groups])
    for some in np.array_split(np.random.default_rng(SEED).permutation(len(number)), count):
        yield np.isin(group_of, some)


@dataclass(frozen=True)
class Numbers:
    """How well confidence tells answered questions from others.

    ``auroc``; the shares ``refused`` of the unanswerable and ``over_refused`` of the answerable questions below the
    threshold; ``brier`` and ``calibration_error``, for which both kinds of questions count as much as each other.
    """

    auroc: float
    refused: float
    over_refused: float
    brier: float
    calibration_error: float

    @classmethod
    def of(cls, confidence: Doubles, answerable: Flags, threshold: float) -> Numbers:
        """Return the numbers of questions of both kinds."""
        y = answerable.astype(np.float64)
        weight = balanced(y)
        weight /= weight.sum()
        which = np.minimum((confidence * BINS).astype(int), BINS - 1)
        off = [abs(float((weight * (y - confidence))[which == one].sum())) for one in np.unique(which)]
        return cls(
            auroc=auroc(confidence, answerable) or 0.0,
            refused=float((confidence[~answerable] < threshold).mean()),
            over_refused=float((confidence[answerable] < threshold).mean()),
            brier=float((weight * (y - confidence) ** 2).sum()),
            calibration_error=sum(off),
        )
