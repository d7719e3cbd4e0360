"""Headings, questions, labels and entries of contents in a document: they lead to other text and do not answer.

A document may hold the user's question itself, for example in a list of frequently asked questions. Then the text below
that question is the answer. So such a sentence hands its score on to the next sentence (`rag.read`).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from functools import lru_cache

import regex

from rag.text.heading_lines import LONGEST_TITLE
from rag.text.language import words
from rag.text.markup import without_markup
from rag.text.questions import LAST, asks
from rag.text.tables import table_rows
from rag.types import Passage

LONGEST_HEADING = 100
"""Characters of a line that may be a heading without being marked as one."""

_MARKED = regex.compile(r"#{1,6}[ \t]+[^\n]+|[^\n]+\n(?:=+|-+)[ \t]*")
"""Markdown's headings, with number signs or underlined."""
_NUMBER = regex.compile(r"(?:#{1,6}[ \t]+)?(?:[\p{N}.]+|[IVXLCDM]+\.|\p{Lu}\.)")
"""The number of a heading. Splitting at full stops makes it a sentence of its own."""
_CLOSING = r"(?:[\p{P}\p{S}]|\[\p{N}+\])*$"
"""What may follow the mark that ends a sentence: quotes, brackets, the number of a note."""
_NOT_HEADING = regex.compile(rf"[\n:：]|[\p{{Sentence_Terminal}};,…]{_CLOSING}")
"""Several lines, a fact ("Price: 100 lei"), or punctuation at the end."""
_CONTINUES = regex.compile(r"[^\p{L}\p{N}]|\P{L}*\p{Ll}")
"""How a line begins that is no heading: with a list's mark or a small letter."""
_FINISHED = regex.compile(rf"[\p{{Sentence_Terminal}}…]{_CLOSING}")
_OPENS = regex.compile(r"[:：]$")
_LISTED = regex.compile(r"(?:\.[ \t]?){6,}|…{3,}")
"""The dots between a heading and its page in a table of contents."""
_ASKED_LINE = regex.compile(r"[?？؟][ \t]*$", flags=regex.MULTILINE)
_BLANK_LINE_BEFORE = regex.compile(r"(?:^|\n[ \t]*\n)[ \t]*$")
_BLANK_LINE_AFTER = regex.compile(r"[ \t]*\n[ \t]*\n")


MOST_LABEL_WORDS = 3
_LABELS = (
    "atentie nota important observatie observatii precizare precizari avertisment pericol sfat retineti exemplu"
    " attention note notes warning caution notice nb tip hint remark example danger disclaimer achtung hinweis"
    " hinweise wichtig anmerkung vorsicht tipp beispiel warnung remarque avertissement exemple astuce atencion"
    " aviso importante ejemplo advertencia attenzione avviso esempio avvertenza atencao exemplo figyelem"
    " megjegyzes fontos figyelmeztetes pelda uwaga wazne przyklad внимание важно примечание пример"
)
LABELS = frozenset(_LABELS.split())
"""Words, folded, that only announce what follows them; ten languages."""
_LINKS = (
    "inapoi sus, sus, inapoi, inainte, pagina urmatoare, pagina anterioara, cuprins, acasa, mai mult, citeste mai"
    " mult, back to top, top, back, next, previous, next page, previous page, home, table of contents, contents,"
    " read more, skip to content, nach oben, zuruck, weiter, inhaltsverzeichnis, inhalt, haut de page, retour,"
    " suivant, sommaire, table des matieres, inicio, volver arriba, siguiente, anterior, indice, torna su,"
    " indietro, avanti, sommario, vissza, tartalom, tartalomjegyzek"
)
LINKS = frozenset(_LINKS.split(", "))
"""Texts of links, folded, that lead to another page or place and say nothing."""
_CALLS = regex.compile(r"[!！:：]\W*$")
_PAGE_NUMBER = regex.compile(
    r"\W{0,3}(?:(?:pagina|pag|page|seite|oldal|strona|p|стр|страница)\W{0,3}\p{N}{1,4}|\p{N}{1,3})"
    r"(?:\s{0,3}(?:din|of|von|de|di|/|sur|z|из)\s{0,3}\p{N}{1,4})?\W{0,3}",
    regex.IGNORECASE,
)
_CRUMBS = regex.compile(r"[^›»>\n]{1,40}(?:\s[›»>]\s[^›»>.\n]{1,40}){2,9}")


class HeadingKind(Enum):
    """How a sentence leads to another: a question, a heading, a label or a colon at the end to what comes next.

    An entry in a table of contents leads to a page, the names of columns to all rows of their table, a page number or a
    link to the top of the page nowhere. A label is "Note:", "Atenție!" and the like.
    """

    QUESTION = "question"
    HEADING = "heading"
    COLON = "colon"
    LABEL = "label"
    CONTENTS = "contents"
    COLUMNS = "columns"
    NAVIGATION = "navigation"

    @property
    def to_the_next(self) -> bool:
        return self not in (HeadingKind.CONTENTS, HeadingKind.COLUMNS, HeadingKind.NAVIGATION)

    def says_nothing(self, wanted_is_there: bool) -> bool:
        """Return whether such a sentence is no answer, ``wanted_is_there`` where it holds the date or so asked for.

        A heading may be one ("Adopted on 5 May"), and what ends in a colon.
        """
        return self is not HeadingKind.COLON and not (self is HeadingKind.HEADING and wanted_is_there)


def headings(passage: Passage) -> list[HeadingKind | None]:
    """Return for every sentence of a passage how it leads to the next; None where it says something by itself."""
    texts = [passage.quote(span) for span in passage.sentences]
    rows = table_rows(passage)
    found: list[HeadingKind | None] = [None] * len(texts)
    in_path: set[int] = set()
    # From the end, because the line above a heading may be a heading too.
    for row in reversed(range(len(texts))):
        if row in rows:
            found[row] = HeadingKind.COLUMNS if rows[row].is_header else None
        elif asks(texts[row]) or len(_ASKED_LINE.findall(texts[row])) > 1:
            found[row] = HeadingKind.QUESTION
        elif _LISTED.search(texts[row]):
            found[row] = HeadingKind.CONTENTS
        elif _is_navigation(texts[row]):
            found[row] = HeadingKind.NAVIGATION
        elif is_label(texts[row]):
            found[row] = HeadingKind.LABEL
        elif announces(texts[row]):
            found[row] = HeadingKind.COLON
        elif _is_in_path(passage, row):
            in_path.add(row)
            found[row] = HeadingKind.HEADING
        elif _is_heading(passage, texts, row, found):
            found[row] = HeadingKind.HEADING
    for row, heading in enumerate(found):
        if (
            heading is HeadingKind.HEADING
            and row not in in_path
            and not _MARKED.fullmatch(texts[row])
            and _completes(texts, row, found)
        ):
            found[row] = None
    return found


def is_label(text: str) -> bool:
    """Return whether a sentence only says that the next one matters, or what kind of text it is.

    That is one word with an exclamation mark, or up to three words with one of `LABELS` among them.
    """
    if not _CALLS.search(text):
        return False
    found = words(without_markup(text))
    if not 0 < len(found) <= MOST_LABEL_WORDS:
        return False
    return any(word in LABELS for word in found) or (len(found) == 1 and not announces(text))


def _is_navigation(text: str) -> bool:
    """Return whether a line is a page number, a link to another place, or the way to a page ("Home › News")."""
    if len(text) > LONGEST_HEADING:
        return False
    return bool(_PAGE_NUMBER.fullmatch(text) or _CRUMBS.fullmatch(text)) or " ".join(words(text)) in LINKS


def _is_in_path(passage: Passage, row: int) -> bool:
    """Return whether a sentence is a heading above itself, as the outline of the document has it."""
    span = passage.sentences[row]
    path = passage.path_at(span[0])
    if not path or span[1] - span[0] > LONGEST_HEADING + LONGEST_TITLE:
        return False
    told = words(without_markup(passage.quote(span)))
    return any(told[: len(named)] == named if cut else told == named for named, cut in map(_title_words, path))


@lru_cache(maxsize=1024)
def _title_words(title: str) -> tuple[list[str], bool]:
    """Return the words of a title of a path, and whether the title was cut, so that its heading may have more."""
    return words(title), title.endswith("…")


def announces(text: str) -> bool:
    """Return whether a sentence ends in a colon, so that what it speaks of comes next."""
    return bool(_OPENS.search(text))


def _is_heading(passage: Passage, texts: Sequence[str], row: int, found: Sequence[HeadingKind | None]) -> bool:
    """Return whether a sentence is marked as a heading, or an unfinished line by itself above text."""
    text = texts[row]
    if _NUMBER.fullmatch(text):
        return False
    numbered = _is_numbered(texts, row)
    if _MARKED.fullmatch(texts[row - 1] + " " + text if numbered else text):
        return True
    if len(text) > LONGEST_HEADING or _NOT_HEADING.search(text) or (_CONTINUES.match(text) and not numbered):
        return False
    start, end = passage.sentences[row - numbered][0] - passage.start, passage.sentences[row][1] - passage.start
    if not (
        _BLANK_LINE_BEFORE.search(passage.text, max(0, start - LAST), start)
        and _BLANK_LINE_AFTER.match(passage.text, end)
    ):
        return False
    below = row + 1 + _is_numbered(texts, row + 2)
    if below >= len(texts):
        return False
    if found[below] is HeadingKind.QUESTION or (found[below] is HeadingKind.HEADING and _is_numbered(texts, below)):
        return True
    return len(texts[below]) > len(text) and _is_finished(texts[below])


def _completes(texts: Sequence[str], row: int, found: Sequence[HeadingKind | None]) -> bool:
    """Return whether a line stands below an unfinished one, which speaks of it: a command, the first of a list."""
    if row == 0 or _is_numbered(texts, row) or found[row - 1] in (HeadingKind.HEADING, HeadingKind.QUESTION):
        return False
    return not _is_finished(texts[row - 1])


def _is_finished(text: str) -> bool:
    return bool(_FINISHED.search(text[-LAST:]))


def _is_numbered(texts: Sequence[str], row: int) -> bool:
    return 0 < row < len(texts) and bool(_NUMBER.fullmatch(texts[row - 1]))
