"""Hold what one run of the speed comparison measured, write it as JSON and draw it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

TEMEI, TUTORIAL = "Temei", "tutorial"


@dataclass
class Side:
    """What one pipeline measured; times in seconds, memory in megabytes, rates by second."""

    passages_per_second: float = 0.0
    characters_per_second: float = 0.0
    search: dict[int, dict[str, float]] = field(default_factory=dict)
    """By number of passages: p50 and p95 of finding passages; for Temei also ``answer_p50`` and ``answer_p95``."""
    cold: dict[int, dict[str, float]] = field(default_factory=dict)
    """By number of passages: ``seconds`` and peak ``megabytes`` of one question asked by a process of its own."""


@dataclass
class Bench:
    """Both sides of one run, and what they ran on."""

    temei: Side
    tutorial: Side
    machine: dict[str, str]
    notes: list[str]

    def ratios(self) -> dict[str, float]:
        """Return Temei's figures divided by the tutorial's. For ingestion more is better, for the rest less."""
        smallest, largest = min(self.temei.search), max(self.temei.search)
        found = {
            "ingest, characters/s": self.temei.characters_per_second / self.tutorial.characters_per_second,
            "ingest, passages/s": self.temei.passages_per_second / self.tutorial.passages_per_second,
        }
        for size, cold in self.temei.cold.items():
            for what in ("seconds", "megabytes"):
                found[f"cold question, {what}, {size} passages"] = cold[what] / self.tutorial.cold[size][what]
        found[f"p95 of an answer, {largest} against {smallest} passages"] = (
            self.temei.search[largest]["answer_p95"] / self.temei.search[smallest]["answer_p95"]
        )
        for size in self.temei.search:
            ours, theirs = self.temei.search[size], self.tutorial.search[size]
            found[f"search p50, {size} passages"] = ours["p50"] / theirs["p50"]
            found[f"search p95, {size} passages"] = ours["p95"] / theirs["p95"]
            found[f"whole answer p50 by search p50, {size} passages"] = ours["answer_p50"] / theirs["p50"]
        return found


def to_json(bench: Bench) -> str:
    """Return the run as JSON, ratios included."""
    return json.dumps({**asdict(bench), "ratios": bench.ratios()}, indent=1, ensure_ascii=False) + "\n"


def draw(bench: Bench, path: Path) -> None:
    """Draw search time by size, ingestion and the cold question as one PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.6), layout="constrained")
    curves, rates, cold = figure.subplots(1, 3, width_ratios=(2, 1, 1))
    colours = {TEMEI: "#1f5f4a", TUTORIAL: "#b0a18f"}
    for name, side in ((TEMEI, bench.temei), (TUTORIAL, bench.tutorial)):
        sizes = sorted(side.search)
        for key, style in (("p50", "-"), ("p95", ":")):
            curves.plot(
                sizes, [1e3 * side.search[s][key] for s in sizes], style, marker="o", color=colours[name],
                label=f"{name}, search {key}",
            )  # fmt: skip
    sizes = sorted(bench.temei.search)
    answers = [1e3 * bench.temei.search[s]["answer_p50"] for s in sizes]
    curves.plot(sizes, answers, "--", marker="s", color=colours[TEMEI], label="Temei, whole answer p50")
    curves.set(xscale="log", xlabel="passages", ylabel="milliseconds a question", ylim=(0, None))
    curves.legend(frameon=False, fontsize=8)
    for axis, title, values in (
        (rates, "characters ingested a second", [s.characters_per_second for s in (bench.temei, bench.tutorial)]),
        (
            cold,
            f"seconds, question from cold,\n{max(bench.temei.cold):,} passages",
            [s.cold[max(s.cold)]["seconds"] for s in (bench.temei, bench.tutorial)],
        ),
    ):
        bars = axis.bar([TEMEI, TUTORIAL], values, color=list(colours.values()))
        axis.bar_label(bars, fmt="{:,.0f}" if max(values) > 100 else "{:.1f}")
        axis.set_title(title, fontsize=9)
    for axis in (curves, rates, cold):
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)
