"""Intervals and tests: by hand where that can be done, and right about noise on average."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.report.compare import compare, is_good
from eval.report.report import read_json
from eval.report.types import Report
from eval.sets.dataset import Evidence
from eval.stats import (
    clustered_mean,
    clustered_statistic,
    holm,
    paired_difference,
    randomisation_test,
    resample_rows,
)
from rag.errors import DatasetError


def test_interval_of_independent_values_agrees_with_theory() -> None:
    values = np.random.default_rng(1).normal(size=400)
    estimate = clustered_mean(list(values), list(range(400)))
    assert estimate.low is not None
    assert estimate.high is not None
    error = values.std() / 20
    assert estimate.value == pytest.approx(values.mean())
    assert estimate.high - estimate.low == pytest.approx(2 * 1.96 * error, rel=0.12)


def test_values_that_repeat_within_clusters_are_not_taken_for_evidence() -> None:
    few = np.random.default_rng(2).normal(size=20)
    values, clusters = np.repeat(few, 20), np.repeat(np.arange(20), 20)
    clustered = clustered_mean(list(values), list(clusters))
    naive = clustered_mean(list(values), list(range(400)))
    alone = clustered_mean(list(few), list(range(20)))

    def width(estimate: Any) -> float:
        return float(estimate.high - estimate.low)

    assert width(clustered) > 3 * width(naive)
    assert width(clustered) == pytest.approx(width(alone))


def test_same_seed_same_interval() -> None:
    values, clusters = [0.0, 1.0, 1.0, 0.0, 1.0], list("aabbc")
    assert clustered_mean(values, clusters, 7) == clustered_mean(values, clusters, 7)
    assert clustered_mean(values, clusters, 7) != clustered_mean(values, clusters, 8)
    assert clustered_mean(values, ["a"] * 5).low is None


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=20))
def test_mean_and_statistic_agree(rows: list[tuple[bool, int]]) -> None:
    values, clusters = np.array([float(v) for v, _ in rows]), [c for _, c in rows]
    mean = clustered_mean(list(values), clusters)
    statistic = clustered_statistic(lambda chosen: float(values[chosen].mean()), clusters)
    assert statistic is not None
    assert (mean.value, mean.low, mean.high) == pytest.approx((statistic.value, statistic.low, statistic.high))
    assert mean.low is None or mean.high is None or 0 <= mean.low <= mean.high <= 1


def test_resamples_keep_clusters_whole() -> None:
    clusters = ["a", "b", "a", "c", "b", "a"]
    for rows in resample_rows(clusters)[:50]:
        drawn = [clusters[row] for row in rows]
        assert drawn.count("a") % 3 == 0
        assert drawn.count("b") % 2 == 0
        assert drawn.count("a") / 3 + drawn.count("b") / 2 + drawn.count("c") == 3


def test_paired_test_sees_a_real_difference_and_not_a_chance_one() -> None:
    random = np.random.default_rng(3)
    before = random.integers(0, 2, 300).astype(float)
    clusters = [int(c) for c in random.integers(0, 60, 300)]
    better = np.maximum(before, random.random(300) < 0.2)
    difference, p = paired_difference(list(before), list(better), clusters)
    assert difference.value == pytest.approx((better - before).mean())
    assert p < 0.01
    assert difference.low is not None
    assert difference.low > 0
    assert paired_difference(list(before), list(before), clusters)[1] == 1


def test_false_alarms_are_as_rare_as_promised() -> None:
    alarms = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        quality = np.repeat(random.random(20), 10)
        one, other = ((random.random(200) < quality).astype(float) for _ in range(2))
        alarms += paired_difference(list(one), list(other), list(np.repeat(np.arange(20), 10)), seed)[1] < 0.05
    assert alarms <= 12


def test_p_value_by_hand() -> None:
    # Two clusters moved the same way: of the four ways to set the signs, two are as far from 0.
    _, p = paired_difference([0.0, 0.0], [1.0, 1.0], ["a", "b"])
    assert p == pytest.approx(0.5, abs=0.03)
    before, after = np.array([0.0, 0.0]), np.array([1.0, 1.0])

    def exchanged(flags: np.typing.NDArray[np.bool_]) -> float:
        return float(np.where(flags, before, after).mean() - np.where(flags, after, before).mean())

    assert randomisation_test(exchanged, ["a", "b"]) == pytest.approx(0.5, abs=0.06)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def report(size: int, right: int) -> Report:
    known = read_json(Path(__file__).with_name("eval_report.json"))
    outcome = replace(known.examples[0], evidence=(), history=(), answerable=True, abstained=False, confidence=0.5)
    outcomes = tuple(
        replace(
            outcome,
            id=f"q{n}",
            question=f"Question {n}?",
            correct=n < right,
            cluster=f"c{n % 30}",
            metrics={"answer_containment": float(n < right), "recall_at_1": 1.0},
        )
        for n in range(size)
    )
    return replace(known, examples=outcomes)


def test_compare_says_what_changed_and_that_it_is_more_than_noise() -> None:
    comparison = compare(report(120, 60), report(120, 90))
    change = next(c for c in comparison.changes if c.metric == "answer_containment")
    assert (change.before, change.after) == (0.5, 0.75)
    assert change.better
    assert change.sure
    assert comparison.gained == tuple(f"q{n}" for n in range(60, 90))
    assert comparison.lost == ()
    assert "better in answer_containment (+25.0 points" in comparison.verdict
    assert "more than noise" in comparison.verdict
    worse = compare(report(120, 90), report(120, 60)).verdict
    assert "worse in answer_containment (-25.0 points" in worse


def test_compare_takes_a_small_difference_for_noise() -> None:
    comparison = compare(report(120, 60), report(120, 61))
    assert comparison.gained == ("q60",)
    assert "No main metric differs by more than noise" in comparison.verdict
    assert "equal in every metric" in compare(report(120, 60), report(120, 60)).verdict


def test_compare_leaves_out_what_is_not_the_same_question() -> None:
    one, other = report(30, 10), report(31, 20)
    first, *rest = other.examples
    comparison = compare(one, replace(other, examples=(replace(first, question="Another?"), *rest)))
    assert (comparison.examples, comparison.left_out) == (29, 2)
    elsewhere = tuple(replace(outcome, id=f"{outcome.id} elsewhere") for outcome in other.examples)
    with pytest.raises(DatasetError, match="no question in common"):
        compare(one, replace(other, examples=elsewhere))


@pytest.mark.parametrize(
    "other",
    [
        {"question": "Another?"},
        {"history": ("Before?",)},
        {"answerable": False},
        {"evidence": ((Evidence("m", 0, 3, "Mar"),),)},
    ],
)
def test_a_question_is_the_same_where_all_that_was_asked_is(other: dict[str, Any]) -> None:
    one, two = report(2, 1), report(2, 1)
    changed = replace(two, examples=(replace(two.examples[0], **other), two.examples[1]))
    assert compare(one, changed).examples == 1


def test_good_is_a_right_answer_or_a_right_refusal() -> None:
    (outcome,) = report(1, 1).examples
    assert is_good(outcome)
    assert not is_good(replace(outcome, correct=False))
    assert not is_good(replace(outcome, abstained=True))
    assert is_good(replace(outcome, answerable=False, abstained=True, correct=False))
    assert not is_good(replace(outcome, answerable=False, correct=False))
