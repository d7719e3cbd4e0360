"""Write to the terminal: what is printed is text, whatever a document or a file's name holds; and an answer."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

from rich.console import Console
from rich.markup import escape

from rag.cite import without_marks
from rag.intent import is_looked_up
from rag.text.characters import unseen, whole
from rag.types import Answer

_UNPRINTABLE = unseen(keep=r"\n\t")

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def note(line: str) -> None:
    """Print a remark on what is going on, on stderr."""
    err.print(escape(line), style="dim")


def printable(text: str) -> str:
    """Return text from outside as the terminal may show it: no escape sequences, no rich markup."""
    return escape(_UNPRINTABLE.sub("", whole(text)))


def print_json(value: Mapping[str, object]) -> None:
    """Print a JSON object on a line of its own, at once, for a program that reads it."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def show(answer: Answer) -> None:
    """Print an answer, its citations, what was searched and how sure it is."""
    looked_up = is_looked_up(answer.kind)
    text, short = printable(without_marks(answer)), printable(answer.short.text if answer.short else "")
    if short:
        text = text.replace(short, f"[underline green]{short}[/]", 1)
    out.print(text, style="yellow" if looked_up and answer.abstained else "bold")
    for citation in answer.citations:
        out.print(f"\n[cyan]{escape(f'[{citation.number}]')}[/] {printable(citation.where)}", end=" ")
        page = f"page {citation.page}, " if citation.page else ""
        out.print(f"[dim]{printable(citation.source)}, {page}characters {citation.start}-{citation.end}[/]")
    if answer.standalone_question != answer.question:
        out.print(f"\n[dim]searched for: {printable(answer.standalone_question)}[/]")
    if answer.note:
        out.print(f"\n[dim]{printable(answer.note)}[/]")
    if looked_up:
        out.print(f"\n[dim]confidence {answer.confidence:.2f} · {printable(answer.mode)}[/]")
