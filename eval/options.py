"""Declare the options of ``temei eval``: their names on the command line, and what the help says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DatasetName = Annotated[
    str, typer.Option(help="squad:, beir:, adversarial: or nomiracl:PATH, or a JSONL file; the shipped set by default.")
]
Questions = Annotated[str | None, typer.Option(metavar="PATH", help="squad: ask the questions of this parallel file.")]
Paragraphs = Annotated[str | None, typer.Option(metavar="PATH", help="adversarial: the SQuAD file of its paragraphs.")]
Documents = Annotated[str | None, typer.Option(metavar="FOLDER", help="JSONL: the folder of its documents.")]
LeaveOutName = Annotated[
    str | None,
    typer.Option(metavar="gold|document", help="Keep the gold paragraph, or its whole article, from the search."),
]
KeepAnswerable = Annotated[
    bool, typer.Option("--keep-answerable", help="With --leave-out, ask every question also with nothing left out.")
]
Unchecked = Annotated[
    bool, typer.Option("--unchecked", help="Keep unchecked what a language model writes, to measure the check.")
]
Limit = Annotated[int | None, typer.Option(min=1, help="Only the first questions.")]
Distractors = Annotated[
    str | None,
    typer.Option(metavar="PATH", help="Search also among these texts (folder or .tar.gz), which answer nothing."),
]
TypedName = Annotated[
    str | None, typer.Option(metavar="no-diacritics|cedilla", help="Ask the questions as many people type them.")
]
JsonOut = Annotated[str | None, typer.Option("--json", metavar="OUT", help="Write the report as JSON.")]
HtmlOut = Annotated[str | None, typer.Option("--html", metavar="OUT", help="Write the report as a page.")]
Baselines = Annotated[bool, typer.Option(help="Search also with BM25, dense and rank fusion alone.")]
Tutorial = Annotated[
    bool, typer.Option("--tutorial", help="Search also as LangChain's tutorial does (loads torch, takes longer).")
]
Gate = Annotated[bool, typer.Option("--gate", help="Fail (status 1) where a committed floor is broken.")]
WriteFloors = Annotated[
    bool, typer.Option("--write-floors", help="Commit to what was measured: rewrite eval/report/floors.toml.")
]
Seed = Annotated[int, typer.Option(help="Seed of the bootstrap.")]


def path_of(text: str | None) -> Path | None:
    """Return the path that an option names, None where it was not given."""
    return None if text is None else Path(text)
