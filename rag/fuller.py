"""Fuller answers: a whole list where all of it is asked for, and more sentences where one thing alone does not answer.

That a question asks for all of a list is told by the evidence, in any language: the best sentence is an item, or leads
to items, and what leads to them is nearer to the question than each of them is ("What does the survey recommend?" under
"What we recommend"). Where it is not nearer, words for several things tell ("which", "care sunt";
`rag.text.asks_for_all`). That a question wants an explanation is told by the reader: it is certain of no short answer,
and no date, number or person is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.read import MARGIN, READ_MARGIN, Sentence, choose
from rag.same_words import apart_and_again
from rag.text.asks_for_all import asks_for_all
from rag.text.lists import Listed, lists_in
from rag.text.questions import wanted
from rag.text.tables import table_rows
from rag.types import Passage

MOST_ITEMS = 8
"""Items that are quoted; a longer list is named with how many more it has."""
MORE = 2
"""Sentences that an explanation has more than another answer."""
FAR_MARGIN = 2 * MARGIN
"""What a further sentence of an explanation may score below the best where it does not stand beside a quoted one
(docs/experiments.md, Lists and explanations)."""

EXPLAINED = 0.5
"""The confidence from which an explanation has more sentences: below it the page speaks of uncertain ground."""
SISTER_MARGIN = 2 * READ_MARGIN
"""What an item of a sister list may score below the best sentence. Chosen by eye; not measured."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The sentences to quote, in the order of the source, and how many more items their list has.

    ``again`` are for each sentence those of other documents that say the same.
    """

    sentences: tuple[Sentence, ...] = ()
    again: tuple[tuple[Sentence, ...], ...] = ()
    left_out: int = 0


def choose_fully(ranked: Sequence[Sentence], limit: int, question: str, *, explains: bool = True) -> Chosen:
    """Return the sentences to quote: the whole list that answers, or what `rag.read.choose` chooses and more.

    Args:
        limit: sentences of an answer that is neither a list nor an explanation.
        explains: whether an explanation may have more. What is unsure is not made surer by more of the same.
    """
    chosen, left_out = _whole_list(ranked, question)
    if not chosen:
        chosen = choose(list(ranked), limit, question)
        chosen = _explained(ranked, chosen, limit + MORE, question) if explains else chosen
    apart, again = apart_and_again(chosen, ranked)
    return Chosen(tuple(apart), tuple(again), left_out)


def _whole_list(ranked: Sequence[Sentence], question: str) -> tuple[list[Sentence], int]:
    """Return the items of the list that answers, below what announces them, and how many more items it has.

    Nothing where no list answers, or one of its items does by itself.
    """
    best = ranked[0] if ranked else None
    listed = _list_of(best) if best else None
    if best is None or listed is None:
        return [], 0
    everything = asks_for_all(question)
    if everything:
        best, listed = _nearest(ranked, best, listed)
    items, lead = _sentences_of(ranked, best.hit.passage, listed)
    if not (everything or _leads(lead, items, question)):
        return [], 0
    chosen = _around(items, best)
    return [*([lead] if lead is not None and listed.announced else []), *chosen], len(listed.items) - len(chosen)


def _list_of(best: Sentence) -> Listed | None:
    """Return the list that a sentence is an item of, or leads to."""
    passage = best.hit.passage
    if best.span not in passage.sentences:
        return None
    row = passage.sentences.index(best.span)
    return next((one for one in lists_in(passage) if row in one.sentences or row == one.lead), None)


def _sentences_of(
    ranked: Sequence[Sentence], passage: Passage, listed: Listed
) -> tuple[list[Sentence], Sentence | None]:
    """Return the first sentence of each item of a list, and the one that leads to it."""
    known = {s.span: s for s in ranked if s.hit.passage.document_id == passage.document_id}
    items = [known.get(passage.sentences[item[0]]) for item in listed.items]
    lead = None if listed.lead is None else known.get(passage.sentences[listed.lead])
    return [item for item in items if item is not None], lead


def _nearest(ranked: Sequence[Sentence], best: Sentence, listed: Listed) -> tuple[Sentence, Listed]:
    """Return the sister list whose heading is nearest to the question, with its best item.

    Sister sections have much the same items, and the question names the section: "the steps for a Romanian buyer".
    """
    document_id = best.hit.passage.document_id
    found = {(best.hit.passage.id, listed): best}
    for sentence in ranked:
        if best.score - sentence.score > SISTER_MARGIN or sentence.is_heading:
            break
        sister = _list_of(sentence) if sentence.hit.passage.document_id == document_id else None
        if sister is not None:
            found.setdefault((sentence.hit.passage.id, sister), sentence)
    leads = [(_sentences_of(ranked, one.hit.passage, each)[1], each, one) for (_, each), one in found.items()]
    told = [(lead.cosine, each, one) for lead, each, one in leads if lead is not None]
    if len(told) < len(leads):
        return best, listed
    _, nearest, its_best = max(told, key=lambda row: row[0])
    return its_best, nearest


def _leads(lead: Sentence | None, items: Sequence[Sentence], question: str) -> bool:
    """Return whether what leads to a list is nearer to the question than each of its items is."""
    if lead is None or not items or wanted(question) is not None:
        return False
    # The first item got the likeness of the heading above it.
    return lead.cosine >= max((item.cosine for item in items[1:]), default=0.0)


def _around(items: Sequence[Sentence], best: Sentence) -> list[Sentence]:
    """Return the first items, or those around the best one where it comes later."""
    at = next((number for number, item in enumerate(items) if item.span == best.span), 0)
    first = 0 if at < MOST_ITEMS else max(0, min(at - MOST_ITEMS // 2, len(items) - MOST_ITEMS))
    return list(items[first : first + MOST_ITEMS])


def _explained(ranked: Sequence[Sentence], chosen: list[Sentence], limit: int, question: str) -> list[Sentence]:
    """Return the chosen sentences with more of their passage, where the reader is certain of no short answer."""
    best = ranked[0] if ranked else None
    if best is None or best.is_heading or best.found is None or best.found.is_shown or wanted(question) is not None:
        return chosen
    passage = best.hit.passage
    rows = {span: row for row, span in enumerate(passage.sentences)}
    if table_rows(passage).get(rows[best.span]) is not None:
        return chosen
    places = {rows[one.span] for one in chosen if one.hit.passage.id == passage.id}
    more = list(chosen)
    for sentence in ranked[1:]:
        behind = best.score - sentence.score
        if len(more) >= limit or behind > READ_MARGIN or sentence.is_heading:
            break
        if sentence in more or sentence.hit.passage.id != passage.id:
            continue
        beside = any(abs(rows[sentence.span] - row) == 1 for row in places)
        if behind > FAR_MARGIN and not beside:
            continue
        if passage.path_at(sentence.span[0]) != passage.path_at(best.span[0]):
            continue
        more.append(sentence)
        places.add(rows[sentence.span])
    order = list(dict.fromkeys(sentence.hit.passage.document_id for sentence in chosen))
    return sorted(more, key=lambda s: (order.index(s.hit.passage.document_id), s.span))
