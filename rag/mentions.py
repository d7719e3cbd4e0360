"""Mentions: find what each document says of something, and what is said on each side of a comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import regex

from rag.overview import MOST_DOCUMENTS
from rag.read import Sentence, rank_sentences
from rag.retrieve import Retrieval
from rag.text.things import things
from rag.topic import share_named, stems, topic_words
from rag.types import Passage

SEARCHED = 50
"""Passages among which the documents are found."""
FOREIGN = 0.03
"""Cosine below the best at most of a document in which no word of the topic stands: it may be in another language."""
_BETWEEN = regex.compile(
    r"\s(?:and|with|to|versus|vs\.?|or|against|și|si|cu|sau|față de|et|avec|ou|und|mit|oder|y|con|o|e|com|és|vagy|i|z"
    r"|en|met|и|с|или|та|ve|ile)\s|[和与跟]|と",
    flags=regex.IGNORECASE,
)
"""Words that stand between the two sides of a comparison."""

Search = Callable[[str, int], Retrieval]


def mentions(request: str, search: Search) -> list[Sentence]:
    """Return the sentence of each document that speaks most of what a request asks for, the best document first.

    Args:
        search: retrieves so many passages for a query.
    """
    topic = topic_words(request)
    retrieval = search(" ".join(topic) or request, SEARCHED)
    best: dict[str, Sentence] = {}
    for sentence in rank_sentences(retrieval):
        document = sentence.hit.passage.document_id
        held = _holds(topic, best[document]) if document in best else -1.0
        if not sentence.is_heading and _holds(topic, sentence) > held:
            best[document] = sentence
    nearest = max((sentence.cosine for sentence in best.values()), default=0.0)
    whole = max((_share(topic, sentence.hit.passage) for sentence in best.values()), default=0.0)

    def speaks(s: Sentence) -> bool:
        if whole:
            return _share(topic, s.hit.passage) == whole
        return s.cosine >= nearest - FOREIGN and _is_foreign(s, retrieval)

    return sorted(filter(speaks, best.values()), key=lambda s: -s.score)[:MOST_DOCUMENTS]


def sides(request: str, search: Search) -> list[Sentence]:
    """Return the sentence on each side of a comparison; nothing where one of the two is not found."""
    found: list[Sentence] = []
    for own, query in _queries(request):
        sentence = next((s for s in rank_sentences(search(query, 5)) if not s.is_heading and _is_on(own, s)), None)
        if sentence is None or any(sentence.span == other.span for other in found):
            return []
        found.append(sentence)
    return found if len(found) > 1 else []


def _queries(request: str) -> list[tuple[list[str], str]]:
    """Return for each side of a comparison the words of its own and what is searched for it."""
    named = [thing for thing in things(request) if thing.kind == "name" and thing.start > 0]
    if len(named) == 2:
        one, other = named
        left, right = request[one.start : one.end], request[other.start : other.end]
        shared = topic_words(request.replace(left, " ").replace(right, " "))
        return [(topic_words(side), " ".join([*shared, side])) for side in (left, right)]
    for match in _BETWEEN.finditer(request):
        left_words, right_words = topic_words(request[: match.start()]), topic_words(request[match.end() :])
        if left_words and right_words:
            return [(some, " ".join(some)) for some in (left_words, right_words)]
    return []


def _is_on(own: Sequence[str], sentence: Sentence) -> bool:
    return share_named(own, _told(sentence.hit.passage), sentence.hit.passage.language) >= 0.5


def _share(topic: Sequence[str], passage: Passage) -> float:
    return share_named(topic, _told(passage), passage.language)


def _holds(topic: Sequence[str], sentence: Sentence) -> float:
    return share_named(topic, sentence.text, sentence.hit.passage.language)


def _told(passage: Passage) -> str:
    return " ".join([passage.title, *passage.path, passage.text])


def _is_foreign(sentence: Sentence, retrieval: Retrieval) -> bool:
    """Return whether a question has no words in common with the language of a sentence's document."""
    language = sentence.hit.passage.language
    return not stems(retrieval.word_weights, language) & stems(sentence.text.split(), language)
