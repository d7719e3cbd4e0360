"""Ask every question of every source once, keep what was retrieved, and read it with the reader.

What is retrieved does not depend on the reader. So it is kept, and another reader can be looked at without searching
again.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.citation_metrics import Place, covers
from eval.fit.sources import Source
from eval.records import Quoted, Reply, is_correct
from eval.retrievals import retrievals
from eval.sets.dataset import Example
from rag.calibration import shipped_calibration
from rag.models.embeddings import Embedder
from rag.models.reader import ReaderAnswer
from rag.read import Sentence
from rag.rerank import Read
from rag.retrieve import Retrieval
from rag.settings import Settings
from rag.types import Floats, Passage


@dataclass(frozen=True)
class Trial:
    """A question of a source with what was retrieved for it; ``names`` are the documents' names by id."""

    source: str
    example: Example
    names: Mapping[str, str]
    retrieval: Retrieval

    @property
    def cluster(self) -> str:
        """What the trial has in common with others, of its source."""
        return f"{self.source.partition(',')[0]} {self.example.cluster}"

    def is_right(self, chosen: Sequence[Sentence]) -> bool:
        """Return whether these sentences, quoted, answer the question.

        One that holds a part of the answer will do where no short answer is known.
        """
        evidence = self.example.evidence
        if evidence and not any(gold.answers for alternative in evidence for gold in alternative):
            return any(map(self.is_gold, chosen))
        places = [self._place(sentence) for sentence in chosen]
        return is_correct(self.example, Reply("", tuple(Quoted(n, *place, "") for n, place in enumerate(places, 1))))

    def is_gold(self, sentence: Sentence) -> bool:
        """Return whether a sentence holds the answer, or a part of it where it needs several."""
        place = self._place(sentence)
        return any(covers(place, gold) or _is_within(place, gold.start, gold.end, gold.document)
                   for alternative in self.example.evidence for gold in alternative)  # fmt: skip

    def _place(self, sentence: Sentence) -> Place:
        return self.names[sentence.hit.passage.document_id], *sentence.span


def _is_within(place: Place, start: int, end: int, document: str) -> bool:
    return place[0] == document and start <= place[1] and place[2] <= end


def asked(sources: Iterable[Source], settings: Settings, embedder: Embedder, kept: Path) -> Iterator[Trial]:
    """Yield every question with what was retrieved for it; ``kept`` is the folder where that is found the next time."""
    kept.mkdir(parents=True, exist_ok=True)
    calibration = shipped_calibration(embedder)
    for source in sources:
        file = kept / f"{source.dataset.digest()}.pickle"
        if file.exists():
            found = pickle.loads(file.read_bytes())
        else:
            found = list(retrievals(source.dataset, settings, embedder, calibration))
            file.write_bytes(pickle.dumps(found))
        names = {document.id: name for name, document in source.dataset.documents.items()}
        for example, retrieval in found:
            yield Trial(source.name, example, names, retrieval)


class Remembering:
    """A reader that keeps its results, so that it reads no passage twice for the same question."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._known: dict[tuple[str, str], tuple[ReaderAnswer, ...]] = {}

    def __call__(
        self, question: str, passages: Sequence[Passage], near: Sequence[Floats]
    ) -> list[tuple[ReaderAnswer, ...]]:
        pairs = zip(passages, near, strict=True)
        fresh = [(passage, at) for passage, at in pairs if (question, passage.id) not in self._known]
        read = self._read(question, [passage for passage, _ in fresh], [at for _, at in fresh])
        for (passage, _), found in zip(fresh, read, strict=True):
            self._known[question, passage.id] = found
        return [self._known[question, passage.id] for passage in passages]
