"""Define the command ``temei eval`` and its subcommands."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from eval import options
from eval.extra import PLOTS, need
from eval.extra import TUTORIAL as TUTORIAL_PACKAGES
from eval.options import path_of
from rag.errors import DatasetError

if TYPE_CHECKING:  # imported only by the commands that measure, so that `temei ask` starts without these
    from eval.corpus import Advance
    from eval.report.types import Report
    from eval.sets.dataset import Dataset
    from eval.sets.open import LeaveOut
    from eval.sets.variants import Typed

app = typer.Typer(
    help="Measure answers and retrieval on a question set.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def all_problems() -> Iterator[None]:
    """Print each of many problems on a line of its own, and exit with status 2."""
    try:
        yield
    except DatasetError as error:
        problems = str(error).splitlines()
        if len(problems) < 2:
            raise
        for problem in problems:
            err.print(escape(problem), style="red")
        err.print(f"temei: {len(problems)} problems", style="red")
        raise typer.Exit(2) from error


@contextmanager
def progress() -> Iterator[Advance]:
    """Show a bar for each piece of work, on a terminal; gives what is called as the work advances."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        tasks: dict[str, TaskID] = {}

        def advance(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(escape(what))
            bar.update(tasks[what], completed=done, total=total)

        yield advance


@app.callback()
def evaluate(
    context: typer.Context,
    dataset: options.DatasetName = "",
    questions: options.Questions = None,
    paragraphs: options.Paragraphs = None,
    documents: options.Documents = None,
    leave_out: options.LeaveOutName = None,
    keep_answerable: options.KeepAnswerable = False,
    unchecked: options.Unchecked = False,
    limit: options.Limit = None,
    distractors: options.Distractors = None,
    typed: options.TypedName = None,
    json_out: options.JsonOut = None,
    html_out: options.HtmlOut = None,
    baselines: options.Baselines = True,
    tutorial: options.Tutorial = False,
    gate: options.Gate = False,
    write_floors: options.WriteFloors = False,
    seed: options.Seed = 0,
) -> None:
    """Measure answers and retrieval on a question set."""
    if context.invoked_subcommand is not None:
        return
    left_out, letters = _left_out(leave_out, keep_answerable), _letters(typed)
    if (limit or distractors or typed) and (gate or write_floors):
        raise typer.BadParameter("floors are for the whole set as it is", param_hint="--gate")
    need(*(PLOTS if html_out else ()), *(TUTORIAL_PACKAGES if tutorial else ()))
    from eval.sets.open import open_dataset

    with all_problems():
        opened = open_dataset(
            dataset,
            questions=path_of(questions),
            paragraphs=path_of(paragraphs),
            documents=path_of(documents),
            leave_out=left_out,
            keep=keep_answerable,
            limit=limit,
            distractors=path_of(distractors),
            typed=letters,
        )
    limits = _floors_of(opened, gate)
    report = _measure(opened, baselines=baselines, tutorial=tutorial, checked=not unchecked, seed=seed)
    _write(report, json_out=path_of(json_out), html_out=path_of(html_out), floors=write_floors)
    _hold_to(limits, report, gate)


def _left_out(name: str | None, keep_answerable: bool) -> LeaveOut | None:
    """Return what is left out of the search, checked."""
    if name not in (None, "gold", "document"):
        raise typer.BadParameter("choose gold or document", param_hint="--leave-out")
    if keep_answerable and name is None:
        raise typer.BadParameter("goes with --leave-out", param_hint="--keep-answerable")
    return "gold" if name == "gold" else "document" if name == "document" else None


def _letters(name: str | None) -> Typed | None:
    """Return how the questions are typed, checked."""
    if name not in (None, "no-diacritics", "cedilla"):
        raise typer.BadParameter("choose no-diacritics or cedilla", param_hint="--typed")
    return "cedilla" if name == "cedilla" else "no-diacritics" if name else None


def _floors_of(dataset: Dataset, gate: bool) -> dict[str, float]:
    """Return the floors of the set; a set without floors is refused before anything is measured."""
    from eval.report.gate import read_floors

    return read_floors(dataset.name) if gate else {}


def _measure(dataset: Dataset, *, baselines: bool, tutorial: bool, checked: bool, seed: int) -> Report:
    """Ask every question and return the report."""
    from eval.baselines import run_baselines
    from eval.corpus import open_corpus
    from eval.report.summary import summarise
    from eval.runner import Run, run
    from rag.settings import Settings

    settings = Settings()
    with progress() as advance:
        temei = open_corpus(
            dataset,
            settings,
            checked=checked,
            report=lambda line: err.print(escape(line), style="dim"),
            advance=advance,
        )
        temei.check_chat()
        records = run(dataset, temei, advance)
        others = {}
        if baselines:
            models = settings.home / "models"
            others = run_baselines(dataset, temei, records, tutorial=tutorial, models=models, advance=advance)
    return summarise(Run(dataset, records, others), settings, seed=seed)


def _write(report: Report, *, json_out: Path | None, html_out: Path | None, floors: bool) -> None:
    """Print the report, and write it where that was asked for."""
    from eval.report.gate import write_floors
    from eval.report.report import print_report, write_json, write_text

    print_report(report, out)
    if json_out is not None:
        write_json(report, json_out)
    if html_out is not None:
        from eval.report.html_report import page

        write_text(html_out, page(report))
    if floors:
        write_floors(report)


def _hold_to(limits: dict[str, float], report: Report, gate: bool) -> None:
    """Exit with status 1 where a metric is below its floor."""
    from eval.report.gate import fallen

    broken = fallen(report.metrics, limits)
    for line in broken:
        err.print(f"Quality gate failed: {escape(line)}", style="red")
    if broken:
        raise typer.Exit(1)
    if gate:
        out.print(f"[green]Quality gate passed: all {len(limits)} floors hold.[/]")


@app.command()
def validate(
    dataset: Annotated[str, typer.Argument(help="As --dataset; the shipped set by default.")] = "",
    documents: Annotated[str | None, typer.Option(metavar="FOLDER", help="JSONL: the folder of its documents.")] = None,
    paragraphs: Annotated[str | None, typer.Option(metavar="PATH", help="adversarial: its SQuAD file.")] = None,
    questions: Annotated[str | None, typer.Option(metavar="PATH", help="squad: a parallel file.")] = None,
) -> None:
    """Check a question set against its documents, and report every problem by file and line."""
    from eval.report.report import describe
    from eval.sets.open import open_dataset

    with all_problems():
        opened = open_dataset(
            dataset, documents=path_of(documents), paragraphs=path_of(paragraphs), questions=path_of(questions)
        )
    answerable = sum(example.answerable for example in opened.examples)
    what = describe(opened.name, len(opened.examples), answerable, len(opened.documents))
    out.print(f"{escape(what)}; nothing is wrong.")
    drafts = int(opened.options.get("drafts", "0"))
    if drafts:
        out.print(f"[yellow]{drafts} are drafts, to be corrected by a person.[/]")


@app.command()
def compare(
    before: Annotated[str, typer.Argument(metavar="A.json", help="A report that temei eval --json wrote.")],
    after: Annotated[str, typer.Argument(metavar="B.json", help="Another, of the same questions.")],
    seed: Annotated[int, typer.Option(help="Seed of the tests.")] = 0,
) -> None:
    """Compare two runs: which metrics and examples changed, and whether it is more than noise."""
    from eval.report.compare import compare as compare_reports
    from eval.report.compare import print_comparison
    from eval.report.report import read_json

    first, second = read_json(Path(before)), read_json(Path(after))
    print_comparison(compare_reports(first, second, seed=seed), first, second, out)


@app.command()
def draft(
    document: Annotated[str, typer.Argument(help="A text or Markdown file.")],
    output: Annotated[str | None, typer.Option("--out", metavar="OUT", help="Write to a file.")] = None,
    count: Annotated[int, typer.Option(min=1, help="At most so many questions.")] = 20,
) -> None:
    """Write a first set of questions on a document, for a person to correct."""
    from eval.draft import draft as draft_questions
    from eval.draft import to_jsonl
    from eval.report.report import write_text

    text = to_jsonl(draft_questions(Path(document), count))
    if output is None:
        sys.stdout.write(text)
    else:
        write_text(Path(output), text)
        out.print(f"Wrote {text.count(chr(10))} drafts to {escape(output)}; correct them, then: temei eval validate")


@app.command()
def feedback(
    path: Annotated[
        str | None,
        typer.Argument(metavar="[FILE]", help="What the page kept; feedback.jsonl in TEMEI_HOME by default."),
    ] = None,
    documents: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="The documents' folder; what was uploaded to the page by default."),
    ] = None,
    output: Annotated[str | None, typer.Option("--out", metavar="OUT", help="Write to a file.")] = None,
) -> None:
    """Make drafts of what visitors of the page liked and disliked, for a person to correct."""
    from eval.draft import to_jsonl
    from eval.report.report import write_text
    from eval.sets.feedback import draft_feedback
    from rag.settings import Settings

    home = Settings().home
    folder = Path(documents) if documents else home / "uploads"
    with all_problems():
        examples, left_out = draft_feedback(Path(path) if path else home / "feedback.jsonl", folder)
    for line in left_out:
        err.print(f"left out {escape(line)}; name its folder with --documents", style="yellow")
    if output is None:
        sys.stdout.write(to_jsonl(examples))
    else:
        write_text(Path(output), to_jsonl(examples))
        where = f"temei eval validate {output} --documents {folder}"
        out.print(f"Wrote {len(examples)} drafts to {escape(output)}; correct them, then: {escape(where)}")
