"""Register the reported metrics by name.

To add a metric, write a pure function with its formula in the docstring (`eval.ranking`, `eval.citation_metrics`,
`eval.refusal_metrics`) and register it here. The report, the quality gate and the comparison read this dict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from eval.citation_metrics import (
    Alternatives,
    Place,
    Sentences,
    answer_containment,
    answer_in_text,
    citation_precision,
    citation_precision_sentence,
    citation_recall,
    citation_recall_sentence,
    covers,
    exact_match,
    statement_support,
    token_f1,
)
from eval.normalise import normalise_romanian, normalise_squad
from eval.ranking import best_scores, mrr, ndcg_at_k, order_against, recall_at_k
from eval.records import EXTRACTIVE, Found, Outcomes, Record, is_correct
from eval.refusal_metrics import (
    abstention_precision,
    abstention_recall,
    aurc,
    auroc,
    expected_calibration_error,
    over_refusal,
    percentile,
    risk_coverage,
)
from eval.sets.dataset import Evidence, Example
from rag.text.language import language_share
from rag.text.markers import without_markers

__all__ = [
    "METRICS",
    "RETRIEVAL",
    "Metric",
    "abstention_precision",
    "abstention_recall",
    "answer_containment",
    "answer_in_text",
    "aurc",
    "auroc",
    "citation_precision",
    "citation_precision_sentence",
    "citation_recall",
    "citation_recall_sentence",
    "exact_match",
    "expected_calibration_error",
    "mrr",
    "ndcg_at_k",
    "normalise_romanian",
    "normalise_squad",
    "over_refusal",
    "percentile",
    "recall_at_k",
    "risk_coverage",
    "statement_support",
    "token_f1",
]

Rank = Callable[[Sequence[str], Mapping[str, int]], float]
OfExample = Callable[[Record], float | None]
OfSet = Callable[[Outcomes], float | None]


@dataclass(frozen=True)
class Metric:
    """A metric, measured on each example and averaged (None where it does not apply), or over the whole set."""

    title: str
    of_example: OfExample | None = None
    of_set: OfSet | None = None
    rises: bool = True
    """Whether more is better."""


@dataclass(frozen=True)
class RetrievalMetric:
    """A metric of a ranking alone, so that the baselines have it too."""

    title: str
    rank: Rank
    by_document: bool = False

    def __call__(self, example: Example, found: Sequence[Found], documents: int) -> float | None:
        """Return the metric, None for an unanswerable question, or by document where there is only one."""
        if not example.relevant or (self.by_document and documents == 1):
            return None
        if self.by_document or not example.evidence:
            scores = best_scores([(hit.document, hit.score) for hit in found])
            return self.rank(order_against(scores, example.relevant), example.relevant)
        return max(self._of_evidence(found, spans) for spans in example.evidence)

    def _of_evidence(self, found: Sequence[Found], spans: Sequence[Evidence]) -> float:
        wanted = {f"gold {number}": span for number, span in enumerate(spans)}
        held = {
            f"passage {number}": [name for name, span in wanted.items() if covers(hit.place, span)]
            for number, hit in enumerate(found)
        }
        scores = {f"passage {number}": hit.score for number, hit in enumerate(found)}
        order: dict[str, None] = {}
        for passage in order_against(scores, {name for name, gold in held.items() if gold}):
            # A passage counts for the gold spans that it covers; a passage that repeats them still takes a rank.
            fresh = [name for name in held[passage] if name not in order]
            order |= dict.fromkeys(fresh or [passage])
        return self.rank(list(order), dict.fromkeys(wanted, 1))


def _recall(k: int) -> Rank:
    return lambda ranked, grades: recall_at_k(ranked, grades, k)


def _ndcg(k: int) -> Rank:
    return lambda ranked, grades: ndcg_at_k(ranked, grades, k)


RETRIEVAL: dict[str, RetrievalMetric] = {
    "recall_at_1": RetrievalMetric("Evidence in the first passage", _recall(1)),
    "recall_at_5": RetrievalMetric("Evidence in the first 5", _recall(5)),
    "recall_at_10": RetrievalMetric("Evidence in the first 10", _recall(10)),
    "mrr": RetrievalMetric("Mean reciprocal rank of evidence", mrr),
    "ndcg_at_10": RetrievalMetric("nDCG@10 of evidence", _ndcg(10)),
    "document_recall_at_1": RetrievalMetric("Right document first", _recall(1), by_document=True),
    "document_recall_at_5": RetrievalMetric("Right document in the first 5", _recall(5), by_document=True),
    "document_mrr": RetrievalMetric("Mean reciprocal rank of the document", mrr, by_document=True),
    "document_ndcg_at_10": RetrievalMetric("nDCG@10 of documents", _ndcg(10), by_document=True),
}
"""Metrics of a ranking of passages.

Evidence: a passage is relevant if it holds half of a gold span with the answer in it (`covers`); the gold spans are
what is to be found, the best alternative counts, and without gold spans the documents do. Document: passages of one
document count as their best, and ties count against us.
"""


def _retrieval(metric: RetrievalMetric) -> Metric:
    return Metric(metric.title, of_example=lambda r: metric(r.example, r.found, r.documents))


Words = TypeVar("Words", bound=Callable[..., float])


def _words(metric: Words, normalise: Callable[[str], str]) -> OfExample:
    """Score the answer's text against the gold answers; a refusal of an answerable question scores 0."""

    def score(record: Record) -> float | None:
        if not record.example.answers:
            return None
        given = "" if record.abstained else without_markers(record.reply.text)
        return metric(given, record.example.answers, normalise)

    return score


def _answer_containment(record: Record) -> float | None:
    if not record.example.answerable:
        return None
    return float(not record.abstained and is_correct(record.example, record.reply))


def _answer_containment_tried(record: Record) -> float | None:
    return float(is_correct(record.example, record.tried)) if record.example.answerable else None


def _answer_in_text(record: Record) -> float | None:
    if not record.example.evidence:
        return None
    return (
        0.0 if record.abstained else answer_in_text(record.reply.text, record.example.evidence, record.example.answers)
    )


def _precision(metric: Callable[[Sequence[Place], Alternatives, Sentences], float]) -> OfExample:
    """Score the citations, where there are any and the set has evidence."""
    return lambda r: (
        metric(r.reply.cited, r.example.evidence, r.sentences) if r.example.evidence and not r.abstained else None
    )


def _recalled(metric: Callable[[Sequence[Place], Alternatives, Sentences], float]) -> OfExample:
    """Score how much of the evidence was cited; a refusal cites nothing."""
    return lambda r: metric(r.reply.cited, r.example.evidence, r.sentences) if r.example.evidence else None


def _correct_and_cited(record: Record) -> float | None:
    """Return 1 if the answer is right, cites all gold sentences of an alternative and no sentence that is not gold."""
    if not record.example.evidence:
        return None
    gold, cited = record.example.evidence, record.reply.cited
    return float(
        bool(_answer_containment(record))
        and citation_precision_sentence(cited, gold, record.sentences) == 1
        and citation_recall_sentence(cited, gold, record.sentences) == 1
    )


def _statement_support(record: Record) -> float | None:
    if record.abstained or record.reply.mode == EXTRACTIVE:
        return None
    return statement_support(record.reply.text, record.reply.quotes, record.same_language)


def _answer_language(record: Record) -> float | None:
    """Return 1 if what a model wrote is in the question's language, else 0."""
    if record.abstained or record.reply.mode == EXTRACTIVE:
        return None
    return float(language_share(without_markers(record.reply.text), record.example.language) >= 0.5)


def _standalone_f1(record: Record) -> float | None:
    if not record.example.standalone or not record.example.history:
        return None
    return token_f1(record.standalone_question, [record.example.standalone], normalise_romanian)


METRICS: dict[str, Metric] = {
    **{name: _retrieval(metric) for name, metric in RETRIEVAL.items()},
    "answer_containment": Metric("Right answer, by offset", _answer_containment),
    "answer_containment_tried": Metric("The same, had it never refused", _answer_containment_tried),
    "answer_in_text": Metric("Answer's words in the text", _answer_in_text),
    "correct_and_cited": Metric("Right and rightly cited", _correct_and_cited),
    "exact_match": Metric("Exact match (SQuAD)", _words(exact_match, normalise_squad)),
    "token_f1": Metric("Token F1 (SQuAD)", _words(token_f1, normalise_squad)),
    "exact_match_ro": Metric("Exact match (Romanian)", _words(exact_match, normalise_romanian)),
    "token_f1_ro": Metric("Token F1 (Romanian)", _words(token_f1, normalise_romanian)),
    "standalone_f1": Metric("Follow-up rewritten, token F1", _standalone_f1),
    "citation_precision": Metric(
        "Citation precision, characters", _precision(lambda cited, gold, _: citation_precision(cited, gold))
    ),
    "citation_recall": Metric(
        "Citation recall, characters", _recalled(lambda cited, gold, _: citation_recall(cited, gold))
    ),
    "citation_precision_sentence": Metric("Citation precision, sentences", _precision(citation_precision_sentence)),
    "citation_recall_sentence": Metric("Citation recall, sentences", _recalled(citation_recall_sentence)),
    "statement_support": Metric("Statements supported", _statement_support),
    "answer_language": Metric("Answer in the question's language", _answer_language),
    "abstention_precision": Metric(
        "Abstention precision",
        # Where all are answerable it could only be 0.
        of_set=lambda o: None if o.answerable.all() else abstention_precision(o.abstained, o.answerable),
    ),
    "abstention_recall": Metric("Abstention recall", of_set=lambda o: abstention_recall(o.abstained, o.answerable)),
    "over_refusal": Metric("Over-refusal", of_set=lambda o: over_refusal(o.abstained, o.answerable), rises=False),
    "aurc": Metric("Area under risk-coverage", of_set=lambda o: aurc(o.confidence, o.correct), rises=False),
    "auroc_answerable": Metric("AUROC, answerable or not", of_set=lambda o: auroc(o.confidence, o.answerable)),
    "auroc_correct": Metric("AUROC, right or wrong", of_set=lambda o: auroc(o.confidence, o.correct)),
    "calibration_error": Metric(
        "Expected calibration error", of_set=lambda o: expected_calibration_error(o.confidence, o.correct), rises=False
    ),
}
"""All metrics by name, in the order of the report."""
