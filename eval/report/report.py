"""Print a report in the terminal, and write and read it as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from eval.metrics import METRICS, RETRIEVAL
from eval.report.summary import FORMAT
from eval.report.types import Group, Report
from eval.stats import Estimate
from rag.errors import DatasetError

GROUP_METRICS = {
    "recall_at_1": "found first",
    "document_recall_at_1": "doc. first",
    "answer_containment": "right answer",
    "correct_and_cited": "rightly cited",
    "citation_precision_sentence": "cited is gold",
    "citation_recall_sentence": "gold is cited",
    "abstention_recall": "refused rightly",
    "over_refusal": "refused wrongly",
}
"""The main metrics, which are shown for each language and each kind of question, with a short heading."""


NARROW = ("recall_at_1", "recall_at_5", "ndcg_at_10", "document_recall_at_1", "document_ndcg_at_10")
"""The retrieval metrics that a narrow terminal has room for."""


def write_json(report: Report, path: Path) -> None:
    """Write the report; raises DatasetError where the file cannot be written."""
    write_text(path, json.dumps(report.to_dict(), ensure_ascii=False, indent=1) + "\n")


def write_text(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DatasetError(f"{path} cannot be written ({error.strerror}); name another file.") from error


def read_json(path: Path) -> Report:
    """Return a report that `write_json` wrote.

    Raises:
        DatasetError: it cannot be read, or is no report of this version.
    """
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror}); check the path.") from error
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path} is not JSON; write one with: temei eval --json {path}") from error
    try:
        report = TypeAdapter(Report).validate_python(read)
    except ValidationError:
        report = None
    if report is None or report.format != FORMAT:
        raise DatasetError(f"{path} is not a report of this version; write one with: temei eval --json {path}")
    return report


def percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def interval(estimate: Estimate) -> str:
    low, high = estimate.low, estimate.high
    return "" if low is None or high is None else f"{100 * low:.1f} to {100 * high:.1f}"


def headline(report: Report) -> str:
    """Return what was measured, in one line."""
    dataset = report.dataset
    return describe(dataset.name, dataset.examples, dataset.answerable, dataset.documents)


def describe(name: str, examples: int, answerable: int, documents: int) -> str:
    """Return what a question set holds, in one line."""
    many = f"{examples} question" + ("" if examples == 1 else "s")
    return f"{name}: {many}, {answerable} answerable, over {documents} document" + ("" if documents == 1 else "s")


def print_report(report: Report, console: Console) -> None:
    """Print the tables of a report."""
    console.print(f"\n[bold]{escape(headline(report))}[/]")
    console.print(_metrics_table(report, titles=console.width >= 100))
    if report.baselines:
        console.print(_baselines_table(report, wide=console.width >= 100))
    for groups, heading in ((report.by_language, "language"), (report.by_kind, "kind")):
        if len(groups) > 1:
            console.print(_groups_table(groups, heading, wide=console.width >= 100))
    console.print(_latency_line(report))
    dataset = report.dataset
    console.print(
        f"[dim]in %; ↓ lower is better; 95% intervals by bootstrap over {dataset.clusters} clusters "
        f"({escape(dataset.clustered_by)}), seed {report.seed}[/]"
    )


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=not number)
    return table


def _metrics_table(report: Report, titles: bool) -> Table:
    table = _table("metric", *([""] if titles else []), "value", "95% interval", "n")
    for name, estimate in report.metrics.items():
        shown = name + ("" if METRICS[name].rises else " ↓")
        cells = [f"[dim]{METRICS[name].title}[/]"] if titles else []
        table.add_row(shown, *cells, percent(estimate.value), interval(estimate), str(estimate.n))
    if titles:
        table.columns[1].justify = "left"
    return table


def retrieval_rows(report: Report) -> list[tuple[str, Mapping[str, Estimate], float | None]]:
    """Return the ways of searching: title, metrics, median milliseconds a question."""
    own = report.latency.stages.get("retrieve")
    return [
        ("Temei", report.metrics, None if own is None else own.p50_ms),
        *((baseline.title, baseline.metrics, baseline.latency.p50_ms) for baseline in report.baselines.values()),
    ]


def short(name: str) -> str:
    """Return a retrieval metric's name as a column's heading."""
    return (
        name.replace("document_", "doc ").replace("recall_at_", "R@").replace("ndcg_at_", "nDCG@").replace("mrr", "MRR")
    )


def _baselines_table(report: Report, wide: bool) -> Table:
    shown = [name for name in RETRIEVAL if name in report.metrics and (wide or name in NARROW)]
    table = _table("retrieval", *map(short, shown), "p50 ms")
    table.padding = (0, 1)
    for title, metrics, milliseconds in retrieval_rows(report):
        values = [percent(metrics[name].value) if name in metrics else "–" for name in shown]
        table.add_row(title, *values, "–" if milliseconds is None else f"{milliseconds:.1f}")
    return table


def group_columns(groups: Mapping[str, Group]) -> list[str]:
    """Return the metrics that any of the groups has."""
    return [name for name in GROUP_METRICS if any(name in group.metrics for group in groups.values())]


def group_values(group: Group, columns: Sequence[str]) -> list[str]:
    """Return some metrics of a group in percent, a dash for one that it has not."""
    return [percent(group.metrics[name].value if name in group.metrics else None) for name in columns]


def _groups_table(groups: Mapping[str, Group], heading: str, wide: bool) -> Table:
    shown = group_columns(groups) if wide else group_columns(groups)[-7:]
    table = _table(heading, "n", *(GROUP_METRICS[name] for name in shown))
    table.padding = (0, 1)
    for name, group in groups.items():
        table.add_row(escape(name), str(group.n), *group_values(group, shown))
    return table


def _latency_line(report: Report) -> str:
    total = report.latency.stages.get("total")
    if total is None:
        return ""
    return "a question took " + ", ".join(f"{name} {value:.1f} ms" for name, value in total.named().items())
