"""Confidence: the probability that the chosen sentences answer the question.

It is a logistic model over evidence from retrieval and reading (`rag.calibration`). ``confidence.json`` holds the
shipped weights and says what they were fitted for and on. ``python -m eval.fit.calibrate`` writes it: it asks questions
with the passages that answer them present, and again with these removed.
"""

from __future__ import annotations

import regex

from rag.agreement import AGREED, DATES, WAYS, agreement_with
from rag.calibration import Calibration
from rag.cells import lack
from rag.models.word_rarity import WordRarity
from rag.read import Sentence
from rag.retrieve import Retrieval
from rag.text.language import fold, language_share
from rag.text.naming import Lack
from rag.text.questions import holds, wanted

_NUMBER = regex.compile(r"\p{N}+")
_NAME = regex.compile(r"(?<=\S\s)\p{Lu}\p{L}+")
_NAME_STEM = 5
"""Letters of a name that must agree: case endings differ."""


def confidence(retrieval: Retrieval, ranked: list[Sentence], rarity: WordRarity, calibration: Calibration) -> float:
    """Return the probability (0..1) that the best sentences answer the question.

    A row of a table is not quoted where it is of another name or year than the question's (`rag.text.naming.lacks`).
    """
    if not ranked:
        return 0.0
    evidence = gather(retrieval, ranked, rarity)
    if f"lacks_{Lack.NAME}" in evidence:
        return 0.0
    return calibration.probability(evidence, read=bool(retrieval.answers))


def gather(retrieval: Retrieval, ranked: list[Sentence], rarity: WordRarity) -> dict[str, float]:
    """Return the evidence by name, for a retrieval with at least one ranked sentence.

    - ``cosine``: of the best sentence and the question;
    - ``same_language``: how likely the question is in the language of that sentence;
    - ``overlap``: share of the question's words, by rarity, in its passage, and times ``same_language``;
    - ``numbers``, ``names``: -1 to 1, whether the question's numbers and names stand in its passage, 0 without any;
    - ``gap``: of several passages, score of the best above the second;
    - ``apart``: of several, similarity of the most similar above the mean of the others;
    - ``coverage``: share of the question that the corpus's vocabulary can carry;
    - ``wanted``: 1 where the question asks for a date, a number or a person; ``wanted_held``: 1 where that sentence
      holds one;
    - ``lacks_row``, ``lacks_column``, ``lacks_name``: 1 where that sentence is a row of a table that lacks these
      (`rag.text.naming.lacks`);
    - ``found``: where the reader looked, log-odds of the best answer in that sentence, within 10;
    - ``found_anywhere``: the same of the best answer in any hit;
    - ``answerable``: log-odds of the reader that the passage of that sentence answers at all, within 10;
    - ``answerable_anywhere``: the same of the hit for which they are highest;
    - ``date_agreed``, ``date_near``, ``date_other``, ``date_absent``: where the years, months and days of the question
      stand, of that sentence (`rag.agreement`), the mean of the three kinds; so for ``number`` and ``name``.
    """
    best = ranked[0]
    passage = best.hit.passage
    same = language_share(retrieval.query, passage.language)
    overlap = rarity.overlap(retrieval.query, passage.text, passage.language)
    folded = fold(passage.text)
    numbers = _NUMBER.findall(retrieval.query)
    names = [fold(name)[:_NAME_STEM] for name in _NAME.findall(retrieval.query)]
    hits = retrieval.hits
    found = [answer.score for answers in retrieval.answers.values() for answer in answers]
    more: dict[str, float] = {}
    if len(hits) > 1:
        dense = sorted((hit.dense for hit in hits), reverse=True)
        more["gap"] = hits[0].score - hits[1].score
        more["apart"] = dense[0] - sum(dense[1:]) / len(dense[1:])
    if found:
        here = best.found.score if best.found else min(found)
        more |= {"found": _bounded(here), "found_anywhere": _bounded(max(found))}
        judged = [answers[0].answerable for answers in retrieval.answers.values() if answers]
        own = best.found.answerable if best.found else min(judged)
        more |= {"answerable": _bounded(own), "answerable_anywhere": _bounded(max(judged))}
    if (kind := wanted(retrieval.query)) is not None:
        more |= {"wanted": 1.0, "wanted_held": float(holds(best.text, kind))}
    if found and (lacking := lack(retrieval, passage, best.span)) is not None:
        more[f"lacks_{lacking}"] = 1.0
    more |= _agreement(retrieval, best)
    return {
        "cosine": best.cosine,
        "same_language": same,
        "overlap": overlap,
        "overlap_same_language": overlap * same,
        "numbers": (1.0 if all(number in passage.text for number in numbers) else -1.0) if numbers else 0.0,
        "names": 2 * sum(name in folded for name in names) / len(names) - 1 if names else 0.0,
        "coverage": retrieval.coverage,
        **more,
    }


def _agreement(retrieval: Retrieval, best: Sentence) -> dict[str, float]:
    """Return what share of the question's dates, numbers and names stands where, by kind and way."""
    found = agreement_with(retrieval.query, retrieval.languages, best.hit.passage, best.span)
    told: dict[str, float] = {}
    for group, kinds in (("date", DATES), ("number", ("number",)), ("name", ("name",))):
        mentioned = [kind for kind in kinds if f"{kind}_{AGREED}" in found]
        if mentioned:
            told |= {f"{group}_{w}": sum(found[f"{k}_{w}"] for k in mentioned) / len(mentioned) for w in WAYS}
    return told


def _bounded(log_odds: float) -> float:
    return max(-10.0, min(10.0, log_odds))
