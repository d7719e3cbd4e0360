"""Draw the plots of the report as SVG, for the HTML page."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eval.report.types import Group, Report

INK, MUTED, GRID = "#1f2933", "#7b8794", "#e4e7eb"
BLUE, ORANGE, GREEN = "#2563a8", "#d9822b", "#3a8f6b"

STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "temei",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
}


def plots(report: Report) -> dict[str, str]:
    """Return the SVG of each plot by its caption; one that has nothing to show is left out."""
    with matplotlib.rc_context(STYLE):
        found = {
            "Risk and coverage: how often it is wrong if it answers only its surest questions": _risk_coverage(report),
            "Reliability: is it right as often as its confidence says": _reliability(report),
            "By language": _groups(report, report.by_language),
            "By kind of question": _groups(report, report.by_kind),
            "Time a question takes": _latency(report),
        }
    return {caption: svg for caption, svg in found.items() if svg}


def _figure(height: float = 3.2) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6, height), layout="constrained")
    axes = figure.subplots()
    return figure, axes


def _svg(figure: Figure) -> str:
    written = io.StringIO()
    figure.savefig(written, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = written.getvalue()
    return text[text.index("<svg") :]


def _risk_coverage(report: Report) -> str:
    curves = report.curves
    figure, axes = _figure()
    coverage, risk = zip(*curves.risk_coverage, strict=True)
    axes.plot([100 * c for c in coverage], [100 * r for r in risk], color=BLUE, linewidth=2)
    axes.plot(100 * curves.coverage, 100 * curves.risk, "o", color=ORANGE, markersize=8)
    axes.annotate(
        f"as shipped (confidence {curves.threshold:g})",
        (100 * curves.coverage, 100 * curves.risk),
        xytext=(-8, 10),
        textcoords="offset points",
        ha="right" if curves.coverage > 0.4 else "left",
        color=ORANGE,
    )
    axes.set(xlabel="questions answered, %", ylabel="of them wrong, %", xlim=(0, 101))
    axes.set_ylim(0, max(10.0, 105 * max(risk)))
    return _svg(figure)


def _reliability(report: Report) -> str:
    rows = report.curves.reliability
    figure, axes = _figure()
    axes.plot([0, 100], [0, 100], color=MUTED, linewidth=1, linestyle="--")
    most = max(size for *_, size in rows)
    sure, right, sizes = zip(*rows, strict=True)
    x, y = [100 * s for s in sure], [100 * r for r in right]
    axes.plot(x, y, color=BLUE, linewidth=1.5)
    axes.scatter(x, y, s=[30 + 220 * size / most for size in sizes], color=BLUE, alpha=0.75, linewidths=0)
    for at, height, size in zip(x, y, sizes, strict=True):
        axes.annotate(str(size), (at, height), xytext=(0, -16), textcoords="offset points", ha="center", color=MUTED)
    axes.set(xlabel="confidence, %", ylabel="right, %", xlim=(-3, 103), ylim=(-8, 106))
    return _svg(figure)


def _groups(report: Report, groups: Mapping[str, Group]) -> str:
    retrieval = "document_recall_at_1" if "document_recall_at_1" in report.metrics else "recall_at_1"
    series = [(retrieval, "right one retrieved first", BLUE), ("answer_containment", "right answer", GREEN)]
    names = [name for name, group in groups.items() if any(metric in group.metrics for metric, *_ in series)]
    if len(names) < 2:
        return ""
    figure, axes = _figure(0.9 + 0.42 * len(names))
    for row, (metric, label, colour) in enumerate(series):
        having = [(at, groups[name].metrics[metric]) for at, name in enumerate(names) if metric in groups[name].metrics]
        if not having:
            continue
        places = [at + (row - 0.5) * 0.36 for at, _ in having]
        values = [100 * estimate.value for _, estimate in having]
        axes.barh(places, values, height=0.32, color=colour, label=label)
        for place, (_, estimate) in zip(places, having, strict=True):
            if estimate.low is not None and estimate.high is not None:
                axes.plot([100 * estimate.low, 100 * estimate.high], [place, place], color=INK, linewidth=1)
    axes.set_yticks(range(len(names)), [f"{name.replace('_', ' ')} ({groups[name].n})" for name in names])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set(xlim=(0, 101), xlabel="%; the line is the 95% interval")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return _svg(figure)


def _latency(report: Report) -> str:
    times = sorted(1000 * example.latency["total"] for example in report.examples)
    total = report.latency.stages["total"]
    figure, axes = _figure()
    shares = [100 * (rank + 1) / len(times) for rank in range(len(times))]
    axes.step(times, shares, where="post", color=BLUE, linewidth=2)
    axes.plot([total.p50_ms, total.p95_ms, total.p99_ms], (50, 95, 99), "o", color=ORANGE)
    lines = "\n".join(f"{name}  {value:.1f} ms" for name, value in total.named().items())
    axes.text(0.97, 0.08, lines, transform=axes.transAxes, ha="right", va="bottom", color=ORANGE, linespacing=1.6)
    axes.set(xlabel="milliseconds", ylabel="questions answered within, %", ylim=(0, 104))
    axes.set_xlim(0, max(1.3 * total.p99_ms, 1))
    return _svg(figure)
