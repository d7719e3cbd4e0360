"""Write a report as one self-contained HTML page; text from questions, answers and documents is escaped."""

from __future__ import annotations

from dataclasses import asdict

from eval.metrics import METRICS, RETRIEVAL
from eval.report.failures import failures_section
from eval.report.plots import plots
from eval.report.report import (
    GROUP_METRICS,
    group_columns,
    group_values,
    headline,
    interval,
    percent,
    retrieval_rows,
    short,
)
from eval.report.types import Report
from eval.sets.markup import STYLE, e, row, table
from eval.stats import Estimate

CARDS = (
    ("document_recall_at_1", "recall_at_1"),
    ("answer_containment",),
    ("citation_precision_sentence",),
    ("citation_recall_sentence",),
    ("abstention_recall",),
    ("over_refusal",),
)
"""The metrics shown large, each the first of its alternatives that the report has."""


def page(report: Report) -> str:
    """Return the page."""
    title = f"Temei on {report.dataset.name}"
    parts = [
        f"<h1>{e(title)}</h1>",
        f'<p class="note">{e(_about(report))}</p>',
        _cards(report),
        _metrics(report),
        _baselines(report),
        _groups(report),
        _plots(report),
        failures_section(report),
        _configuration(report),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{e(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main>\n</body>\n</html>\n"
    )


def _about(report: Report) -> str:
    where = [report.latency.date, report.latency.machine]
    where += [f"commit {report.commit}"] if report.commit else []
    where += [f"embedding model {report.settings['embedding_model']}"]
    return f"{headline(report)}. Measured {', '.join(where)}."


def _cards(report: Report) -> str:
    cards = []
    for names in CARDS:
        name = next((name for name in names if name in report.metrics), None)
        if name is not None:
            estimate = report.metrics[name]
            bounds = f" ({interval(estimate)})" if interval(estimate) else ""
            cards.append((percent(estimate.value) + "%", METRICS[name].title + bounds))
    total = report.latency.stages["total"]
    cards.append((f"{total.p50_ms:.0f} ms", f"A question, median ({total.p95_ms:.0f} ms p95)"))
    return (
        '<div class="cards">'
        + "".join(f'<div class="card"><b>{e(b)}</b><span>{e(s)}</span></div>' for b, s in cards)
        + "</div>"
    )


PARTS = {
    "recall_at_1": "Retrieval",
    "answer_containment": "Answers",
    "citation_precision": "Citations",
    "abstention_precision": "Refusal and confidence",
}
"""Headings within the table of metrics, by the first metric that belongs below them."""


def _metrics(report: Report) -> str:
    dataset = report.dataset
    rows, heading = [], ""
    for name in METRICS:
        heading = PARTS.get(name, heading)
        estimate = report.metrics.get(name)
        if estimate is None:
            continue
        if heading:
            rows.append(f'<tr class="part"><td colspan="6">{e(heading)}</td></tr>')
            heading = ""
        title = METRICS[name].title + ("" if METRICS[name].rises else " ↓")
        cells = [percent(estimate.value), interval(estimate), str(estimate.n)]
        rows.append(
            f'<tr><td>{e(title)}</td><td class="name">{e(name)}</td>'
            + "".join(f"<td>{e(cell)}</td>" for cell in cells)
            + f"<td>{_whisker(estimate)}</td></tr>"
        )
    note = (
        f"In percent; ↓ means that lower is better. 95% intervals by bootstrap over {dataset.clusters} clusters "
        f"({dataset.clustered_by}). Evidence is a gold span; a passage has it if it holds at least half of the "
        "span, the answer included."
    )
    head = ["metric", "", "value", "95% interval", "n", ""]
    return f'<h2>Metrics</h2><p class="note">{e(note)}</p>' + table(head, rows)


def _whisker(estimate: Estimate) -> str:
    """Return a value and its interval drawn on a line from 0 to 1."""
    low, high = (estimate.value if end is None else end for end in (estimate.low, estimate.high))
    x = [6 + 200 * min(max(at, 0), 1) for at in (low, high, estimate.value)]
    return (
        '<svg width="212" height="16" aria-hidden="true">'
        '<line x1="6" x2="206" y1="8" y2="8" stroke="#e4e7eb" stroke-width="2"/>'
        f'<line x1="{x[0]:.1f}" x2="{x[1]:.1f}" y1="8" y2="8" stroke="#9fbfdf" stroke-width="6"/>'
        f'<circle cx="{x[2]:.1f}" cy="8" r="4" fill="#2563a8"/></svg>'
    )


def _baselines(report: Report) -> str:
    if not report.baselines:
        return ""
    shown = [name for name in RETRIEVAL if name in report.metrics]
    rows = []
    for number, (title, metrics, milliseconds) in enumerate(retrieval_rows(report)):
        cells = [title, *(percent(metrics[name].value) if name in metrics else "–" for name in shown)]
        cells.append("–" if milliseconds is None else f"{milliseconds:.1f}")
        rows.append(row(cells, ' class="own"' if number == 0 else ""))
    note = "The same questions, searched in other ways: what each part is worth."
    return f'<h2>Against other ways of searching</h2><p class="note">{e(note)}</p>' + table(
        ["retrieval", *map(short, shown), "p50 ms"], rows
    )


def _groups(report: Report) -> str:
    parts = []
    for groups, heading in ((report.by_language, "language"), (report.by_kind, "kind")):
        if len(groups) > 1:
            shown = group_columns(groups)
            rows = [
                row([name.replace("_", " "), str(group.n), *group_values(group, shown)])
                for name, group in groups.items()
            ]
            parts.append(f"<h3>By {heading}</h3>" + table([heading, "n", *(GROUP_METRICS[m] for m in shown)], rows))
    return "<h2>By group</h2>" + "".join(parts) if parts else ""


def _plots(report: Report) -> str:
    figures = [f"<figure><figcaption>{e(caption)}</figcaption>{svg}</figure>" for caption, svg in plots(report).items()]
    return '<h2>Plots</h2><div class="plots">' + "".join(figures) + "</div>"


def _configuration(report: Report) -> str:
    rows = [
        *((f"set: {name}", value) for name, value in asdict(report.dataset).items() if name != "options"),
        *((f"option: {name}", value) for name, value in report.dataset.options.items()),
        *((f"setting: {name}", value) for name, value in report.settings.items()),
        *((f"version: {name}", value) for name, value in report.versions.items()),
        ("seed", report.seed),
        ("commit", report.commit),
    ]
    body = table(["name", "value"], [row([name, str(value)]) for name, value in rows])
    return f"<h2>Configuration</h2><details><summary>Settings, versions, seed</summary>{body}</details>"
