"""Ask from the terminal: search for passages, and go on asking in a conversation."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from rag.chain import Temei
from rag.errors import TemeiError
from rag.filters import parsed
from rag.types import PATH, Hit
from ui.terminal import err, note, out, print_json, printable

Within = Annotated[
    list[str] | None,
    typer.Option(
        "--in",
        metavar="WHERE",
        help="Only in a folder or document, or folder=…, document=…, language=…, tag=…, date=…; repeatable.",
    ),
]


def search(
    query: Annotated[str, typer.Argument(metavar="QUESTION", help="What to look for, in any language.")],
    count: Annotated[int, typer.Option("--count", "-k", min=1, max=100, help="Passages to show.")] = 6,
    within: Within = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each passage.")] = False,
) -> None:
    """Show the passages that a question finds, best first."""
    for number, hit in enumerate(Temei(report=note).search(query, count, where=parsed(within) if within else None), 1):
        if as_json:
            print_json(to_dict(hit))
            continue
        passage = hit.passage
        page = f"page {passage.page}, " if passage.page else ""
        out.print(f"[cyan]{number}.[/] {printable(PATH.join([passage.title, *passage.path]))}", end=" ")
        place = f"{printable(passage.source)}, {page}characters {passage.start}-{passage.end}"
        out.print(f"[dim]{place}, score {hit.score:.2f}[/]")
        out.print(f"{printable(passage.text.strip())}\n")


def to_dict(hit: Hit) -> dict[str, object]:
    """Return a hit as a JSON object, its text as it stands in the document."""
    passage = hit.passage
    return {
        "document_id": passage.document_id,
        "title": passage.title,
        "source": passage.source,
        "start": passage.start,
        "end": passage.end,
        "text": passage.text,
        "score": round(hit.score, 4),
        **({"page": passage.page} if passage.page else {}),
        **({"path": list(passage.path)} if passage.path else {}),
    }


def converse(ask: Callable[[str], None]) -> None:
    """Read questions from the terminal and answer them, until the end of the input or an empty line.

    What is wrong with one question ends the conversation only where nobody sits at the terminal.
    """
    while True:
        try:
            question = input("\n> " if sys.stdin.isatty() else "").strip()
        except EOFError:
            return
        if not question:
            return
        try:
            ask(question)
        except TemeiError as error:
            if not sys.stdin.isatty():
                raise
            err.print(printable(str(error)), style="red")
