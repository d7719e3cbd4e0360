"""The chain: question -> retrieval -> cited answer or abstention, as a LangChain `Runnable`, and its two doors."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import regex
from langchain_core.runnables import Runnable, RunnableGenerator, RunnableLambda

from rag.cite import cite, shorten
from rag.confidence import confidence
from rag.embeddings import Embedder, open_embedder
from rag.errors import QuestionError
from rag.followup import standalone
from rag.index import Index
from rag.read import choose, rank_sentences
from rag.reader import Reader, open_reader
from rag.refuse import refusal
from rag.rerank import rerank
from rag.retrieve import Retrieval, retrieve
from rag.settings import Settings
from rag.surprise import Surprise
from rag.types import Answer, Document, Hit, Turn

EXTRACTIVE = "extractive"
_CONTROL = regex.compile(r"[\p{Cc}\p{Cf}\p{Cs}--[\u200c\u200d]]+", flags=regex.V1)

History = Sequence[Turn]


@dataclass(frozen=True)
class _Asked:
    """A question on its way through the chain."""

    question: str
    history: History = ()
    document_ids: Sequence[str] | None = None
    standalone: str = ""
    timings: dict[str, float] = field(default_factory=dict)
    retrieval: Retrieval | None = None


class Temei:
    """Answers questions about the documents ingested under ``settings.home``; safe to share between threads.

    Args:
        settings: read from the environment where omitted.
        report: called with a line about slow one-off work, such as preparing the model.
        embedder: an embedding model to use in place of the one that the settings name.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        report: Callable[[str], None] = lambda line: None,
        embedder: Embedder | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.embedder = embedder or open_embedder(self.settings.embedding_model, self.settings.home / "models", report)
        self._surprise = Surprise.of(self.embedder)
        models = self.settings.home / "models"
        self._reader: Reader | None = open_reader(self.embedder, models, report) if self.settings.reader else None
        self._index: Index | None = None
        self._opening = threading.Lock()

    @property
    def index(self) -> Index:
        """The index, opened on first use; raises IndexStateError where there is none that can be used."""
        with self._opening:
            if self._index is None:
                self._index = Index(self.settings, self.embedder)
            return self._index

    def answer(self, question: str, history: History = (), document_ids: Sequence[str] | None = None) -> Answer:
        """Answer a question, or abstain.

        Args:
            question: in any language.
            history: the earlier turns of the conversation, oldest first.
            document_ids: search only these documents.

        Raises:
            QuestionError: the question is empty or too long.
            IndexStateError: there is no index, or it cannot be used.
        """
        return self.chain.invoke({"question": question, "history": history, "document_ids": document_ids})

    async def aanswer(self, question: str, history: History = (), document_ids: Sequence[str] | None = None) -> Answer:
        """Do as `answer`, without blocking the event loop."""
        return await asyncio.to_thread(self.answer, question, history, document_ids)

    def stream(
        self, question: str, history: History = (), document_ids: Sequence[str] | None = None
    ) -> Iterator[Answer]:
        """Yield the answer as it grows; each repeats what came before, and the last is the whole answer."""
        return self.chain.stream({"question": question, "history": history, "document_ids": document_ids})

    async def astream(
        self, question: str, history: History = (), document_ids: Sequence[str] | None = None
    ) -> AsyncIterator[Answer]:
        """Do as `stream`, without blocking the event loop."""
        answers = self.stream(question, history, document_ids)
        while (answer := await asyncio.to_thread(next, answers, None)) is not None:
            yield answer

    def retrieve(self, question: str, k: int | None = None) -> tuple[Hit, ...]:
        """Return the ``k`` best passages for a question (``settings.top_k`` where omitted), before the reader looks.

        The hits of an answer are these, in the order that the reader gave them.
        """
        return self._search(self._check(question), k or self.settings.top_k, None).hits

    def document(self, document_id: str) -> Document | None:
        """Return a document with its text, or None where there is none of that id."""
        return self.index.document(document_id)

    @property
    def chain(self) -> Runnable[str | Mapping[str, Any], Answer]:
        """The chain as a LangChain Runnable: a question, or a mapping with question, history and document_ids."""
        return (
            RunnableLambda(self._accept, name="accept")
            | RunnableLambda(self._retrieve, name="retrieve")
            | RunnableGenerator(self._respond, self._arespond, name="respond")
        ).with_config(run_name="temei")

    def _check(self, question: object) -> str:
        if not isinstance(question, str):
            raise QuestionError(f"The question must be text, not {type(question).__name__}.")
        clean = _CONTROL.sub(" ", question).strip()
        if not clean:
            raise QuestionError("The question is empty; ask something.")
        if len(clean) > self.settings.max_question_chars:
            raise QuestionError(
                f"The question has {len(clean)} characters, more than the {self.settings.max_question_chars} allowed; "
                "shorten it, or raise TEMEI_MAX_QUESTION_CHARS."
            )
        return clean

    def _accept(self, given: str | Mapping[str, Any]) -> _Asked:
        fields = given if isinstance(given, Mapping) else {"question": given}
        question = self._check(fields.get("question"))
        history = tuple(fields.get("history") or ())
        return _Asked(
            question, history, fields.get("document_ids"), standalone=standalone(question, history, self._surprise)
        )

    def _search(self, query: str, count: int, document_ids: Sequence[str] | None) -> Retrieval:
        return retrieve(
            self.index,
            query,
            count=count,
            candidates=max(self.settings.candidates, count),
            document_ids=document_ids,
        )

    def _retrieve(self, asked: _Asked) -> _Asked:
        began = time.perf_counter()
        retrieval = self._search(asked.standalone, self.settings.top_k, asked.document_ids)
        return replace(asked, retrieval=retrieval, timings={"retrieve": time.perf_counter() - began})

    def _respond(self, questions: Iterator[_Asked]) -> Iterator[Answer]:
        for asked in questions:
            if asked.retrieval is not None:
                yield from self._read(asked, asked.retrieval)

    async def _arespond(self, questions: AsyncIterator[_Asked]) -> AsyncIterator[Answer]:
        async for asked in questions:
            answers = self._respond(iter([asked]))
            while (answer := await asyncio.to_thread(next, answers, None)) is not None:
                yield answer

    def _read(self, asked: _Asked, retrieval: Retrieval) -> Iterator[Answer]:
        began = time.perf_counter()
        if self._reader is not None:
            retrieval = rerank(retrieval, self._reader.read)
        ranked = rank_sentences(retrieval)
        sure = confidence(retrieval, ranked, self._surprise)
        chosen = (
            choose(ranked, self.settings.max_sentences, retrieval.query) if sure >= self.settings.min_confidence else []
        )
        taken = time.perf_counter() - began
        retrieving = asked.timings["retrieve"]
        timings = {"retrieve": retrieving, "read": taken, "total": retrieving + taken}
        answer = Answer(
            question=asked.question,
            text=refusal(asked.question, retrieval.languages),
            citations=(),
            hits=retrieval.hits,
            abstained=True,
            confidence=sure,
            standalone_question=asked.standalone,
            mode=EXTRACTIVE,
            timings=timings,
        )
        if not chosen:
            yield answer
        for count in range(1, len(chosen) + 1):
            text, citations = cite(chosen[:count])
            short = shorten(chosen[:count])
            yield replace(answer, text=text, citations=citations, short=short, abstained=False)


@cache
def _default() -> Temei:
    return Temei()


def answer(question: str, history: History = (), document_ids: Sequence[str] | None = None) -> Answer:
    """Answer a question with the default settings; the first call opens the model and the index.

    See `Temei.answer` for arguments and errors.
    """
    return _default().answer(question, history, document_ids)
