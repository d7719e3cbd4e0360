"""Define ``temei overview [DOCUMENT]``: the sentences that together say what a document is about."""

from __future__ import annotations

from typing import Annotated

import typer

from rag.chain import Temei
from rag.errors import QuestionError
from rag.messages import message
from rag.types import DocumentRecord
from ui.terminal import note, print_json, show


def overview(
    document: Annotated[
        str, typer.Argument(metavar="[DOCUMENT]", help="Its name, title or id as in `temei sources`; all by default.")
    ] = "",
    section: Annotated[str, typer.Option(help="Only the section below the heading with these words.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Quote the sentences that say what a document is about, or one sentence of each document."""
    temei = Temei(report=note)
    chosen = named(document, temei.index.documents()).id if document else None
    answer = temei.overview(chosen, section)
    if as_json:
        print_json(answer.to_dict())
    else:
        show(answer)


def named(name: str, records: list[DocumentRecord]) -> DocumentRecord:
    """Return the document of a name: its id, the end of its path, or its title.

    Raises:
        QuestionError: none has that name, or several have.
    """
    wanted = name.casefold()
    found = [r for r in records if wanted in (r.id.casefold(), r.source.casefold(), r.title.casefold())]
    found = found or [r for r in records if f"/{r.source}".casefold().endswith(f"/{wanted}")]
    found = found or [r for r in records if wanted in r.title.casefold() or wanted in r.source.casefold()]
    if len(found) != 1:
        raise QuestionError(message("document_name_not_one", name=name, count=len(found)))
    return found[0]
