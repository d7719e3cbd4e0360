"""How training examples are made of questions, in shares; it goes along in a bundle and takes nothing to import."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mixture:
    """Shares (0..1) of the ways in which examples are made (`eval.fit.reader_examples`).

    - ``no_answer``: of the answerable questions, those that get a passage without the answer;
    - ``retrieved``: of these, those that get a passage found by retrieval;
    - ``removed``: of these, those that get their own passage without the sentences of the answer. The others get their
      own passage, and the question is changed;
    - ``written_retrieved``: in the written files, the answerable questions that get a passage found by retrieval;
    - ``headed``: of the passages, those that stand below their heading;
    - ``typed``: of the questions that a bundle also has as people type them, those that are asked so.
    """

    no_answer: float = 0.5
    retrieved: float = 0.55
    removed: float = 0.2
    written_retrieved: float = 0.15
    headed: float = 0.5
    typed: float = 0.5
