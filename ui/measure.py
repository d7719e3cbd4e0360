"""Define the commands that measure speed: ``temei bench | load``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from eval.extra import MEMORY, PLOTS, TUTORIAL, need
from rag.chain import Temei
from rag.errors import DocumentError
from rag.files.home import SEEDS
from rag.messages import message
from rag.settings import Settings
from ui.terminal import err, note, out, printable

DOORS = "v1,ask,page"


def bench(
    corpus: Annotated[
        Path, typer.Option(help="Folder, file or .tar.gz of text; the shipped article by default.", show_default=False)
    ] = SEEDS,
    sizes: Annotated[str, typer.Option(help="Numbers of passages to search among.")] = "1000,10000,100000",
    characters: Annotated[int, typer.Option(help="Characters to ingest for real.", min=10_000)] = 300_000,
    json_out: Annotated[Path, typer.Option("--json", help="Where to write the numbers.")] = Path("bench.json"),
    png_out: Annotated[Path, typer.Option("--png", help="Where to draw the curves.")] = Path("bench.png"),
) -> None:
    """Measure speed and memory against a plain LangChain pipeline on the same weights."""
    need(*PLOTS, *TUTORIAL)
    from eval.bench import run_bench
    from eval.bench_result import draw, to_json

    try:
        wanted = [int(size) for size in sizes.split(",")]
    except ValueError:
        raise typer.BadParameter(f"{sizes!r} is not a list of numbers, as in 1000,10000,100000") from None
    if not corpus.exists():
        raise DocumentError(corpus, message("file_corpus_missing"))
    found = run_bench(corpus, Settings(), sizes=wanted, characters=characters, report=note)
    json_out.write_text(to_json(found), encoding="utf-8")
    draw(found, png_out)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("Temei by tutorial", "ratio"):
        table.add_column(name, justify="right" if name == "ratio" else "left")
    for name, ratio in found.ratios().items():
        table.add_row(name, f"{ratio:.2f}")
    out.print(table)
    out.print(f"Wrote {json_out} and {png_out}.")


def load(
    people: Annotated[int, typer.Option(help="How many ask at once.", min=1, max=500)] = 50,
    questions: Annotated[int, typer.Option(help="Questions through each door.", min=1, max=20_000)] = 2000,
    doors: Annotated[str, typer.Option(help="Which of v1, ask (Gradio's API) and page (as a browser asks).")] = DOORS,
    json_out: Annotated[Path | None, typer.Option("--json", help="Where to write the numbers.")] = None,
) -> None:
    """Ask the chat page's doors many questions at once, on this machine, and report times, errors and memory."""
    need(*MEMORY)
    from ui.load_test import run_load

    chosen = [door for door in doors.split(",") if door]
    if not chosen or not set(chosen) <= set(DOORS.split(",")):
        raise typer.BadParameter(f"{doors!r} is not among {DOORS}", param_hint="--doors")
    Temei(report=note).index.search_index()  # errors that keep the page from starting are reported here
    found = run_load(chosen, people=people, questions=questions, report=note)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("door", "questions/s", "p50 s", "p95 s", "slowest s", "errors", "MB at start", "middle", "end"):
        table.add_column(name, justify="left" if name == "door" else "right")
    for one in found:
        memory = (one.memory[0], one.memory[len(one.memory) // 2], one.memory[-1])
        table.add_row(
            one.door,
            f"{one.questions / one.wall:.0f}",
            *(f"{seconds:.2f}" for seconds in (one.p50, one.p95, one.slowest)),
            str(len(one.errors)),
            *(f"{megabytes:.0f}" for megabytes in memory),
        )
    out.print(table)
    if json_out is not None:
        json_out.write_text(json.dumps([one.to_dict() for one in found], ensure_ascii=False, indent=1), "utf-8")
    wrong = sorted({error for one in found for error in one.errors})
    for error in wrong[:5]:
        err.print(printable(error), style="red")
    if wrong:
        raise typer.Exit(1)
