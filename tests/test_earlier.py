"""What was asked before counts beside the question, and less the longer ago it was."""

from __future__ import annotations

import numpy as np
import pytest

from rag import Turn
from rag.earlier import FADING, MOST_TURNS, WEIGHT, earlier_vector
from rag.types import Floats

QUESTIONS = ["a", "b", "c", "d", "e"]


def encode(question: str) -> Floats:
    return np.eye(len(QUESTIONS), dtype=np.float32)[QUESTIONS.index(question)]


def test_the_last_question_counts_most_and_only_a_few_count() -> None:
    vector = earlier_vector([Turn(question, "…") for question in QUESTIONS], encode)

    assert vector is not None
    assert vector.tolist() == pytest.approx([0.0, *(WEIGHT * FADING**back for back in reversed(range(MOST_TURNS)))])


def test_a_refused_turn_is_not_what_is_talked_about() -> None:
    assert earlier_vector([Turn("a", "…", abstained=True), Turn(" ", "…")], encode) is None
