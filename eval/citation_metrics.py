"""Score answers and their citations against gold evidence, with pure functions of texts and spans.

A `Place` is the name of a document with a start and an end in it. Gold evidence is a list of alternatives; each
alternative is the spans that answer together (`eval.sets.dataset.Evidence`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import regex

from eval.normalise import normalise_romanian, normalise_squad
from eval.sets.dataset import Evidence
from rag.text.markers import MARKER, split_behind_markers, without_markers
from rag.types import Span

Place = tuple[str, int, int]
Alternatives = Sequence[Sequence[Evidence]]
Sentences = Mapping[str, Sequence[Span]]

_NUMBER = regex.compile(r"\d+")
_LONG_WORD = regex.compile(r"\p{L}{4,}")
_ALSO = regex.compile(r" – [^\[\]–]{1,20}(?: \[\d{1,3}\])+")
"""What names the other documents that say the same (`rag.cite.cite`); it states nothing."""


def exact_match(text: str, answers: Iterable[str], normalise: Callable[[str], str] = normalise_squad) -> float:
    """Return 1 if the text is one of the answers once both are normalised, else 0."""
    return float(normalise(text) in {normalise(answer) for answer in answers})


def token_f1(text: str, answers: Iterable[str], normalise: Callable[[str], str] = normalise_squad) -> float:
    """Return the best over the answers of ``2 P R / (P + R)``, P and R the shares of the tokens they have in common.

    As in the official SQuAD script: tokens are split on blanks after normalising, and counted with repetition.
    """
    return max((_token_f1(normalise(text).split(), normalise(answer).split()) for answer in answers), default=0.0)


def _token_f1(given: list[str], gold: list[str]) -> float:
    if not given or not gold:
        return float(given == gold)
    common = sum((Counter(given) & Counter(gold)).values())
    return 2 * common / (len(given) + len(gold))


def answer_in_text(text: str, alternatives: Alternatives, answers: Iterable[str]) -> float:
    """Return 1 if the text has the answer's words, from any source, else 0.

    Where an alternative has several spans, words of the answer from each of them are needed.
    """
    held = f" {normalise_romanian(without_markers(text))} "

    def holds(candidates: Iterable[str]) -> bool:
        return any(f" {normalise_romanian(answer)} " in held for answer in candidates)

    needed = [
        [[e.quote[a - e.start : b - e.start] for a, b in e.answers] for e in alternative]
        for alternative in alternatives
        if len(alternative) > 1 and all(e.answers for e in alternative)
    ]
    if needed:
        return float(any(all(map(holds, parts)) for parts in needed))
    return float(holds(answers))


def answer_containment(cited: Sequence[Place], alternatives: Alternatives) -> float:
    """Return 1 if the citations hold the answer by offset, else 0.

    They hold it if for every span of some alternative one citation covers a place of the answer in it, or the whole
    span where the answer's place is not known.
    """
    return float(any(all(_holds_answer(cited, span) for span in alternative) for alternative in alternatives))


def _holds_answer(cited: Sequence[Place], gold: Evidence) -> bool:
    wanted = gold.answers or ((gold.start, gold.end),)
    return any(name == gold.document and start <= a and b <= end for name, start, end in cited for a, b in wanted)


def covers(passage: Place, gold: Evidence) -> bool:
    """Return whether a passage has at least half of a gold span, with one place of the answer in it."""
    name, start, end = passage
    overlap = min(end, gold.end) - max(start, gold.start)
    half = name == gold.document and 2 * overlap >= gold.end - gold.start
    return half and (not gold.answers or _holds_answer([passage], gold))


def citation_precision(cited: Sequence[Place], alternatives: Alternatives) -> float:
    """Return ``|cited ∩ gold| / |cited|`` in characters, gold being all alternatives together; 0 for no citation."""
    mine = _characters(cited)
    gold = _characters(_places(span for alternative in alternatives for span in alternative))
    return len(mine & gold) / len(mine) if mine else 0.0


def citation_recall(cited: Sequence[Place], alternatives: Alternatives) -> float:
    """Return the best over the alternatives of ``|cited ∩ gold| / |gold|`` in characters."""
    mine = _characters(cited)
    golds = [_characters(_places(alternative)) for alternative in alternatives]
    return max((len(mine & gold) / len(gold) for gold in golds if gold), default=0.0)


def citation_precision_sentence(cited: Sequence[Place], alternatives: Alternatives, sentences: Sentences) -> float:
    """Return the share of the cited sentences that are gold, gold being all alternatives together."""
    mine = sentences_touched(cited, sentences)
    gold = sentences_touched(_places(span for alternative in alternatives for span in alternative), sentences)
    return len(mine & gold) / len(mine) if mine else 0.0


def citation_recall_sentence(cited: Sequence[Place], alternatives: Alternatives, sentences: Sentences) -> float:
    """Return the best over the alternatives of the share of its sentences that are cited."""
    mine = sentences_touched(cited, sentences)
    golds = [sentences_touched(_places(alternative), sentences) for alternative in alternatives]
    return max((len(mine & gold) / len(gold) for gold in golds if gold), default=0.0)


def sentences_touched(places: Iterable[Place], sentences: Sentences) -> set[tuple[str, int]]:
    """Return the sentences, by document and number, that share with a place at least half of the shorter of the two."""
    touched = set()
    for name, start, end in places:
        for number, (a, b) in enumerate(sentences.get(name, ())):
            shared = min(end, b) - max(start, a)
            if shared > 0 and 2 * shared >= min(end - start, b - a):
                touched.add((name, number))
    return touched


def statement_support(text: str, quotes: Mapping[int, str], same_language: bool) -> float:
    """Return the share of an answer's statements that what they cite can carry.

    A statement is the text up to its markers. It is carried if a marker names a citation, if every number in it
    stands in the quotes it cites and, between texts of one language, at least half of its words of four letters or
    more do. A check of words, not of meaning: it finds what is certainly unsupported.
    """
    statements = [part for part in split_behind_markers(text) if part.strip(" .!?") and not _ALSO.fullmatch(part)]
    carried = 0
    for statement in statements:
        cited = [quotes[int(number)] for number in MARKER.findall(statement) if int(number) in quotes]
        said, quoted = without_markers(statement), " ".join(cited)
        numbers = set(_NUMBER.findall(said)) <= set(_NUMBER.findall(quoted))
        words = set(_LONG_WORD.findall(normalise_romanian(said)))
        known = len(words & set(_LONG_WORD.findall(normalise_romanian(quoted))))
        carried += bool(cited) and numbers and (not same_language or 2 * known >= len(words))
    return carried / len(statements) if statements else 0.0


def _places(spans: Iterable[Evidence]) -> list[Place]:
    return [(span.document, span.start, span.end) for span in spans]


def _characters(places: Iterable[Place]) -> set[tuple[str, int]]:
    return {(name, at) for name, start, end in places for at in range(start, end)}
