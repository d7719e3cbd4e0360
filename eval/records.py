"""Hold what is recorded of each question: the example, what was found, and the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eval.citation_metrics import Place, answer_containment, answer_in_text
from eval.refusal_metrics import Flags
from eval.sets.dataset import Example
from eval.stats import Doubles
from rag.types import Span

EXTRACTIVE = "extractive"


@dataclass(frozen=True, slots=True)
class Found:
    """A passage in a ranking, its document by name; a higher score is better."""

    document: str
    start: int
    end: int
    score: float
    text: str = ""

    @property
    def place(self) -> Place:
        return self.document, self.start, self.end


@dataclass(frozen=True, slots=True)
class Quoted:
    """A citation, its document by name."""

    number: int
    document: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer's text and what it cites."""

    text: str
    citations: tuple[Quoted, ...] = ()
    mode: str = EXTRACTIVE

    @property
    def cited(self) -> tuple[Place, ...]:
        return tuple((c.document, c.start, c.end) for c in self.citations)

    @property
    def quotes(self) -> dict[int, str]:
        """The quotes by the number that the text refers to them with."""
        found: dict[int, str] = {}
        for citation in self.citations:
            found[citation.number] = f"{found.get(citation.number, '')} {citation.quote}".strip()
        return found


@dataclass(frozen=True, slots=True)
class Record:
    """One question with its outcome.

    ``reply`` is what was shown, a refusal where ``abstained``; ``tried`` is the reply to be judged for the curves: the
    same, or what Temei would have answered with no threshold. ``sentences`` are those of the documents concerned;
    ``same_language`` whether question and sources are in one; ``seconds`` the wall time by stage.
    """

    example: Example
    found: tuple[Found, ...]
    reply: Reply
    tried: Reply
    abstained: bool
    confidence: float
    standalone_question: str
    sentences: Mapping[str, Sequence[Span]]
    documents: int
    same_language: bool
    seconds: Mapping[str, float]


def is_correct(example: Example, reply: Reply) -> bool:
    """Return whether a reply answers its question.

    By offset where the set has evidence (a model's own words may also simply hold the answer), else by citing a gold
    document. An unanswerable question has no correct answer.
    """
    if not example.answerable:
        return False
    if not example.evidence:
        return any(name in example.relevant for name, _, _ in reply.cited)
    by_offset = answer_containment(reply.cited, example.evidence)
    in_words = reply.mode != EXTRACTIVE and answer_in_text(reply.text, example.evidence, example.answers)
    return bool(by_offset or in_words)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The outcomes of a set as arrays, one entry a question."""

    abstained: Flags
    answerable: Flags
    correct: Flags
    confidence: Doubles

    @classmethod
    def of(cls, records: Sequence[Record]) -> Outcomes:
        return cls(
            abstained=np.array([r.abstained for r in records], dtype=bool),
            answerable=np.array([r.example.answerable for r in records], dtype=bool),
            correct=np.array([is_correct(r.example, r.tried) for r in records], dtype=bool),
            confidence=np.array([r.confidence for r in records], dtype=np.float64),
        )

    def at(self, rows: np.typing.NDArray[np.intp]) -> Outcomes:
        """Return the outcomes of some rows, with repetition."""
        return Outcomes(self.abstained[rows], self.answerable[rows], self.correct[rows], self.confidence[rows])
