"""A quick slice of the long attack; ``python -m tests.attack`` is all of it."""

from __future__ import annotations

import random

import pytest
from attack.files import bases, mutated
from attack.files import run as attack_files
from attack.requests import run as attack_requests
from attack.result import SLOW, Result
from attack.tricks import MAKERS, attack_of

from ingest.load import LOADERS

CONFIG = {"dependencies": [{"id": 0, "inputs": [1, 2], "targets": [[1, "click"]]}]}


def test_fifty_damaged_files_cost_themselves_only() -> None:
    result = attack_files(50, seed=20)
    assert result.tries == 50
    assert result.notes["read"] > 5
    assert result.notes["refused"] > 5
    assert result.passed, [result.line(), *result.failures]


@pytest.mark.model
@pytest.mark.slow
def test_forty_hostile_requests_get_no_traceback_and_do_no_harm() -> None:
    # How long a question may take is tested where it is bounded, and depends on what else the machine does.
    result = attack_requests(40, seed=20, leave_out={"hostile questions"})
    assert result.tries == 40
    assert result.passed, [result.line(), *result.failures]


def test_a_seed_repeats_its_files_and_its_requests() -> None:
    real = bases()
    assert real.keys() == LOADERS.keys()
    assert [mutated(1, n, real) for n in range(20)] == [mutated(1, n, real) for n in range(20)]
    assert len({mutated(seed, 7, real) for seed in range(20)}) > 15
    assert [attack_of(1, n, CONFIG) for n in range(50)] == [attack_of(1, n, CONFIG) for n in range(50)]
    assert len({attack_of(1, n, CONFIG).kind for n in range(300)}) == len(set(MAKERS))
    assert all(isinstance(maker(random.Random(3), CONFIG).pieces[0][1], bytes) for maker in MAKERS)


def test_what_failed_is_said_with_the_seed() -> None:
    result = Result("files", 3, tries=7, memory=(100.0, 150.0))
    assert result.passed
    result.fail(5, "boom")
    assert not result.passed
    assert result.failures == ["files seed 3 try 5: boom"]
    assert f"7 tries, 0 tracebacks, 0 slower than {SLOW:.0f} s, memory 100 -> 150 MB, 1 failed" in result.line()
    for wrong in (Result("a", 1, tracebacks=1), Result("a", 1, slow=1), Result("a", 1, memory=(100.0, 900.0))):
        assert not wrong.passed
