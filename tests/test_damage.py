"""A few of the long attacks on the index, with a model that is quick; `tests/attack` has them in full."""

from __future__ import annotations

from attack import damage, kills


def test_some_damaged_copies_answer_as_before() -> None:
    outcome = damage.run(9, seed=4, real=False)

    assert outcome.failures == []
    assert outcome.tried == 9


def test_some_killed_writers_leave_what_one_that_was_not_killed_leaves() -> None:
    outcome = kills.run(3, seed=4, real=False)

    assert outcome.failures == []
    assert outcome.tried == 3
