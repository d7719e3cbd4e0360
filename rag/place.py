"""A place to look: the document that a question names, and what remains of the question without the name.

"In the Street Stream NDA, may the recipient keep copies?" is "May the recipient keep copies?", asked of that document.
The name would drown the question: it is nearest to the opening lines with the parties. The words of the name are
found around a word for the kind of document (`rag.text.document_kinds`), to either side of it as far as that document
is called by them (`rag.document_names`). A name that is the subject of the question is cut down to that word: "Does the
NDA allow copies?".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import regex

from rag.document_names import Called, DocumentNames, Word, words_of
from rag.text.document_kinds import ANY, ARTICLES, LETTER, is_certain, is_part, is_place, kinds, opens_with_place
from rag.text.language import fold
from rag.types import Span

UNKNOWN_NUMBER, UNKNOWN_NAME, UNKNOWN_WORD, JOINT, COMMA = -1.0, -0.5, -0.7, -0.05, -0.1
"""What counts that a document is not called by: a number, a name, another word, one that joins, a comma between."""
KNOWN = 0.3
"""What a word counts that a document is called by, beside how rare that is among the documents (0..1)."""
SMALL, OPENED = 0.5, 0.8
"""What the rarity counts of a word in small letters, as "two-way" beside "OISAIR", and of one that the title lacks."""
LEAST = 0.8
"""The least count of a name: one word that few other documents are called by. Chosen by eye, as those above."""
NEARLY = 0.15
"""Documents that count within this of the best are looked in as well."""
MOST = 3
"""Documents of one name; where more are called so, the words name none."""
JOINS = 3.2
"""Rarity of a word in nats below which it only joins others, as `rag.followup.NAMES_SOMETHING`."""
LEAST_LEFT = 2
"""Words of a question behind a clause that only says where to look, at least."""
BESIDE = 6
"""Words beside the kind among which a name that no document has says that none is meant."""
STRANGE = 1
"""Words that a document is not called by within its name behind the kind, at most; before the kind none."""
BETWEEN = 4
"""Words between a name and the comma at the end of its clause, at most."""

_STOP = regex.compile(r"[;?？；\n]|[:：](?:\s|$)")
_COMMA = regex.compile(r"[,，、]")
_CLAUSE = regex.compile(r"[;；]|[:：](?=\s)")
_ALONE = regex.compile(r"[^\w;:]*+(?:[;；]|[:：]\s)")
"""What ends a clause that is nothing but a place, by a mark that a sentence seldom has inside."""
_SPACES = regex.compile(r"[^\S\n]{2,}")
_BEFORE_MARK = regex.compile(r"(?<![^\S\n])[^\S\n]++(?=[?!.,;:？。，])")
_LONELY = " \t\n,;:，；"
"""What is left at the ends of a question whose clause went."""
_QUOTED = regex.compile(r"[\"“„«]([^\"“”„«»\n]{3,120})[\"”“»]|《([^》\n]{2,120})》")
_FILE = regex.compile(r"[\p{L}\p{N}][\p{L}\p{N}_.()&+-]{2,120}")
_STEM = regex.compile(r"[_-]\w{0,40}[_-]")
"""What a file's name has, but no word, where its ending is left out."""

Rarity = Callable[[str], float]


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look, and for what: the ids and titles of the documents, and what remains of the question."""

    document_ids: tuple[str, ...]
    titles: tuple[str, ...]
    question: str


@dataclass(frozen=True, slots=True)
class _Found:
    """A name in a question, the words from ``first`` to ``last`` around the word of the kind, and whose it is."""

    first: int
    last: int
    kind: int
    count: float
    documents: tuple[int, ...]


def may_name(question: str) -> bool:
    """Return whether a question holds anything that a document may be named with; most hold nothing."""
    return any(kinds(word.text) for word in words_of(question)) or bool(
        _QUOTED.search(question) or "." in question[:-1]
    )


def place_in(
    question: str, names: DocumentNames, rarity: Rarity, document_ids: Sequence[str] | None = None
) -> Place | None:
    """Return the place that a question names; None where it names none, or none for certain.

    Args:
        rarity: of a word in small letters, in nats.
        document_ids: of the documents that may be searched; a place is always among them.
    """
    words = words_of(question)
    allowed = None if document_ids is None else set(document_ids)
    found = _by_file(question, words, names) or max(
        (one for at in range(len(words)) if (one := _around(question, words, at, names, rarity)) is not None),
        key=lambda one: one.count,
        default=None,
    )
    if found is None:
        return None
    called = [names.documents[number] for number in found.documents]
    called = [one for one in called if allowed is None or one.document_id in allowed]
    left = _without(question, words, found)
    said = [word for word in words_of(left)[1:] if _may_be(word, rarity) and not kinds(word.text)]
    if not called or not said:  # what is asked is what the document itself is
        return None
    return Place(tuple(one.document_id for one in called), tuple(one.title for one in called), left)


def _by_file(question: str, words: Sequence[Word], names: DocumentNames) -> _Found | None:
    """Return the document whose file name, or whose title in quotes, stands in a question."""
    told: list[tuple[Span, str]] = [
        (quoted.span(), fold(quoted[1] or quoted[2])) for quoted in _QUOTED.finditer(question)
    ]
    for file in _FILE.finditer(question):
        name = fold(file.group()).rstrip(".")
        if "." in name or _STEM.search(name):
            told.append((file.span(), name.rsplit(".", 1)[0]))
    for (start, end), name in told:
        held = [at for at, word in enumerate(words) if start <= word.start and word.end <= end]
        if held and name in names.whole:
            return _Found(held[0], held[-1], held[0], LEAST, (names.whole[name],))
    return None


def _around(question: str, words: Sequence[Word], kind: int, names: DocumentNames, rarity: Rarity) -> _Found | None:
    """Return the name around a word for a kind of document; None where no document is called so for certain."""
    texts = [word.text for word in words]
    of_kinds = kinds(words[kind].text)
    asked_for = kind == 1 and texts[0] not in ARTICLES and not opens_with_place(texts)
    if not of_kinds or is_part(texts, kind) or asked_for:
        return None
    behind, before = (_reach(question, words, kind, step) for step in (1, -1))
    near = [at for at in (kind, *behind, *before) if _tells(words, at) or _may_be(words[at], rarity)]
    holders = {at: names.with_word(words[at].text) for at in near}
    titled = {at: names.with_word(words[at].text, title=True) for at in near}
    alone = bool(_ALONE.match(question, words[(behind or [kind])[-1]].end)) and opens_with_place(texts)
    counts: dict[int, tuple[float, int, int]] = {}
    for number in frozenset[int]().union(*holders.values()):
        if not _is_of(names.documents[number], of_kinds):
            continue

        def counted(at: int, number: int = number) -> float:
            told = holders if _tells(words, at) else titled
            if number in told.get(at, ()):
                weight = SMALL if not _tells(words, at) or at == kind else 1.0 if number in titled[at] else OPENED
                return KNOWN + names.rarity(told[at]) * weight
            if at not in holders or kinds(words[at].text):
                return JOINT
            if words[at].text.isdecimal():
                return UNKNOWN_NUMBER
            return UNKNOWN_NAME if _tells(words, at) else JOINT if alone else UNKNOWN_WORD

        right, last = _best(question, words, kind, behind, counted)
        left, first = _best(question, words, kind, before, counted)
        own = max(0.0, counted(kind)) if first < last or is_certain(words[kind].text, texts[kind - 1]) else 0.0
        counts[number] = (left + right + own, first, last)
    named = {at: titled[at] if words[at].text.isdecimal() else holders[at] for at in near if at != kind}
    named = {at: found for at, found in named.items() if _tells(words, at)}
    of_name = {
        number: sum(first <= at <= last and number in found for at, found in named.items())
        for number, (_, first, last) in counts.items()
    }
    most = max(of_name.values(), default=0)
    counts = {number: told for number, told in counts.items() if of_name[number] == most}
    if not counts:
        return None
    count, first, last = max(counts.values())
    same = tuple(sorted(number for number, (other, *_) in counts.items() if other >= count - NEARLY))
    # Words in small letters alone: only as a place, and beside no name that the document does not have.
    strange = ANY in of_kinds or any(abs(at - kind) <= BESIDE for at in named) or _place(words, first, last) is None
    if count < LEAST or len(same) > MOST or (strange and not most):
        return None
    return _Found(first, last, kind, count, same)


def _tells(words: Sequence[Word], at: int) -> bool:
    """Return whether a word is written as a name; the first one is in any sentence."""
    return words[at].is_name and (at > 0 or words[at].text[0].isdigit())


def _is_of(document: Called, of_kinds: frozenset[str]) -> bool:
    """Return whether a document is of one of some kinds; a letter seldom says that it is one."""
    return ANY in of_kinds or bool(of_kinds & document.kinds) or (not document.kinds and LETTER in of_kinds)


def _may_be(word: Word, rarity: Rarity) -> bool:
    """Return whether a word in small letters says something, so that a title may hold it."""
    return rarity(word.text) >= JOINS and word.text not in ARTICLES


def _reach(question: str, words: Sequence[Word], kind: int, step: int) -> Sequence[int]:
    """Return the words from a word on to one side, up to the end of its clause."""
    found: list[int] = []
    at = kind + step
    while 0 <= at < len(words):
        left, right = sorted((at, at - step))
        ends = step < 0 and opens_with_place([words[at].text])
        if ends or _STOP.search(question, words[left].end, words[right].start):
            break
        found.append(at)
        at += step
    return found


def _best(
    question: str, words: Sequence[Word], kind: int, reach: Sequence[int], counted: Callable[[int], float]
) -> tuple[float, int]:
    """Return the highest count of the words on one side of a kind, from it on, and the last of them."""
    best, last, total, before = 0.0, kind, 0.0, kind
    strange = 0
    for at in reach:
        left, right = sorted((at, before))
        value = counted(at)
        strange += value == UNKNOWN_WORD
        if strange > (STRANGE if at > kind else 0):
            break
        total += value + (COMMA if _COMMA.search(question, words[left].end, words[right].start) else 0.0)
        if total > best:
            best, last = total, at
        before = at
    return best, last


def _place(words: Sequence[Word], first: int, last: int) -> int | None:
    texts = [word.text for word in words]
    return is_place(texts[:first], texts[first : last + 1], texts[last + 1 :])


def _without(question: str, words: Sequence[Word], found: _Found) -> str:
    """Return a question without the name of a document, and without the clause that only says where to look."""
    end = words[found.last].end
    while end < len(question) and question[end] in ")]”\"»'》":
        end += 1
    texts = [word.text for word in words]
    taken = _place(words, found.first, found.last)
    opens = opens_with_place(texts) or (taken is not None and taken >= found.first)
    if opens and not _STOP.search(question, 0, words[found.first].start):
        for clause in (_CLAUSE.search(question, end), _COMMA.search(question, end)):
            between = [word for word in words if clause and end <= word.start < clause.start()]
            if clause and _leaves(question[clause.end() :]) and (clause.re is _CLAUSE or len(between) <= BETWEEN):
                return _tidy(question[clause.end() :])
    kind = words[found.kind]
    kept = question[kind.start : kind.end] if kinds(kind.text) else ""
    start = words[found.first if kept else found.first - (taken or 0)].start
    while start and question[start - 1] in "\"“„«《'-":
        start -= 1
    return _tidy(f"{question[:start]}{kept}{question[end:]}")


def _leaves(text: str) -> bool:
    return len(words_of(text)) > LEAST_LEFT


def _tidy(text: str) -> str:
    text = text.strip()
    mark = text[-1:] if text.endswith(("?", "？", ".")) else ""
    text = text[: len(text) - len(mark)].lstrip(_LONELY + ".").rstrip(_LONELY) + mark
    return _BEFORE_MARK.sub("", _SPACES.sub(" ", text))
