"""Naming: which rows and columns of a table a question names, so that the cell where they meet can be found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import log

import regex

from rag.text.cell_values import is_dated
from rag.text.language import SAME_LANGUAGE, fold, language_share, stem, words
from rag.text.numbers_names import alike
from rag.text.questions import Wanted, holds, wanted
from rag.text.tables import TableRow, table_rows
from rag.types import Passage

_EMPTY = (
    "a about all an and are as at be been by did do does for from had has have how in is it its many much of on or"
    " that the their them there they this to was were what when where which who whom whose will with you your"
    " ai al ale am ar are au ca cat cata cate cati ce cea cei cel cele cine cu cum cui da de din do e este eu fi fost"
    " in la le lui mai ne nu o pe pentru prin sa sau se si spre sunt un una unei unui unde va"
    " das dem den der des die ein eine einem einen einer eines es fur hat im ist mit und viel viele von war was welche"
    " welcher welches wer wie wieviel wo zu zum zur aux avec combien ces cette d dans du elle en est et il l les leur"
    " ou par pas pour qu que quel quelle quels qui s ses son sont sur une como con cual cuales cuando cuanto cuanta"
    " cuantos cuantas donde el esta las los para por quien su sus una unos y che chi come da del della di gli lo nel"
    " per quale quali quando quanti quante quanto sono sua suo um uma as os do dos da das na no nas nos qual quais"
    " quantos quantas foi az egy es hany hol ki kik melyik mennyi mennyibe mi mikor milyen van volt"
)
EMPTY = frozenset(_EMPTY.split())
"""Words, folded, that name neither row nor column: those of grammar and of asking, in nine languages."""
LIKE = 0.7
"""What a word counts that is only spelt alike: another ending, or another language. Chosen by eye; not measured."""
LEAST_NAMED = 0.5
"""Weight of the question's words in a row from which on it is named: one word that stands in two rows of three."""
SHORTEST_ALIKE = 4
"""Letters of a word that may be spelt alike."""
ENDING = 2
"""Letters that a short word may have more in one language: "mic" and "mici"."""
_NAME = regex.compile(r"(?<=\S[\s(„“\"«])\p{Lu}[\p{L}\p{M}]+")


class Lack(StrEnum):
    """What a table has not: the name or the year that is asked for, the row, or the column."""

    NAME = "name"
    ROW = "row"
    COLUMN = "column"


@dataclass(frozen=True, slots=True)
class Asked:
    """The words of a question that may name something, whether it is in the language of a passage, what it wants.

    ``names`` are those with a capital letter, of a question in German none.
    """

    words: tuple[str, ...]
    same_language: bool
    wanted: Wanted | None
    names: frozenset[str] = frozenset()

    @classmethod
    def of(cls, question: str, language: str) -> Asked:
        """Return what a question has for a passage in a language."""
        named = tuple(word for word in dict.fromkeys(words(question)) if word not in EMPTY)
        capital = frozenset(word for found in _NAME.findall(question) for word in words(found))
        names = frozenset() if language_share(question, "de") >= SAME_LANGUAGE else capital
        # Of "Câte etaje are Wells Fargo Center?" the names say nothing of its language.
        told = _NAME.sub(" ", question)
        return cls(named, language_share(told, language) >= SAME_LANGUAGE, wanted(question), names)

    def matched(self, cell: Collection[str], language: str) -> dict[str, float]:
        """Return the question's words that stand among those of a cell, and what each counts, to 1."""
        stems = {stem(word, language) for word in cell}
        found = {}
        for word in self.words:
            if word in cell or (self.same_language and not word.isdigit() and stem(word, language) in stems):
                found[word] = 1.0
            elif len(word) > ENDING and word.isalpha() and any(self._is_like(word, one) for one in cell):
                found[word] = LIKE
        return found

    def _is_like(self, word: str, other: str) -> bool:
        shorter, longer = sorted((word, other), key=len)
        ends = self.same_language and len(shorter) > ENDING and len(longer) - len(shorter) <= ENDING
        if ends and other.isalpha() and longer.startswith(shorter):
            return True
        return (
            min(len(word), len(other)) >= SHORTEST_ALIKE and other.isalpha() and alike(word, other, self.same_language)
        )


@dataclass(frozen=True, slots=True)
class Naming:
    """How far a question names a row of a table.

    ``row`` is the weight of the question's words in its cells, rare ones of the table the more; ``share`` that by the
    highest in the table, 1 for the row that is meant. ``keys`` are the cells with such words, ``columns`` the weight of
    the question's words in the name of each cell's column. ``missing`` are the question's words in none of them;
    ``same_language`` says whether that tells something, for the table may be all names; of ``names``, those with a
    capital letter, it does in any case. ``held`` are those in its cells, ``is_whole`` says that they
    are all words of one cell.
    """

    row: float
    share: float
    keys: frozenset[int]
    columns: tuple[float, ...]
    missing: frozenset[str]
    same_language: bool
    held: frozenset[str]
    is_whole: bool
    names: frozenset[str] = frozenset()


def namings(question: str, passage: Passage) -> Mapping[int, Naming]:
    """Return how far a question names each row of the tables in a passage, but for the names of columns."""
    rows = {number: row for number, row in table_rows(passage).items() if not row.is_header}
    if not rows:
        return {}
    asked = Asked.of(question, passage.language)
    found: dict[int, Naming] = {}
    for table in dict.fromkeys(row.table for row in rows.values()):
        found |= _in_table(asked, {n: row for n, row in rows.items() if row.table == table}, passage.language)
    return found


def _in_table(asked: Asked, rows: Mapping[int, TableRow], language: str) -> dict[int, Naming]:
    matched = {
        number: [asked.matched(words(cell), language) for cell in (*row.cells, row.group)]
        for number, row in rows.items()
    }
    often = Counter(word for cells in matched.values() for word in {word for cell in cells for word in cell})
    headers: dict[tuple[str, ...], list[dict[str, float]]] = {}
    for row in rows.values():
        if row.columns not in headers:
            headers[row.columns] = [asked.matched(words(column), language) for column in row.columns]
    weigh = {word: log(1 + len(rows) / count) for word, count in often.items()}
    raw: dict[int, float] = {}
    for number, cells in matched.items():
        best: dict[str, float] = {}
        for cell in cells:
            for word, counts in cell.items():
                best[word] = max(best.get(word, 0.0), counts)
        raw[number] = sum(weigh[word] * counts for word, counts in best.items()) + _whole(rows[number], cells)
    top = max(raw.values())
    found = {}
    for number, row in rows.items():
        keys = frozenset(
            at
            for at, cell in enumerate(matched[number][:-1])
            if any(often[w] < len(rows) or len(rows) == 1 for w in cell)
        )
        held = frozenset(word for at in keys for word in matched[number][at])
        names = headers[row.columns] or [{} for _ in row.cells]
        # "Class" names the rows "Class I" and "Class II", and not the column "Pupils of the class".
        used = {word for at in keys for word in held if word in names[at]}
        rare = Counter(word for name in names for word in name)
        columns = tuple(sum(counts / rare[w] for w, counts in name.items() if w not in used) for name in names)
        seen = {word for cell in (*matched[number], *names) for word in cell}
        share = raw[number] / top if top else 0.0
        found[number] = Naming(
            row=raw[number],
            share=share,
            keys=keys,
            columns=columns,
            missing=frozenset(asked.words) - seen,
            same_language=asked.same_language
            or any(len(w) >= SHORTEST_ALIKE and one == 1.0 for name in names for w, one in name.items()),
            names=asked.names,
            held=held,
            is_whole=_whole(row, [matched[number][at] if at in keys else {} for at in range(len(row.cells))]) == 1,
        )
    return found


def _whole(row: TableRow, matched: Sequence[Mapping[str, float]]) -> float:
    """Return what it counts that the question has all words of a cell: it names that cell, not one with more words."""
    shares = [
        len(found) / max(1, len({word for word in words(cell) if word not in EMPTY}))
        for cell, found in zip(row.cells, matched, strict=False)
        if found
    ]
    return max(shares, default=0.0)


_YEAR = regex.compile(r"1[0-9]{3}|2[01][0-9]{2}")
_AMOUNT = regex.compile(
    r"(?<!\p{L})(?:number|amount|total|numarul|numar|totalul|suma|anzahl|zahl|nombre|montant|numero|cantidad|importe|quantita|szama|число)"
    r"(?!\p{L})"
)


def kind_wanted(question: str) -> Wanted | None:
    """Return the kind of answer that a question asks for, also with "What is the number of …"."""
    kind = wanted(question)
    return Wanted.NUMBER if kind is None and _AMOUNT.search(fold(question)) else kind


def fitting(row: TableRow, kind: Wanted | None) -> list[int]:
    """Return the numbers of the cells that may be of a kind."""
    return [
        at for at, cell in enumerate(row.cells) if cell and (kind is None or kind is Wanted.PERSON or holds(cell, kind))
    ]


def cell_asked_for(naming: Naming, row: TableRow, kind: Wanted | None) -> int | None:
    """Return the number of the cell in the column that a question names, or the only one of the kind it wants.

    None where several or none are. A cell that names the row is no answer.
    """
    left = [at for at in fitting(row, kind) if at not in naming.keys]
    best = max((naming.columns[at] for at in left), default=0.0)
    named = [at for at in left if naming.columns[at] == best]
    if best > 0:
        return named[0] if len(named) == 1 else None
    return left[0] if len(left) == 1 and (kind is not None or len([cell for cell in row.cells if cell]) == 2) else None


def lacks(question: str, row: TableRow, naming: Naming, is_only: bool, above: Collection[str]) -> Lack | None:
    """Return what a question asks for that the table has not, as far as words tell; None where they tell nothing.

    That is where words of it stand neither in the row nor in the names of columns nor above the table, and

    - the row is of another year, or of another name: the name stands nowhere and no row is named, or it stands beside
      a word that names the row ("Foshay Tower", "IDS Tower");
    - no row is named, or several, or a word beside one that names the row is missing;
    - none is named of several columns that could hold such an answer.

    Of another language only names tell something. A price may be asked for by "cost", so only the first is certain.

    Args:
        is_only: whether no other row is named as much.
        above: words of the title and the headings.
    """
    told = set(above)
    missing = {one for one in naming.missing if not any(alike(one, word, True) for word in told)}
    names = missing & naming.names
    is_named = is_only and naming.row >= LEAST_NAMED
    if not naming.same_language:
        return Lack.NAME if names and not is_named else None
    if not missing:
        return None
    apart = not naming.is_whole and _differs(words(question), naming.held, missing)
    if _is_of_another_year(row, missing) or (names and (not is_named or apart)):
        return Lack.NAME
    if not is_named or apart:
        return Lack.ROW
    kind = kind_wanted(question)
    fits = [at for at in fitting(row, kind) if at not in naming.keys]
    if kind is Wanted.DATE:
        fits = [at for at in fits if is_dated([row.cells[at]])]
    unnamed = kind in (Wanted.NUMBER, Wanted.DATE) and len(fits) != 1 and not any(naming.columns[at] for at in fits)
    return Lack.COLUMN if unnamed else None


def _is_of_another_year(row: TableRow, missing: Collection[str]) -> bool:
    return any(_YEAR.fullmatch(word) for word in missing) and any(
        _YEAR.fullmatch(word) for cell in row.cells for word in words(cell)
    )


def _differs(question: Sequence[str], held: Collection[str], missing: Collection[str]) -> bool:
    """Return whether a word that the row has not stands in the question right beside one that it has."""
    content = [word for word in question if word not in EMPTY]
    return any({a, b} & set(held) and {a, b} & set(missing) for a, b in pairwise(content))
