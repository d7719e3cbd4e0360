"""Hold the metrics of a question set to the floors in ``eval/report/floors.toml``.

A floor is slightly below the value that was measured. A metric of which less is better has a ceiling slightly above.
"""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eval.metrics import METRICS
from eval.report.summary import commit
from eval.report.types import Report
from eval.stats import Estimate
from rag.errors import DatasetError

FLOORS = Path(__file__).resolve().with_name("floors.toml")
ROOM = 0.02
"""How far a floor lies from the value it was measured at: what another processor's rounding may change."""

GATED = (
    "recall_at_1", "recall_at_5", "mrr", "ndcg_at_10", "document_recall_at_1", "document_ndcg_at_10",
    "answer_containment", "correct_and_cited", "citation_precision_sentence", "citation_recall_sentence",
    "standalone_f1", "abstention_precision", "abstention_recall", "over_refusal", "auroc_answerable",
)  # fmt: skip


def read_floors(dataset: str, path: Path | None = None) -> dict[str, float]:
    """Return the floors of a question set by metric, from ``eval/report/floors.toml`` or another file.

    Raises:
        DatasetError: the file is malformed, or holds none for this set.
    """
    path = path or FLOORS
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8")).get(dataset, {}).get("floors")
    except (OSError, ValueError, AttributeError) as error:
        raise DatasetError(f"{path} cannot be read as floors ({error}); mend it.") from error
    if not found:
        raise DatasetError(f"{path} has no floors for {dataset!r}; measure them with: temei eval --write-floors")
    wrong = [f"{path}: {name} is no metric" for name in found if name not in METRICS]
    wrong += [f"{path}: {name} is not a number" for name, floor in found.items() if not isinstance(floor, int | float)]
    if wrong:
        raise DatasetError("\n".join(wrong))
    return {name: float(floor) for name, floor in found.items()}


def fallen(metrics: Mapping[str, Estimate], floors: Mapping[str, float]) -> list[str]:
    """Return a line for every metric that breaks its floor; one that was not measured breaks it."""
    lines = []
    for name, floor in floors.items():
        if name not in metrics:
            lines.append(f"{name} was not measured; its floor is {floor:g}")
            continue
        value, rises = metrics[name].value, METRICS[name].rises
        if value < floor if rises else value > floor:
            lines.append(f"{name} is {value:.3f}, {'below its floor' if rises else 'above its ceiling'} of {floor:g}")
    return lines


def write_floors(report: Report, path: Path | None = None) -> None:
    """Write floors just under a report's values; those of other question sets stay."""
    path = path or FLOORS
    try:
        kept = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError as error:
        raise DatasetError(f"{path} cannot be read as floors ({error}); mend it.") from error
    floors = {}
    for name in GATED:
        if name in report.metrics:
            value, rises = report.metrics[name].value, METRICS[name].rises
            floors[name] = round(max(value - ROOM, 0) if rises else min(value + ROOM, 1), 3)
    kept[report.dataset.name] = {
        "measured": datetime.datetime.now(datetime.UTC).date(),
        "commit": commit(),
        "floors": floors,
    }
    path.write_text(_to_toml(kept), encoding="utf-8")


def _to_toml(sets: Mapping[str, Mapping[str, Any]]) -> str:
    lines = [
        "# What `temei eval --gate` holds each question set to: floors, and ceilings where less is better.",
        "# Written by `temei eval --write-floors`, which takes the values measured and leaves a little room.",
    ]
    for name, found in sets.items():
        lines += ["", f'["{name}"]', f"measured = {found['measured']}", f'commit = "{found["commit"]}"']
        lines += ["", f'["{name}".floors]', *(f"{metric} = {floor:g}" for metric, floor in found["floors"].items())]
    return "\n".join(lines) + "\n"
