"""Write to the terminal: what is printed is text, whatever a document or a file's name holds."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from rag.text.characters import unseen, whole

_UNPRINTABLE = unseen(keep=r"\n\t")

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def note(line: str) -> None:
    """Print a remark on what is going on."""
    err.print(escape(line), style="dim")


def printable(text: str) -> str:
    """Return text from outside as the terminal may show it: no escape sequences, no rich markup."""
    return escape(_UNPRINTABLE.sub("", whole(text)))
