"""Compare two runs on the same questions: what changed, in which examples, and whether it is more than noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from eval.metrics import METRICS, OfSet
from eval.records import Outcomes
from eval.refusal_metrics import Flags
from eval.report.report import GROUP_METRICS, percent
from eval.report.types import Outcome, Report
from eval.stats import Estimate, clustered_statistic, holm, paired_difference, randomisation_test
from rag.errors import DatasetError

SURE = 0.05
"""The p value below which a difference is called sure, as is usual."""


@dataclass(frozen=True)
class Change:
    """The change of one metric: both values, the difference with its interval, and its p-value.

    ``adjusted`` is the p-value that allows for the other main metrics, None for a metric that is not one of them.
    """

    metric: str
    before: float
    after: float
    difference: Estimate
    p: float
    adjusted: float | None = None

    @property
    def sure(self) -> bool:
        """Whether it is a main metric, and its difference more than noise."""
        return self.adjusted is not None and self.adjusted < SURE

    @property
    def better(self) -> bool:
        return (self.difference.value > 0) == METRICS[self.metric].rises


@dataclass(frozen=True)
class Comparison:
    """The changes by metric, and the ids of the examples whose answers became right, or wrong."""

    examples: int
    changes: tuple[Change, ...]
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    left_out: int
    verdict: str


def compare(before: Report, after: Report, *, seed: int = 0) -> Comparison:
    """Compare two reports on the questions they share.

    Differences of means are tested by exchanging whole clusters between the runs at random (approximate
    randomisation, Noreen 1989); the p-values of the main metrics are adjusted for their number (Holm, 1979). A metric
    that applies to an example in one run only (citation precision where the other abstained) is compared without it.

    Raises:
        DatasetError: they share no question.
    """
    theirs = {example.id: example for example in after.examples}
    pairs = [(a, theirs[a.id]) for a in before.examples if _same_question(a, theirs.get(a.id))]
    left_out = len({example.id for example in (*before.examples, *after.examples)}) - len(pairs)
    if not pairs:
        raise DatasetError("The two reports have no question in common; compare two runs of one question set.")
    raw = [change for name in METRICS if (change := _change(name, pairs, seed)) is not None]
    main = [change for change in raw if change.metric in GROUP_METRICS]
    adjusted = dict(zip((c.metric for c in main), holm([c.p for c in main]), strict=True))
    changes = tuple(replace(change, adjusted=adjusted.get(change.metric)) for change in raw)
    good = [(a.id, is_good(a), is_good(b)) for a, b in pairs]
    return Comparison(
        examples=len(pairs),
        changes=changes,
        gained=tuple(name for name, a, b in good if b and not a),
        lost=tuple(name for name, a, b in good if a and not b),
        left_out=left_out,
        verdict=_verdict(changes, len(pairs)),
    )


def _same_question(a: Outcome, b: Outcome | None) -> bool:
    return b is not None and _asked(a) == _asked(b)


def _asked(example: Outcome) -> tuple[object, ...]:
    return example.question, example.history, example.answerable, example.evidence


def is_good(example: Outcome) -> bool:
    """Return whether a question got what it should: the right answer, or a refusal where there is none."""
    return example.abstained != example.answerable and (example.correct or not example.answerable)


def _change(name: str, pairs: Sequence[tuple[Outcome, Outcome]], seed: int) -> Change | None:
    metric = METRICS[name]
    if metric.of_set is not None:
        return _change_of_set(name, metric.of_set, pairs, seed)
    both = [(a, b) for a, b in pairs if name in a.metrics and name in b.metrics]
    if not both:
        return None
    old, new = ([example.metrics[name] for example in side] for side in zip(*both, strict=True))
    difference, p = paired_difference(old, new, [a.cluster for a, _ in both], seed)
    return Change(name, float(np.mean(old)), float(np.mean(new)), difference, p)


def _change_of_set(name: str, of_set: OfSet, pairs: Sequence[tuple[Outcome, Outcome]], seed: int) -> Change | None:
    old, new = (_outcomes(side) for side in zip(*pairs, strict=True))
    clusters = [a.cluster for a, _ in pairs]
    before, after = of_set(old), of_set(new)

    def difference(one: Outcomes, other: Outcomes) -> float | None:
        a, b = of_set(one), of_set(other)
        return None if a is None or b is None else b - a

    def exchanged(flags: Flags) -> float | None:
        return difference(_mixed(old, new, flags), _mixed(new, old, flags))

    estimate = clustered_statistic(lambda rows: difference(old.at(rows), new.at(rows)), clusters, seed)
    if before is None or after is None or estimate is None:
        return None
    p = randomisation_test(exchanged, clusters, seed)
    return Change(name, before, after, estimate, p)


def _outcomes(examples: Sequence[Outcome]) -> Outcomes:
    return Outcomes(
        abstained=np.array([example.abstained for example in examples], dtype=bool),
        answerable=np.array([example.answerable for example in examples], dtype=bool),
        correct=np.array([example.correct for example in examples], dtype=bool),
        confidence=np.array([example.confidence for example in examples], dtype=np.float64),
    )


def _mixed(one: Outcomes, other: Outcomes, flags: Flags) -> Outcomes:
    """Return the first run's outcomes, with the flagged rows taken from the other run."""
    return Outcomes(
        np.where(flags, other.abstained, one.abstained),
        one.answerable,
        np.where(flags, other.correct, one.correct),
        np.where(flags, other.confidence, one.confidence),
    )


def _verdict(changes: Sequence[Change], examples: int) -> str:
    moved = [change for change in changes if change.before != change.after]
    if not moved:
        return f"The two runs are equal in every metric on all {examples} questions."
    sure = [change for change in moved if change.sure]
    if not sure:
        nearest = min(moved, key=lambda change: (change.adjusted is None, change.p))
        return (
            f"No main metric differs by more than noise; the nearest to it is {nearest.metric}, {_points(nearest)} "
            f"(95% interval {_bounds(nearest.difference)}, p = {nearest.p:.3f})."
        )
    better = [f"{c.metric} ({_points(c)}, {_bounds(c.difference)})" for c in sure if c.better]
    worse = [f"{c.metric} ({_points(c)}, {_bounds(c.difference)})" for c in sure if not c.better]
    parts = [f"better in {', '.join(better)}"] if better else []
    parts += [f"worse in {', '.join(worse)}"] if worse else []
    return f"The second run is {' and '.join(parts)}: more than noise. Differences not named here may be noise."


def _points(change: Change) -> str:
    return f"{100 * change.difference.value:+.1f} points"


def _bounds(difference: Estimate) -> str:
    if difference.low is None or difference.high is None:
        return "no interval"
    return f"{100 * difference.low:+.1f} to {100 * difference.high:+.1f}"


def print_comparison(comparison: Comparison, before: Report, after: Report, console: Console) -> None:
    """Print the table of changes, the examples that changed and the verdict."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for number, column in enumerate(("metric", "first", "second", "diff", "95% interval", "p")):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    for change in comparison.changes:
        style = ("green" if change.better else "red") if change.sure else None
        values = [percent(change.before), percent(change.after), f"{100 * change.difference.value:+.1f}"]
        name = change.metric + ("" if METRICS[change.metric].rises else " ↓")
        p = f"{change.p:.3f}{' *' if change.sure else '  '}"
        table.add_row(name, *values, _bounds(change.difference), p, style=style)
    console.print(table)
    console.print("[dim]in %; ↓ lower is better; * more than noise, the main metrics tested together[/]")
    questions = {example.id: example.question for example in (*before.examples, *after.examples)}
    for heading, ids in (("right now, wrong before", comparison.gained), ("wrong now, right before", comparison.lost)):
        if ids:
            console.print(f"\n[bold]{len(ids)} {heading}[/]")
            for name in ids:
                console.print(f"  {escape(name)}  [dim]{escape(questions[name])}[/]")
    if comparison.left_out:
        console.print(f"\n[yellow]{comparison.left_out} questions are in one report only, or differ; left out.[/]")
    console.print(f"\n{escape(comparison.verdict)}")
