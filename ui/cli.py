"""Define the command line: ``temei ingest | ask | search | overview | sources | chat | mcp | doctor | calibrate``, and
to measure ``temei eval | bench | load``.

The exit status is 0 for an answer and for a refusal. It is 2 for wrong usage and for an error that the user can solve;
one line on stderr then says what to do.
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from eval.calibrate_command import calibrate
from eval.commands import app as eval_app
from rag.chain import Temei
from rag.errors import MissingIndexError, TemeiError
from rag.files.home import SEEDS, is_checkout
from rag.files.private import OWNER_ONLY
from rag.filters import parsed
from rag.settings import Settings
from rag.types import Answer, Turn
from ui.asking import Within, converse, search
from ui.measure import bench, load
from ui.overview_command import overview
from ui.terminal import err, note, out, print_json, printable, show

WIDE = 100_000
"""Columns of a table that is not shown on a terminal: more than any row has."""

app = typer.Typer(
    name="temei",
    help="Ask questions about your articles; every answer quotes the exact words it stands on.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


_OWN = ("ingest", "ask", "overview", "chat", "search", "mcp", "sources", "doctor", "calibrate")
"""The commands that write Temei's own files, which only the owner may read. The others also write reports for users."""


def _version(asked: bool) -> None:
    if asked:
        out.print(f"temei {version('temei')}")
        raise typer.Exit()


@app.callback()
def _privately(
    context: typer.Context,
    shown: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    if context.invoked_subcommand in _OWN:
        os.umask(OWNER_ONLY)


app.command()(overview)
app.command()(calibrate)
app.command()(bench)
app.command()(load)
app.command()(search)


@app.command()
def mcp() -> None:
    """Serve the documents to an MCP client on standard input and output."""
    from ui.mcp_server import mcp as serve

    serve()


app.add_typer(eval_app, name="eval")


@app.command()
def ingest(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[PATH]...", help="Files or folders; the shipped article by default.")
    ] = None,
    prune: Annotated[bool, typer.Option("--prune", help="Remove the documents whose file is gone.")] = False,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Make the index again from the stored documents, with the present model.")
    ] = False,
) -> None:
    """Read new and changed articles into the index."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    import ingest as ingestion
    from ingest.pipeline import one_line
    from rag.index.index import Index
    from rag.models.embeddings import open_embedder

    settings = Settings()
    embedder = open_embedder(settings.embedding_model, settings.home / "models", note)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with closing(Index(settings, embedder, create=True, accept_stale=rebuild)) as index:
        with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
            task = bar.add_task("")

            def advance(source: str, done: int, total: int) -> None:
                bar.update(task, description=printable(source[-60:]), completed=done, total=total)

            if rebuild:
                ingestion.rebuild(index, advance)
            report = ingestion.ingest(
                paths or [SEEDS],
                index,
                prune=prune,
                everywhere=prune and not paths,
                names={path: f"seeds/{path.name}" for path in SEEDS.iterdir() if not is_checkout()},
                advance=advance,
            )
        for verb in ("added", "changed", "renamed", "removed"):
            for source in getattr(report, verb):
                out.print(f"{verb} {printable(one_line(source))}")
        for source in report.duplicates:
            out.print(f"left out {printable(one_line(source))}")
        for source in report.missing:
            out.print(f"kept {printable(one_line(source))}, whose file is gone (--prune removes it)")
        out.print(f"The index holds {_count(len(index.documents()), 'document')} in {_count(len(index), 'passage')}.")
    for remark in report.remarks:
        err.print(printable(str(remark)), style="yellow")
    for problem in report.problems:
        err.print(f"skipped: {printable(str(problem))}", style="red")
    if report.problems:
        raise typer.Exit(2)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="Your question, in any language; with -i the first one.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    after: Annotated[
        list[str] | None,
        typer.Option(metavar="QUESTION", help="An earlier question it follows; repeatable."),
    ] = None,
    within: Within = None,
    interactive: Annotated[
        bool, typer.Option("--interactive", "-i", help="Go on asking; each question may follow the ones before.")
    ] = False,
) -> None:
    """Answer one question."""
    if not question and not interactive:
        raise typer.BadParameter("ask something, or go on with -i", param_hint="QUESTION")
    temei, turns = Temei(report=note), list[Turn]()
    where = parsed(within) if within else None

    def answered(asked: str) -> Answer:
        told = temei.answer(asked, turns, where=where)
        turns.append(Turn(told.question, told.text, told.abstained))
        return told

    for earlier in after or []:
        answered(earlier)

    def shown(asked: str) -> None:
        answer = answered(asked)
        if as_json:
            print_json(answer.to_dict())
        else:
            show(answer)

    if question:
        shown(question)
    if interactive:
        converse(shown)


@app.command()
def chat() -> None:
    """Open the chat page."""
    temei = Temei(report=note)
    with suppress(MissingIndexError):  # the page then asks for documents
        temei.index.search_index()  # other errors of the index or the model are reported here, not on the page
    temei.check_chat(note)
    from ui.serve import launch

    launch(temei, host=temei.settings.host, port=temei.settings.port)


@app.command()
def sources() -> None:
    """List the documents in the index."""
    from ui.page.file_names import own_name

    index = Temei(report=note).index
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("source", "title", "language", "passages", "characters", "ingested"):
        table.add_column(name, justify="right" if name in ("passages", "characters") else "left", overflow="fold")
    for record in index.documents():
        table.add_row(
            printable(own_name(record)),
            printable(record.title),
            printable(record.language),
            str(record.passages),
            f"{record.characters:,}",
            record.ingested[:16].replace("T", " "),
        )
    # A program reads a document on one line.
    (out if out.is_terminal else Console(highlight=False, width=WIDE)).print(table)


@app.command()
def doctor() -> None:
    """Check the model and the index, and say how to mend what is wrong."""
    from rag.doctor import examine

    findings = examine(Settings(), note)
    for finding in findings:
        mark = "[green]ok[/]  " if finding.ok else "[red]bad[/] "
        out.print(f"{mark} {printable(finding.subject)}: {printable(finding.detail)}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(2)


def main() -> None:
    """Run the command line; the entry point of ``temei``."""
    if len(sys.argv) == 1:
        sys.argv.append("--help")
    try:
        status = app(standalone_mode=False)
    except TemeiError as error:
        _fail(str(error))
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        _fail(error.format_message() + (f" Try: {context.command_path} --help" if context else ""))
    except (typer.Abort, KeyboardInterrupt):
        err.print("Stopped; what was finished is kept.", style="yellow")
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
            raise
        where = f" {error.filename}" if error.filename else ""
        _fail(f"Cannot write{where} ({error.strerror}); make room, or set TEMEI_HOME to another folder.")
    else:
        sys.exit(status if isinstance(status, int) else 0)


def _fail(message: str) -> None:
    err.print(f"temei: {printable(' '.join(message.split()))}", style="red")
    sys.exit(2)
