"""Cells: find the row of a table that a question names or selects, and the cell of it that answers.

A question names a row by words that stand in its cells, and a column by words of its name (`rag.text.naming`); a
superlative selects the row with the highest or lowest value (`rag.superlative_rows`). The reader reads the named rows
by themselves. Its answer is taken as the whole cell in which it stands: "7 €", not "7".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from rag.models.reader import LEAST_CERTAIN, NAMED, ReaderAnswer
from rag.retrieve import SELECTED, Retrieval
from rag.superlative_rows import PlacedRow, Selected, select
from rag.text.language import words
from rag.text.naming import LEAST_NAMED, Lack, Naming, cell_asked_for, kind_wanted, lacks, namings
from rag.text.superlatives import superlative
from rag.text.tables import TableRow, table_rows
from rag.types import PATH, Floats, Passage, Span

CERTAIN = 6.0
"""Log-odds of a cell that is selected: as sure as the reader is where nine of ten answers are right. Chosen by eye."""
LONGEST_CELL = 60
"""Characters of a cell that is given whole as the short answer; of a longer one what the reader found. Chosen by eye;
not measured."""
Namings = Mapping[str, Mapping[int, Naming]]


def name_rows(retrieval: Retrieval, passages: Sequence[Passage]) -> Namings:
    """Return how far the question names each row of the tables in some passages, by passage id and sentence."""
    return {passage.id: namings(retrieval.query, passage) for passage in passages}


def nearness(near: Floats, named: Mapping[int, Naming]) -> Floats:
    """Return the similarity of a passage's sentences, `NAMED` and more for the rows that the question names."""
    meant = [number for number, naming in named.items() if _is_meant(naming)]
    if not meant:
        return near
    raised = near.copy()
    raised[meant] = np.clip(near[meant], 0, 1) + NAMED
    return raised


def with_cells(retrieval: Retrieval, named: Namings) -> Retrieval:
    """Return the retrieval with the answers in rows of tables as cells, and with what is known of the rows."""
    passages = {hit.passage.id: hit.passage for hit in retrieval.hits}
    answers = dict(retrieval.answers)
    rows: dict[str, dict[int, float]] = {}
    for name, of_passage in named.items():
        passage = passages[name]
        told = table_rows(passage)
        found = list(answers.get(name) or ())
        for number, naming in of_passage.items():
            if found:
                found[number] = _cell(passage, told[number], naming, found[number], retrieval.query)
            if naming.row >= LEAST_NAMED:
                rows.setdefault(name, {})[number] = naming.share * _covered(retrieval.query, passage, number, naming)
        if found:
            answers[name] = tuple(found)
    seen = replace(retrieval, answers=answers, rows=rows)
    selected = _selected(seen, list(passages.values()))
    return seen if selected is None else _with_selected(seen, selected)


def _is_meant(naming: Naming) -> bool:
    return naming.row >= LEAST_NAMED and naming.share > 0.99


def lack(retrieval: Retrieval, passage: Passage, span: Span) -> Lack | None:
    """Return what the table of a sentence has not of what the question asks for; None where it is no row of one."""
    rows = table_rows(passage)
    number = next((one for one in rows if passage.sentences[one] == span), -1)
    row = rows.get(number)
    if row is None or row.is_header or retrieval.rows.get(passage.id, {}).get(number) == SELECTED:
        return None
    named = namings(retrieval.query, passage)
    alike = [one for n, one in named.items() if one.share > 0.99 and table_rows(passage)[n].table == row.table]
    above = words(PATH.join([passage.title, *passage.path_at(span[0])]))
    return lacks(retrieval.query, row, named[number], len(alike) == 1 and _is_meant(named[number]), above)


def _covered(question: str, passage: Passage, number: int, naming: Naming) -> float:
    """Return the share of the question's words that a row, its columns, the headings or the title hold."""
    above = set(words(PATH.join([passage.title, *passage.path_at(passage.sentences[number][0])])))
    asked = len(set(words(question)))
    return 1 - len(naming.missing - above) / max(1, asked)


def _cell(passage: Passage, row: TableRow, naming: Naming, found: ReaderAnswer, question: str) -> ReaderAnswer:
    """Return what the reader found in a row as a cell: that in the column which the question names, else its own."""
    spans = [(a + passage.start, b + passage.start) for a, b in row.spans]
    if _is_meant(naming):
        at = cell_asked_for(naming, row, kind_wanted(question))
        if at is not None and naming.columns[at] > 0:
            return replace(found, span=spans[at], score=max(found.score, LEAST_CERTAIN))
        holder = _holder(spans, found.span)
        if holder is None or holder in naming.keys:
            # An answer that only repeats the question says nothing.
            if at is not None:
                return replace(found, span=spans[at])
            return replace(found, score=min(found.score, LEAST_CERTAIN - 1.0))
    holder = _holder(spans, found.span)
    if holder is not None and spans[holder][1] - spans[holder][0] <= LONGEST_CELL:
        return replace(found, span=spans[holder])
    return found


def _holder(spans: Sequence[Span], span: Span) -> int | None:
    """Return the number of the cell in which an answer stands; None where it is empty or goes over several."""
    return next((n for n, (a, b) in enumerate(spans) if a <= span[0] < span[1] <= b), None)


def _selected(retrieval: Retrieval, passages: Sequence[Passage]) -> Selected | None:
    """Return what a superlative selects from the tables in the hits, the best hit's first."""
    if superlative(retrieval.query) is None:
        return None
    tables: dict[tuple[str, tuple[str, ...]], dict[int, PlacedRow]] = {}
    for passage in passages:
        for number, row in table_rows(passage).items():
            if row.columns:
                rows = tables.setdefault((passage.document_id, row.columns), {})
                rows.setdefault(passage.sentences[number][0], PlacedRow(passage, number, row))
    for (document, _), rows in tables.items():
        best = passages[0]
        is_nearest = best.document_id == document and any(placed.passage.id == best.id for placed in rows.values())
        found = select(retrieval.query, [rows[at] for at in sorted(rows)], is_nearest=is_nearest)
        if found is not None:
            return found
    return None


def _with_selected(retrieval: Retrieval, selected: Selected) -> Retrieval:
    """Return the retrieval with the selected row before all others, and its cell as the answer in it."""
    passage, number, row = selected.row.passage, selected.row.number, selected.row.row
    rows = {**retrieval.rows, passage.id: {**retrieval.rows.get(passage.id, {}), number: SELECTED}}
    answers = dict(retrieval.answers)
    if passage.id in answers:
        found = list(answers[passage.id])
        one = found[number]
        if selected.cell is not None:
            a, b = row.spans[selected.cell]
            one = replace(one, span=(a + passage.start, b + passage.start))
        found[number] = replace(one, score=max(one.score, CERTAIN))
        answers[passage.id] = tuple(found)
    return replace(retrieval, answers=answers, rows=rows)
