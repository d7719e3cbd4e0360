"""The values of a report, as it is computed, shown and compared; their fields stand in the order of the JSON file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from eval.records import Found, Quoted
from eval.sets.dataset import Evidence
from eval.stats import Estimate


@dataclass(frozen=True, slots=True)
class SetSummary:
    """What question set was asked: its size, and what its clusters are (`Dataset.clustered_by`)."""

    name: str
    digest: str
    examples: int
    answerable: int
    documents: int
    clustered_by: str
    clusters: int
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Group:
    """The metrics by name of ``n`` examples of one language or kind."""

    n: int
    metrics: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Percentiles of the time that a question took, in milliseconds."""

    p50_ms: float
    p95_ms: float
    p99_ms: float

    def named(self) -> dict[str, float]:
        """Return the percentiles by their short names: p50, p95, p99."""
        return {name.removesuffix("_ms"): value for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class BaselineSummary:
    """Another way of searching: its metrics over all examples, and by example id."""

    title: str
    metrics: Mapping[str, Estimate]
    examples: Mapping[str, Mapping[str, float]]
    latency: Percentiles


@dataclass(frozen=True, slots=True)
class Curves:
    """Points of the plots.

    ``risk_coverage`` holds pairs of coverage and risk, ``reliability`` mean confidence, share of right answers and
    number of answers of each bin; ``coverage`` and ``risk`` are those at the ``threshold`` of the settings.
    """

    risk_coverage: tuple[tuple[float, float], ...]
    threshold: float
    coverage: float
    risk: float
    reliability: tuple[tuple[float, float, int], ...]


@dataclass(frozen=True, slots=True)
class Latency:
    """When and where the run was measured, and the time of each stage of a question; ``total`` is among them."""

    date: str
    machine: str
    stages: Mapping[str, Percentiles]


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as it was shown, or as it would have been."""

    text: str
    mode: str
    citations: tuple[Quoted, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question with its gold evidence and what came of it.

    ``correct`` judges ``answer``, or where Temei abstained ``had_it_answered``, which is None otherwise. ``metrics``
    are those that apply to the question; ``latency`` is in seconds by stage.
    """

    id: str
    question: str
    history: tuple[str, ...]
    language: str
    kind: str
    answerable: bool
    cluster: str
    answers: tuple[str, ...]
    relevant: Mapping[str, int]
    evidence: tuple[tuple[Evidence, ...], ...]
    standalone_question: str
    abstained: bool
    confidence: float
    correct: bool
    answer: Given
    hits: tuple[Found, ...]
    metrics: Mapping[str, float]
    latency: Mapping[str, float]
    had_it_answered: Given | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A run: what was asked and how, metrics with intervals, groups, baselines, curves, every question's outcome."""

    format: int
    dataset: SetSummary
    settings: Mapping[str, Any]
    seed: int
    commit: str
    versions: Mapping[str, str]
    metrics: Mapping[str, Estimate]
    by_language: Mapping[str, Group]
    by_kind: Mapping[str, Group]
    baselines: Mapping[str, BaselineSummary]
    curves: Curves
    latency: Latency
    examples: tuple[Outcome, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object that ``temei eval --json`` writes."""
        report = asdict(self)
        for example in report["examples"]:
            if example["had_it_answered"] is None:
                del example["had_it_answered"]
        return report
