"""Superlatives over a table: the row with the highest or lowest value of a column, and the cell that is asked for.

"Which line has the most passengers?" is answered by one row, which no reader finds, since it sees a few rows at a time.
The row is selected, its cells are quoted as they stand; nothing is computed that would be shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import regex

from rag.text.cell_values import Value, column_values, is_dated
from rag.text.language import fold, words
from rag.text.naming import EMPTY, Asked
from rag.text.questions import Wanted, wanted
from rag.text.superlatives import TOTALS, Measure, Superlative, counts, measures, superlative
from rag.text.tables import TableRow
from rag.types import Passage

LEAST_ROWS = 2
"""Rows of which one may be the first, the largest and so on."""
COVERED = 0.5
"""Share of the question's words that a table must hold, in its names of columns, its cells and the headings above it.
Chosen by eye; not measured."""
_AGE = regex.compile(r"(?<!\p{L})(?:age|varst|alter|edad|eta|idade|kor|возраст|wiek)(?!\p{L}{4})")
_TIME = regex.compile(r"(?<!\p{L})(?:time|timp|zeit|temps|tiempo|tempo|ido|время|czas)(?!\p{L})")
_ASKS = regex.compile(
    r"(?<![\p{L}])(?:which|what|was(?= (?:ist|sind|war|waren) )|whose|ce|care|welche[nrsm]?|quel(?:le)?s?"
    r"|que|cual(?:es)?|qual[ei]?|quais|melyik|milyen|какой|"
    r"какая|какое|jaki|jaka|ktory|ktora)(?![\p{L}])"
)
_IN = regex.compile(
    r"\W*(?:place |loc |locul )?(?:in|by|for|on|when|after|la|dupa|bei|nach|en|par|per|por|a|по)(?!\p{L})"
)
_IS = regex.compile(
    r"(?:is|was|are|were|e|este|era|a|sunt|ist|war|sind|est|sont|son|es|sono) ?(?:the|der|die|das|le|la|les|el|il|o)? ?"
)
_BEST = frozenset(
    ["best", "worst", "top", "beste", "besten", "bun", "buna", "meilleur", "meilleure", "mejor", "migliore", "melhor"]
)


@dataclass(frozen=True)
class PlacedRow:
    """A row of a table with the passage in which it stands and the number of its sentence there."""

    passage: Passage
    number: int
    row: TableRow


@dataclass(frozen=True)
class Selected:
    """The row that a superlative selects, and the number of its cell that answers; None where that is not clear."""

    row: PlacedRow
    cell: int | None


@dataclass(frozen=True)
class _Table:
    """The rows of a table below the same names of columns, in the document's order, and a question about them."""

    rows: Sequence[PlacedRow]
    asked: Asked
    question: str
    sought: Superlative

    @property
    def names(self) -> tuple[str, ...]:
        return self.rows[0].row.columns

    @cached_property
    def values(self) -> list[tuple[Value | None, ...] | None]:
        """The values of each column, None for one that cannot be compared."""
        return [column_values(self.column(at)) for at in range(len(self.names))]

    @cached_property
    def ranks(self) -> frozenset[int]:
        """The columns that say which place a row has."""
        return frozenset(at for at, name in enumerate(self.names) if self.values[at] and measures(name, Measure.PLACE))

    def column(self, at: int) -> list[str]:
        return [placed.row.cells[at] for placed in self.rows]

    def named(self, text: str, *, reverse: bool = False) -> list[int]:
        """Return the columns whose names hold words of a text, that of the first word first (of the last: ``reverse``).

        Where several hold a word, that comes first of which the whole question has more words.
        """
        in_question = [self._matched(name) for name in self.names]
        weights = [
            sum(counts / sum(word in one for one in in_question) for word, counts in each.items())
            for each in in_question
        ]
        order = words(text)[::-1] if reverse else words(text)
        found: dict[int, None] = {}
        for word in order:
            holding = [at for at, each in enumerate(in_question) if word in each]
            found |= dict.fromkeys(sorted(holding, key=lambda at: (-weights[at], at)))
        return list(found)

    def _matched(self, text: str) -> dict[str, float]:
        return self.asked.matched(words(text), self.rows[0].passage.language)

    def covered(self) -> float:
        """Return the share of the question's words that stand in the table or above it."""
        passage = self.rows[0].passage
        told = [passage.title, *passage.path_at(self.rows[0].passage.start), *self.names]
        held = set(self._matched("\n".join([*told, *(cell for placed in self.rows for cell in placed.row.cells)])))
        sought = set(words(self.question[self.sought.start : self.sought.end]))
        content = [word for word in self.asked.words if word not in sought]
        return sum(word in held for word in content) / len(content) if content else 1.0


def select(question: str, rows: Sequence[PlacedRow], *, is_nearest: bool) -> Selected | None:
    """Return what a superlative of the question selects from a table; None where it has none, or it is not clear.

    Args:
        rows: those of one table, in the order of the document, all with the same names of columns.
        is_nearest: whether the table stands in the best passage; another must hold half of the question's words.
    """
    sought = superlative(question)
    rows = [placed for placed in rows if not _is_total(placed.row)]
    if sought is None or len(rows) < LEAST_ROWS or not rows[0].row.columns:
        return None
    table = _Table(rows, Asked.of(question, rows[0].passage.language), fold(question), sought)
    if not is_nearest and table.covered() < COVERED:
        return None
    measured, highest = _measured(table)
    if measured is None and sought.measure is not Measure.PLACE:
        return None
    of_those = _restricted(table, measured)
    if measured is None:
        found = of_those[-1 if highest else 0]
    else:
        # A row without a rank among ranked ones stands for all of them: the world among countries.
        ranked = [told for at in table.ranks if (told := table.values[at]) and 5 * told.count(None) <= len(told)]
        told = table.values[measured] or ()
        valued = [
            (value, -at)
            for at in of_those
            if (value := told[at]) is not None and all(ranks[at] is not None for ranks in ranked)
        ]
        if not valued:
            return None
        found = -(max(valued) if highest else min(valued, key=lambda one: (one[0], -one[1])))[1]
    return Selected(rows[found], _asked_for(table, measured, found))


def _is_total(row: TableRow) -> bool:
    """Return whether a row sums up others, or goes across the table."""
    names = [cell for cell in row.cells if any(c.isalpha() for c in cell)]
    return any(TOTALS.match(fold(name)) for name in names[:1]) or (len(names) > 1 and names[0] == names[1])


def _measured(table: _Table) -> tuple[int | None, bool]:
    """Return the column whose values are compared, None for the rows' order, and whether the highest is sought."""
    sought, measure = table.sought, table.sought.measure
    comparable = [at for at, values in enumerate(table.values) if values]
    open_columns = [at for at in comparable if at not in table.ranks]
    behind_text = table.question[sought.end :]
    behind = [at for at in table.named(behind_text) if at in open_columns]
    if measure is Measure.PLACE:
        dated = [at for at in comparable if is_dated(table.column(at))]
        if any(at in dated for at in behind):
            return next(at for at in behind if at in dated), sought.highest
        if behind and _IN.match(behind_text):  # the first in points has the most
            return behind[0], not sought.highest
        if table.ranks and not (dated and min(table.ranks) > 0):
            return min(table.ranks), sought.highest
        return (dated[0], sought.highest) if dated else (None, sought.highest)
    if behind:
        return _turned(table, behind[0])
    fitting = [at for at in open_columns if measure and _fits(table, at, measure)]
    if fitting:
        return _turned(table, fitting[0])
    if table.ranks and (_is_best(table) or measure is Measure.HEIGHT):  # the best and the highest place is the first
        return min(table.ranks), not sought.highest
    before = [at for at in table.named(_without_asked(table), reverse=True) if at in open_columns]
    if before:
        return _turned(table, before[0])
    for counted in (
        [at for at in open_columns if counts(table.names[at], table.question)],
        [at for at in open_columns if TOTALS.match(fold(table.names[at]))],
    ):
        if counted:
            return counted[0], sought.highest
    left = [at for at in open_columns if not is_dated(table.column(at)) and measure in (None, Measure.SIZE)]
    return (left[0], sought.highest) if len(left) == 1 else (None, sought.highest)


def _fits(table: _Table, at: int, measure: Measure) -> bool:
    """Return whether a column holds what an adjective measures, by its name or by being one of dates."""
    is_date = measure is Measure.DATE and is_dated(table.column(at))
    return is_date or measures(table.names[at], measure) or _is_age(table, at)


def _is_age(table: _Table, at: int) -> bool:
    return table.sought.measure is Measure.DATE and bool(_AGE.search(fold(table.names[at])))


def _is_best(table: _Table) -> bool:
    return bool(_BEST & set(words(table.question[table.sought.start : table.sought.end])))


def _turned(table: _Table, at: int) -> tuple[int, bool]:
    """Return a column and whether its highest value is sought: of age for the oldest, not of time for the fastest."""
    is_time = table.sought.measure is Measure.SPEED and bool(_TIME.search(fold(table.names[at])))
    return at, table.sought.highest != (is_time or _is_age(table, at))


def _restricted(table: _Table, measured: int | None) -> list[int]:
    """Return the rows that the question names by a cell of words, where it names some; else all."""
    every = list(range(len(table.rows)))
    asked = set(table.asked.words)
    for at in range(len(table.names)):
        if at == measured or at in table.ranks:
            continue
        column = [[w for w in words(cell) if w not in EMPTY] for cell in table.column(at)]
        some = [n for n in every if column[n] and any(w.isalpha() for w in column[n]) and set(column[n]) <= asked]
        if some and len(some) < len(every) and not set(column[some[0]]) <= set(words(table.names[at])):
            every = some
    return every


def _asked_for(table: _Table, measured: int | None, row: int) -> int | None:
    """Return the number of the cell that answers: in the column that is asked for, else the name of the row."""
    cells = table.rows[row].row.cells
    told = [at for at, cell in enumerate(cells) if any(c.isalnum() for c in cell)]
    kind = wanted(table.question)
    before = [at for at in table.named(table.question[: table.sought.start]) if at in told]
    asked = [at for at in table.named(_asked_noun(table)) if at in told]
    behind = [at for at in table.named(table.question[table.sought.end :]) if at in told]
    dated = [at for at in told if is_dated(table.column(at))]
    if asked:
        return asked[0]
    if kind is Wanted.DATE and dated:
        return dated[0]
    if measured is not None and kind is Wanted.NUMBER:
        return measured
    others = [at for at in before if at != measured and at not in table.ranks]
    others = [at for at in others if kind is not Wanted.PERSON or not table.values[at]]
    if others:
        return others[0]
    if _asks_value(table) and behind:
        return behind[0]
    return next((at for at in told if _names_rows(table, at, measured)), measured)


def _asked_noun(table: _Table) -> str:
    """Return the two words behind the one that asks, up to the superlative."""
    asks = _ASKS.search(table.question)
    text = table.question[asks.end() : table.sought.start] if asks and asks.end() < table.sought.start else ""
    return " ".join(words(_IS.sub("", text.strip() + " ", count=1) if _IS.match(text.strip() + " ") else text)[:2])


def _names_rows(table: _Table, at: int, measured: int | None) -> bool:
    """Return whether a column says what the rows are about: words, mostly another in each row."""
    column = [cell for cell in table.column(at) if cell]
    if at == measured or at in table.ranks or is_dated(column):
        return False
    return sum(any(c.isalpha() for c in cell) for cell in column) * 2 > len(column) and len(set(column)) * 2 > len(
        column
    )


def _asks_value(table: _Table) -> bool:
    """Return whether the superlative follows at once, as in "What is the highest …": the next noun is asked for."""
    asks = _ASKS.search(table.question)
    return asks is not None and bool(_IS.fullmatch(table.question[asks.end() : table.sought.start].strip() + " "))


def _without_asked(table: _Table) -> str:
    """Return the question up to the superlative, without the two words behind the one that asks."""
    asks = _ASKS.search(table.question)
    text = table.question[asks.end() if asks else 0 : table.sought.start]
    return " ".join(words(text)[2 if asks else 0 :])
