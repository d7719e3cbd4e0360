"""How training examples are made of questions, in shares; it goes along in a bundle and takes nothing to import."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mixture:
    """Shares (0..1) of the ways in which examples are made (`eval.fit.reader_examples`).

    ``no_answer`` of the questions that have an answer stand without it: ``retrieved`` of these with a passage that
    retrieval brings up, ``removed`` with their own without the answer's sentences, the others as a changed question.
    ``written_retrieved`` is what stands in the place of ``no_answer`` for the written files. ``headed`` of the passages
    stand below their heading. ``typed`` of the questions that a bundle has in a second way of typing are asked in it.
    """

    no_answer: float = 0.5
    retrieved: float = 0.55
    removed: float = 0.2
    written_retrieved: float = 0.15
    headed: float = 0.5
    typed: float = 0.5
