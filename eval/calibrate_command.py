"""Define the command ``temei calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from eval.commands import all_problems, err, out, progress

if TYPE_CHECKING:  # imported only by the command, so that `temei ask` starts without it
    from eval.calibration import Outcome


def calibrate(
    docs: Annotated[
        list[Path] | None,
        typer.Option(metavar="FOLDER", help="Documents to search, repeatable; by default those of the questions."),
    ] = None,
    questions: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Questions as temei eval reads them (JSONL); the shipped set by default."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write to a file, in place of using it from now on.")
    ] = None,
) -> None:
    """Fit the confidence to the embedding model, on answerable and unanswerable questions."""
    from eval.calibration import ask_all, open_questions
    from eval.calibration import calibrate as fit
    from rag.calibration import keep
    from rag.models.embeddings import open_embedder
    from rag.settings import Settings

    def report(line: str) -> None:
        err.print(escape(line), style="dim")

    settings = Settings()
    with all_problems():
        dataset = open_questions(questions, docs or [], report)
    embedder = open_embedder(settings.embedding_model, settings.home / "models", report)
    with progress() as advance:
        trials = ask_all(dataset, settings, embedder, report=report, advance=advance)
    outcome = fit(trials, embedder, settings.min_confidence)
    _show(outcome, embedder.name, dataset.name, settings.min_confidence)
    path = keep(outcome.models, embedder, settings.home, output)
    if output is None:
        out.print(
            f"Kept in {escape(str(path))}; without this file the shipped calibration is used again.", soft_wrap=True
        )
    else:
        out.print(f"Wrote {escape(str(path))}.", soft_wrap=True)


def _show(outcome: Outcome, model: str, questions: str, threshold: float) -> None:
    """Print what was fitted, and how well it does before and after."""
    out.print(
        f"Fitted for {escape(model)} on {escape(questions)}: {outcome.answerable} answerable and "
        f"{outcome.unanswerable} unanswerable questions.\n",
        soft_wrap=True,
    )
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("", "shipped", "fitted"):
        table.add_column(name, justify="right" if name else "left")
    before, after = outcome.shipped, outcome.fitted
    table.add_row("AUROC", f"{before.auroc:.3f}", f"{after.auroc:.3f}")
    of = f"refused, of {outcome.unanswerable} unanswerable"
    table.add_row(of, f"{before.refused:.1%}", f"{after.refused:.1%}")
    of = f"refused, of {outcome.answerable} answerable"
    table.add_row(of, f"{before.over_refused:.1%}", f"{after.over_refused:.1%}")
    table.add_row("Brier score", f"{before.brier:.3f}", f"{after.brier:.3f}")
    table.add_row("calibration error", f"{before.calibration_error:.3f}", f"{after.calibration_error:.3f}")
    out.print(table)
    out.print(
        f"\nRefused is what is below TEMEI_MIN_CONFIDENCE, {threshold:g}; at {outcome.threshold:.2f} it would be 5% of "
        f"the answerable ones. The numbers of the fitted one are cross-validated by {outcome.parts_by}.",
        soft_wrap=True,
    )
    if after.brier > before.brier:
        err.print(
            "The shipped calibration does better on these questions; add questions, or go back to it.", style="yellow"
        )
