"""Ask Temei every question of a set, as a user would, and record what comes back."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from eval.corpus import Advance
from eval.records import Found, Quoted, Record, Reply
from eval.sets.dataset import Dataset, Example
from ingest.split import sentence_spans
from rag.chain import Temei
from rag.errors import DatasetError, QuestionError
from rag.types import Answer, Document, Hit, Span, Turn

DEPTH = 50
"""How many passages are ranked for the retrieval metrics."""


@dataclass(frozen=True)
class BaselineRun:
    """The result of a baseline: what it found by example id, and the seconds that each question took."""

    title: str
    found: Mapping[str, tuple[Found, ...]]
    seconds: tuple[float, ...]


@dataclass(frozen=True)
class Run:
    """A question set that was asked, with the records in its order."""

    dataset: Dataset
    records: tuple[Record, ...]
    baselines: Mapping[str, BaselineRun] = field(default_factory=dict)


def run(dataset: Dataset, temei: Temei, advance: Advance = lambda what, done, total: None) -> tuple[Record, ...]:
    """Ask every question and return the records.

    Raises:
        DatasetError: a question cannot be asked.
    """
    asker = _Asker(dataset, temei)
    records = []
    for number, example in enumerate(dataset.examples):
        advance("asking", number, len(dataset.examples))
        try:
            records.append(asker.ask(example))
        except QuestionError as error:
            raise DatasetError(f"{dataset.name}, {example.id}: {error}") from error
    advance("asking", len(dataset.examples), len(dataset.examples))
    return tuple(records)


class _Asker:
    def __init__(self, dataset: Dataset, temei: Temei) -> None:
        self.dataset = dataset
        self.temei = temei
        # The answer without refusing: the curves cover all thresholds.
        # No language model: it is asked only where Temei does not refuse.
        fearless = {"min_confidence": 0.0, "chat_model": ""}
        self.unafraid = Temei(
            temei.settings.model_copy(update=fearless), embedder=temei.embedder, calibration=temei.calibration
        )
        self.names = {document.id: name for name, document in dataset.documents.items()}
        self.sentences: dict[str, tuple[Span, ...]] = {}
        temei.answer(dataset.examples[0].question)  # opens the index, so that no question is timed doing so

    def ask(self, example: Example) -> Record:
        ids = searched(self.dataset, example)
        turns = asked_before(example, self.temei, ids)
        began = time.perf_counter()
        answer = self.temei.answer(example.question, turns, ids)
        seconds = {**answer.timings, "total": time.perf_counter() - began}
        reply = self._reply(answer)
        tried = self._reply(self.unafraid.answer(example.question, turns, ids)) if answer.abstained else reply
        hits: Sequence[Hit] = answer.hits
        if example.relevant:
            depth = min(DEPTH, self.temei.settings.candidates)
            # The answer's hits are the first of these, in the order that the reader gave them.
            first = {hit.passage.id for hit in answer.hits}
            more = self.temei.retrieve(answer.standalone_question, max(depth, self.temei.settings.top_k), ids)
            hits = [*answer.hits, *(hit for hit in more if hit.passage.id not in first)]
        concerned = {name for name, _, _ in (*reply.cited, *tried.cited)} | set(example.relevant)
        sources = [self.dataset.documents[name].language for name in concerned]
        return Record(
            example=example,
            found=tuple(self._found(hit) for hit in hits),
            reply=reply,
            tried=tried,
            abstained=answer.abstained,
            confidence=answer.confidence,
            standalone_question=answer.standalone_question,
            sentences={name: self._sentences(name) for name in sorted(concerned)},
            documents=len(self.dataset.documents),
            same_language=example.language in sources,
            seconds=seconds,
        )

    def _reply(self, answer: Answer) -> Reply:
        return Reply(
            text=answer.text,
            citations=tuple(
                Quoted(c.number, self.names[c.document_id], c.start, c.end, c.quote) for c in answer.citations
            ),
            mode=answer.mode,
        )

    def _found(self, hit: Hit) -> Found:
        passage = hit.passage
        return Found(self.names[passage.document_id], passage.start, passage.end, hit.score, passage.text)

    def _sentences(self, name: str) -> tuple[Span, ...]:
        if name not in self.sentences:
            self.sentences[name] = tuple(sentences_of(self.dataset.documents[name]))
        return self.sentences[name]


def searched(dataset: Dataset, example: Example) -> list[str] | None:
    """Return the ids of the documents that a question may search; None for all."""
    if not example.left_out and not example.within:
        return None
    names = set(example.within or dataset.documents) - set(example.left_out)
    return [document.id for name, document in dataset.documents.items() if name in names]


def asked_before(example: Example, temei: Temei, ids: Sequence[str] | None) -> list[Turn]:
    """Return the earlier questions of a conversation with the answers that they get."""
    turns: list[Turn] = []
    for question in example.history:
        earlier = temei.answer(question, turns, ids)
        turns.append(Turn(question, earlier.text, earlier.abstained))
    return turns


def sentences_of(document: Document) -> list[Span]:
    """Return the spans of a document's sentences."""
    body = document.body
    return [(a + body, b + body) for a, b in sentence_spans(document.text[body:], document.language)]


def run_baseline(
    title: str,
    records: Sequence[Record],
    search: Callable[[Record], Sequence[Found]],
    advance: Advance = lambda what, done, total: None,
) -> BaselineRun:
    """Search for every question that has something relevant to find."""
    found: dict[str, tuple[Found, ...]] = {}
    seconds: list[float] = []
    wanted = [record for record in records if record.example.relevant]
    for number, record in enumerate(wanted):
        advance(title, number, len(wanted))
        began = time.perf_counter()
        found[record.example.id] = tuple(search(record))
        seconds.append(time.perf_counter() - began)
    advance(title, len(wanted), len(wanted))
    return BaselineRun(title, found, tuple(seconds))
