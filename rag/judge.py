"""Judge: decide how likely the sentences that were found answer the question and each question within it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from rag.calibration import Calibration
from rag.confidence import confidence
from rag.look import Look, PartLooks
from rag.models.word_rarity import WordRarity


@dataclass(frozen=True)
class Judgement:
    """The confidence (0..1) that a question is answered; how many questions within it were judged and left out.

    ``is_rough`` says that the confidence was fitted for another embedding model than the one in use.
    """

    confidence: float
    taken: int = 0
    left_out: int = 0
    is_rough: bool = False

    def doubted(self, factor: float) -> Judgement:
        """Return the judgement with a confidence multiplied by a factor between 0 and 1."""
        return replace(self, confidence=self.confidence * factor)


def judge(
    whole: Look,
    parts: PartLooks,
    rarity: WordRarity,
    calibration: Calibration,
    *,
    least: float,
    is_answered_by_whole: Callable[[Look], bool],
) -> Judgement:
    """Return the lowest confidence of a question and the questions within it.

    Args:
        least: the confidence from which on a question is answered.
        is_answered_by_whole: whether the best passage for the whole question answers a part. It is asked about a part
            below ``least`` alone; a part that it answers is certain.
    """

    def of_part(part: Look) -> float:
        alone = confidence(part.retrieval, part.sentences, rarity, calibration)
        return 1.0 if alone < least and is_answered_by_whole(part) else alone

    of_whole = confidence(whole.retrieval, whole.sentences, rarity, calibration)
    lowest = min([of_whole, *map(of_part, parts.looks)])
    return Judgement(lowest, len(parts.looks), parts.left_out, is_rough=not calibration.suits)
