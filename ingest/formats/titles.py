"""Titles: tell what a file states as its title from what a program put there. Runs in the bounded process."""

from __future__ import annotations

import re

_BY_A_PROGRAM = re.compile(r"^(?:microsoft (?:office )?(?:word|powerpoint|excel)|powerpoint presentation) - ", re.I)
_NO_TITLE = re.compile(
    r"""[\W_]*
    | [^\s/]+\.(?:[a-z][a-z\d]{2}|html|xhtml|docx|xlsx|pptx|indd)   # a name of a file without blanks: 10811.exe
    | .*\.(?:docx?|odt|rtf|tex|indd|pdf|txt|dvi|html?|xlsx?|pptx?|qxd|pmd)
    | [a-z]:[\\/].* | file:.*
    | [(\[<]?(?:anonymous|unspecified|untitled|unknown|no\ title|none|null|title|titlu|fără\ titlu|sans\ titre
        |sin\ título|unbenannt|ohne\ titel|senza\ titolo|sem\ título|без\ названия|new\ page|pagină\ nouă|word\ document
        |powerpoint\ presentation|prezentare\ powerpoint)(?:[ -]?(?:document|page|presentation))?[ -]?\d*[)\]>]?
    | (?:document|doc|page|pagina|slide|diapozitivul|sheet|presentation|prezentare|foaie|dokument|documento?|scan|img)
        [ _-]?\d*
    """,
    re.I | re.X,
)
"""A name of a file, or what a program writes for none; python-docx writes "Word Document"."""


def usable_title(stated: str) -> str:
    """Return a stated title on one line, "" where it is the name of a file or what programs write for none."""
    title = _BY_A_PROGRAM.sub("", " ".join(stated.split()))
    return "" if _NO_TITLE.fullmatch(title) else title
