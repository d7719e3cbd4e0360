"""The metrics against hand-computed tables, against ranx, and for what must hold for any input."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.citation_metrics import covers, sentences_touched
from eval.metrics import (
    METRICS,
    RETRIEVAL,
    abstention_precision,
    abstention_recall,
    answer_containment,
    answer_in_text,
    aurc,
    citation_precision,
    citation_precision_sentence,
    citation_recall,
    citation_recall_sentence,
    exact_match,
    mrr,
    ndcg_at_k,
    normalise_romanian,
    normalise_squad,
    over_refusal,
    recall_at_k,
    risk_coverage,
    statement_support,
    token_f1,
)
from eval.ranking import best_scores, order_against
from eval.records import Found
from eval.refusal_metrics import auroc, expected_calibration_error, percentile, reliability
from eval.sets.dataset import Evidence, Example


def test_ranking_metrics_agree_with_ranx() -> None:
    from ranx import Qrels, Run, evaluate

    random, names = np.random.default_rng(0), list("abcdefghijkl")
    runs = {f"q{n}": [str(x) for x in random.permutation(names)[: random.integers(1, 12)]] for n in range(200)}
    grades = {
        query: {str(name): int(random.integers(1, 4)) for name in random.permutation(names)[: random.integers(1, 5)]}
        for query in runs
    }
    run = Run({q: {name: float(20 - place) for place, name in enumerate(ranked)} for q, ranked in runs.items()})
    ours: dict[str, Callable[[str], float]] = {
        "recall@1": lambda q: recall_at_k(runs[q], grades[q], 1),
        "recall@5": lambda q: recall_at_k(runs[q], grades[q], 5),
        "mrr": lambda q: mrr(runs[q], grades[q]),
        "ndcg@3": lambda q: ndcg_at_k(runs[q], grades[q], 3),
        "ndcg@10": lambda q: ndcg_at_k(runs[q], grades[q], 10),
    }
    qrels = Qrels(grades)
    evaluate(qrels, run, list(ours), return_mean=False)
    theirs: Any = run.scores
    for metric, score in ours.items():
        for query in runs:
            assert score(query) == pytest.approx(theirs[metric][query]), (metric, query)


def test_ranking_metrics_by_hand() -> None:
    ranked = ["a", "b", "c", "d"]
    assert recall_at_k(ranked, {"b", "z"}, 1) == 0
    assert recall_at_k(ranked, {"b", "z"}, 2) == 0.5
    assert mrr(ranked, {"c", "d"}) == pytest.approx(1 / 3)
    assert mrr(ranked, {"z"}) == 0
    dcg = 1 / math.log2(3) + 2 / math.log2(4)
    ideal = 2 / math.log2(2) + 1 / math.log2(3)
    assert ndcg_at_k(ranked, {"b": 1, "c": 2}, 10) == pytest.approx(dcg / ideal)
    assert recall_at_k([], {"a"}, 5) == mrr([], {"a"}) == ndcg_at_k([], {"a": 1}, 5) == 0


def test_ties_count_against_us() -> None:
    assert order_against({"right": 0.5, "wrong": 0.5, "low": 0.1}, {"right"}) == ["wrong", "right", "low"]
    assert best_scores([("a", 0.2), ("b", 0.3), ("a", 0.9)]) == {"a": 0.9, "b": 0.3}


@pytest.mark.parametrize(
    ("text", "squad", "romanian"),
    [
        ("The Cat.", "cat", "the cat"),
        ("A fost odată", "fost odată", "a fost odată"),
        ("„Dunărea”", "„dunărea”", "dunărea"),
        ("Ţară şi ţel", "ţară şi ţel", "țară și țel"),
        ("1990–1995", "1990–1995", "19901995"),
        ("s\u0326i", "s\u0326i", "și"),
    ],
)
def test_normalisers(text: str, squad: str, romanian: str) -> None:
    assert normalise_squad(text) == squad
    assert normalise_romanian(text) == romanian


@given(st.text())
def test_normalising_again_changes_nothing(text: str) -> None:
    once = normalise_romanian(text)
    assert normalise_romanian(once) == once


def test_exact_match_and_token_f1_by_hand() -> None:
    assert exact_match("the 12 July", ["12 july"]) == 1
    assert exact_match("a fost", ["fost"]) == 1  # what the official normaliser does to Romanian
    assert exact_match("a fost", ["fost"], normalise_romanian) == 0
    # 2 of 4 given tokens, both of 2 gold ones: P = 1/2, R = 1.
    assert token_f1("pe 12 iulie anul", ["12 iulie"]) == pytest.approx(2 / 3)
    assert token_f1("x x y", ["x"]) == pytest.approx(0.5)
    assert token_f1("x", ["y", "x"]) == 1
    assert token_f1("", ["y"]) == 0
    assert token_f1("x", []) == 0


@given(st.text(), st.text())
def test_token_f1_is_symmetric_and_bounded(one: str, other: str) -> None:
    assert 0 <= token_f1(one, [other]) <= 1
    assert token_f1(one, [other]) == pytest.approx(token_f1(other, [one]))
    assert exact_match(one, [other]) <= token_f1(one, [other])


def gold(start: int, end: int, *answers: tuple[int, int], document: str = "d") -> Evidence:
    return Evidence(document, start, end, "x" * (end - start), answers)


def test_answer_containment_is_by_offset() -> None:
    one = [[gold(10, 50, (20, 25))]]
    assert answer_containment([("d", 10, 50)], one) == 1
    assert answer_containment([("d", 20, 25)], one) == 1
    assert answer_containment([("d", 21, 50)], one) == 0
    assert answer_containment([("other", 10, 50)], one) == 0
    assert answer_containment([("d", 10, 22), ("d", 22, 50)], one) == 0
    assert answer_containment([("d", 10, 50)], [[gold(10, 50)]]) == 1
    assert answer_containment([("d", 11, 50)], [[gold(10, 50)]]) == 0
    two = [[gold(10, 50, (20, 25)), gold(60, 90, (70, 71), (80, 81))]]
    assert answer_containment([("d", 10, 50)], two) == 0
    assert answer_containment([("d", 10, 50), ("d", 75, 85)], two) == 1
    assert answer_containment([("d", 60, 90)], [*one, [gold(60, 90, (70, 71))]]) == 1
    assert answer_containment([], one) == 0


def test_answer_in_text_looks_for_whole_words() -> None:
    evidence = [[Evidence("d", 0, 17, "Pe 12 iulie, anul", ((3, 11),))]]
    assert answer_in_text("A fost 12 Iulie. [1]", evidence, ["12 iulie"]) == 1
    assert answer_in_text("A fost 112 iulie. [1]", evidence, ["12 iulie"]) == 0
    assert answer_in_text("Nothing [12]", evidence, ["12"]) == 0
    both = [[Evidence("d", 0, 5, "unu x", ((0, 3),)), Evidence("d", 6, 11, "doi x", ((6, 9),))]]
    assert answer_in_text("unu", both, ["unu", "doi"]) == 0
    assert answer_in_text("doi, unu", both, ["unu", "doi"]) == 1


def test_citation_overlap_by_hand() -> None:
    evidence = [[gold(10, 20)], [gold(30, 50)]]
    # 10 to 40 cites all of the first alternative and half of the second: 20 of 30 characters are gold.
    assert citation_precision([("d", 10, 40)], evidence) == pytest.approx(20 / 30)
    assert citation_recall([("d", 10, 40)], evidence) == 1
    assert citation_recall([("d", 30, 35)], evidence) == pytest.approx(0.25)
    assert citation_precision([("d", 10, 20), ("d", 15, 20)], evidence) == 1
    assert citation_precision([], evidence) == citation_recall([], evidence) == 0
    sentences = {"d": [(0, 25), (25, 30), (30, 52), (52, 90)]}
    assert sentences_touched([("d", 10, 20)], sentences) == {("d", 0)}
    assert sentences_touched([("d", 24, 52)], sentences) == {("d", 1), ("d", 2)}
    assert citation_precision_sentence([("d", 0, 25), ("d", 52, 90)], evidence, sentences) == 0.5
    assert citation_recall_sentence([("d", 0, 25)], [[gold(10, 20), gold(30, 50)]], sentences) == 0.5
    assert citation_recall_sentence([("d", 0, 25)], evidence, sentences) == 1


SPANS = st.tuples(st.integers(0, 40), st.integers(1, 20)).map(lambda pair: (pair[0], sum(pair)))


@given(st.lists(SPANS, min_size=1, max_size=4), st.lists(SPANS, min_size=1, max_size=3))
def test_citing_exactly_the_gold_is_perfect_and_nothing_exceeds_it(
    cited: list[tuple[int, int]], spans: list[tuple[int, int]]
) -> None:
    evidence = [[gold(start, end) for start, end in spans]]
    sentences = {"d": [(at, at + 5) for at in range(0, 65, 5)]}
    exact = [("d", start, end) for start, end in spans]
    places = [("d", start, end) for start, end in cited]
    assert citation_precision(exact, evidence) == citation_recall(exact, evidence) == 1
    assert answer_containment(exact, evidence) == 1
    assert 0 <= citation_precision(places, evidence) <= 1
    assert citation_recall(places, evidence) <= citation_recall([*places, *exact], evidence) == 1
    assert 0 <= citation_precision_sentence(places, evidence, sentences) <= 1
    assert answer_containment(places, evidence) <= answer_containment([*places, *exact], evidence)


def test_statement_support_by_hand() -> None:
    quotes = {1: "Scrisoarea a fost trimisă pe 12 iulie.", 2: "Conferința are loc la Wuzhen."}
    assert statement_support("Scrisoarea a fost trimisă pe 12 iulie. [1]", quotes, True) == 1
    assert statement_support("Scrisoarea a fost trimisă pe 12 iulie. [1] – also in [2]", quotes, True) == 1
    assert statement_support("Scrisoarea a fost trimisă pe 13 iulie. [1] – also in [2]", quotes, True) == 0
    assert statement_support("Scrisoarea a fost trimisă pe 13 iulie. [1]", quotes, True) == 0
    assert statement_support("A fost 12 iulie. [1] La Wuzhen este conferința. [2]", quotes, True) == 1
    assert statement_support("A fost 12 iulie. [3] La Wuzhen. [2]", quotes, True) == 0.5
    assert statement_support("Guvernul german refuză propunerea. [1]", quotes, True) == 0
    assert statement_support("The letter was sent on 12 July. [1]", quotes, False) == 1
    assert statement_support("The letter was sent on 12 July.", quotes, False) == 0


def flags(text: str) -> np.typing.NDArray[np.bool_]:
    return np.array([letter == "y" for letter in text])


def test_abstention_by_hand() -> None:
    abstained, answerable = flags("yynnyn"), flags("ynnyny")
    # Three refusals, two of them right; three unanswerable, two refused; three answerable, one refused.
    assert abstention_precision(abstained, answerable) == pytest.approx(2 / 3)
    assert abstention_recall(abstained, answerable) == pytest.approx(2 / 3)
    assert over_refusal(abstained, answerable) == pytest.approx(1 / 3)
    assert abstention_precision(flags("nn"), flags("yn")) is None
    assert abstention_recall(flags("nn"), flags("yy")) is None
    assert over_refusal(flags("nn"), flags("nn")) is None


def test_risk_coverage_by_hand() -> None:
    confidence = np.array([0.9, 0.2, 0.8, 0.5])
    coverage, risk = risk_coverage(confidence, flags("yyny"))
    assert coverage == pytest.approx([0.25, 0.5, 0.75, 1])
    assert risk == pytest.approx([0, 1 / 2, 1 / 3, 1 / 4])
    assert aurc(confidence, flags("yyny")) == pytest.approx((1 / 2 + 1 / 3 + 1 / 4) / 4)
    # In a tie the order is unknown: the expected risk is that of the tie.
    assert risk_coverage(np.array([0.5, 0.5]), flags("yn"))[1] == pytest.approx([0.5, 0.5])
    assert aurc(np.array([]), flags("")) is None


def test_auroc_by_hand() -> None:
    assert auroc(np.array([0.1, 0.4, 0.35, 0.8]), flags("nnyy")) == pytest.approx(0.75)
    assert auroc(np.array([0.5, 0.5]), flags("ny")) == 0.5
    assert auroc(np.array([0.5, 0.6]), flags("yy")) is None


@given(st.lists(st.tuples(st.integers(0, 10), st.booleans()), min_size=1, max_size=30))
def test_curves_hold_for_any_outcome(rows: list[tuple[int, bool]]) -> None:
    confidence, correct = np.array([c / 10 for c, _ in rows]), np.array([r for _, r in rows])
    area, error = aurc(confidence, correct), expected_calibration_error(confidence, correct)
    assert area is not None
    assert error is not None
    assert 0 <= area <= 1
    assert 0 <= error <= 1
    assert risk_coverage(confidence, correct)[1][-1] == pytest.approx(1 - correct.mean())
    pairs = [(a > b) + 0.5 * (a == b) for a, x in rows for b, y in rows if x and not y]
    ours = auroc(confidence, correct)
    assert ours == (pytest.approx(sum(pairs) / len(pairs)) if pairs else None)


def test_calibration_by_hand() -> None:
    confidence, correct = np.array([0.95, 0.85, 0.15, 1.0]), flags("ynyy")
    # Bins: [0.95, 1.0] 2 right of 2 at 0.975; [0.85] 0 of 1; [0.15] 1 of 1.
    assert expected_calibration_error(confidence, correct) == pytest.approx((2 * 0.025 + 0.85 + 0.85) / 4)
    assert [size for *_, size in reliability(confidence, correct)] == [1, 1, 2]


def test_percentile_is_a_value_that_occurred() -> None:
    values = np.arange(1.0, 101.0)
    assert [percentile(values, p) for p in (50, 95, 99)] == [50, 95, 99]
    assert percentile(np.array([7.0]), 99) == 7
    assert percentile(np.array([]), 50) == 0


def example(*alternatives: list[Evidence], answerable: bool = True) -> Example:
    relevant = {"d": 1} if answerable else {}
    return Example("q", "?", "ro", "direct", answerable, relevant, "d", evidence=tuple(map(tuple, alternatives)))


def test_a_passage_is_relevant_if_it_holds_half_of_the_span_with_the_answer() -> None:
    span = gold(100, 200, (180, 190))
    assert covers(("d", 0, 300), span)
    assert covers(("d", 150, 300), span)
    assert not covers(("d", 151, 300), span)
    assert not covers(("d", 0, 180), span)
    assert not covers(("other", 0, 300), span)


def test_retrieval_of_evidence_by_hand() -> None:
    asked = example([gold(0, 10), gold(50, 60)], [gold(90, 100)])
    found = [Found("d", 20, 30, 0.9), Found("d", 0, 15, 0.8), Found("d", 5, 12, 0.7), Found("d", 45, 70, 0.6)]
    # The first alternative has two spans, at ranks 2 and 4; the third passage repeats the first span.
    assert RETRIEVAL["recall_at_1"](asked, found, 1) == 0
    assert RETRIEVAL["recall_at_5"](asked, found, 1) == 1
    assert RETRIEVAL["mrr"](asked, found, 1) == 0.5
    ideal = 1 + 1 / math.log2(3)
    assert RETRIEVAL["ndcg_at_10"](asked, found, 1) == pytest.approx((1 / math.log2(3) + 1 / math.log2(5)) / ideal)
    assert RETRIEVAL["document_recall_at_1"](asked, found, 1) is None
    assert RETRIEVAL["recall_at_1"](example(answerable=False), found, 1) is None


def test_documents_are_ranked_by_their_best_passage_and_lose_ties() -> None:
    asked = example([gold(0, 10)])
    found = [Found("e", 0, 10, 0.9), Found("d", 20, 30, 0.9), Found("d", 0, 10, 0.1)]
    assert RETRIEVAL["document_recall_at_1"](asked, found, 2) == 0
    assert RETRIEVAL["document_mrr"](asked, found, 2) == 0.5
    assert RETRIEVAL["mrr"](asked, found, 2) == pytest.approx(1 / 3)


def test_every_metric_is_either_of_an_example_or_of_a_set() -> None:
    for name, metric in METRICS.items():
        assert (metric.of_example is None) != (metric.of_set is None), name
        assert metric.title
