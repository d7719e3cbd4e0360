"""The chain: question -> retrieval -> cited answer or abstention, as a LangChain `Runnable`, and its two doors."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from langchain_core.runnables import Runnable, RunnableGenerator, RunnableLambda

from rag.chat.check import Check
from rag.chat.fallback_note import note, note_left_out
from rag.checked_input import checked_documents, checked_history, checked_question
from rag.cite import cite, shorten
from rag.confidence import confidence
from rag.errors import ChatError, Fault
from rag.followup import standalone
from rag.index.index import Index
from rag.models.embeddings import Embedder, open_embedder
from rag.models.reader import Reader, open_reader
from rag.models.word_rarity import WordRarity
from rag.question_parts import Judged, judge, questions_within
from rag.read import Sentence, choose, rank_sentences
from rag.refuse import refusal
from rag.rerank import rerank
from rag.retrieve import Retrieval, retrieve
from rag.settings import Settings
from rag.text.characters import whole
from rag.types import Answer, Document, Hit, Turn

if TYPE_CHECKING:
    from rag.chat.model import Chat

EXTRACTIVE = "extractive"

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
    began: float = 0.0
    deadline: float = 0.0
    failed: ChatError | None = None


class Temei:
    """Answers questions about the documents ingested under ``settings.home``; safe to share between threads.

    Args:
        settings: read from the environment where omitted.
        report: called with a line about slow one-off work, such as preparing the model.
        embedder: an embedding model to use in place of the one that the settings name.
        checked: False keeps what a language model writes unchecked; only for measuring what the check is worth.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        report: Callable[[str], None] = lambda line: None,
        embedder: Embedder | None = None,
        checked: bool = True,
    ) -> None:
        self.settings = settings or Settings()
        self.embedder = embedder or open_embedder(self.settings.embedding_model, self.settings.home / "models", report)
        self._rarity = WordRarity.of(self.embedder)
        models = self.settings.home / "models"
        self._reader: Reader | None = open_reader(self.embedder, models, report) if self.settings.reader else None
        self._index: Index | None = None
        self._chat: Chat | None = None
        self._statement_check = Check(self.embedder, self._rarity) if checked else None
        self._opening = threading.Lock()

    @property
    def index(self) -> Index:
        """The index, opened on first use; raises IndexStateError where there is none that can be used."""
        with self._opening:
            if self._index is None:
                self._index = Index(self.settings, self.embedder)
            return self._index

    @property
    def chat(self) -> Chat | None:
        """The language model, opened on first use, None where none is set; raises ModelError where it cannot be."""
        if not self.settings.chat_model:
            return None
        with self._opening:
            if self._chat is None:
                from rag.chat.model import open_chat

                self._chat = open_chat(self.settings)
            return self._chat

    def check_chat(self, report: Callable[[str], None] = lambda line: None) -> None:
        """Ask the language model, if one is set, for a word; one that is only busy or slow is reported.

        Raises:
            ModelError: it cannot be used as it is set.
        """
        chat = self.chat
        if chat is None:
            return
        from rag.chat.generate import probe

        try:
            probe(chat, self.settings)
        except ChatError as error:
            if error.fault not in (Fault.BUSY, Fault.SLOW, Fault.BROKEN):
                raise
            report(str(error))

    def answer(self, question: str, history: History = (), document_ids: Sequence[str] | None = None) -> Answer:
        """Answer a question, or abstain.

        Args:
            question: in any language.
            history: the earlier turns of the conversation, oldest first.
            document_ids: search only these documents.

        Raises:
            QuestionError: the question is empty or too long, or what is given with it is not as described.
            IndexStateError: there is no index, or it cannot be used.
            ModelError: the language model that the settings name cannot be opened. Once it is open, all that goes
                wrong with it ends in an extractive answer with a note.
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
        return self.index.document(whole(document_id))

    @property
    def chain(self) -> Runnable[str | Mapping[str, Any], Answer]:
        """The chain as a LangChain Runnable: a question, or a mapping with question, history and document_ids."""
        return (
            RunnableLambda(self._accept, name="accept")
            | RunnableLambda(self._retrieve, name="retrieve")
            | RunnableGenerator(self._respond, self._arespond, name="respond")
        ).with_config(run_name="temei")

    def _check(self, question: object) -> str:
        return checked_question(question, self.settings.max_question_chars)

    def _accept(self, given: str | Mapping[str, Any]) -> _Asked:
        fields = given if isinstance(given, Mapping) else {"question": given}
        question = self._check(fields.get("question"))
        history = checked_history(fields.get("history"), self.settings.max_question_chars)
        began = time.monotonic()
        asked = _Asked(
            question,
            history,
            checked_documents(fields.get("document_ids")),
            standalone=standalone(question, history, self._rarity),
            began=began,
            deadline=began + self.settings.chat_seconds,
        )
        chat = self.chat
        # A question that stands alone is not the model's to change.
        return asked if chat is None or asked.standalone == question else self._rewrite(asked, chat)

    def _rewrite(self, asked: _Asked, chat: Chat) -> _Asked:
        from rag.chat.write import rewrite

        try:
            written = rewrite(
                chat,
                asked.question,
                asked.standalone,
                asked.history,
                self.index.search_index().languages,
                self._rarity,
                self.settings,
                asked.deadline,
            )
        except ChatError as error:
            # Where the model is silent once, it is not waited for again.
            return asked if error.fault is Fault.EMPTY else replace(asked, failed=error)
        return replace(asked, standalone=written)

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
        retrieval = self._look_into(retrieval)
        ranked = rank_sentences(retrieval)
        judged = self._judge_parts(asked, retrieval)
        sure = min(confidence(retrieval, ranked, self._rarity), judged.confidence)
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
            note=note_left_out(judged.taken, judged.left_out, asked.question, retrieval.languages),
        )
        if not chosen:
            yield answer  # whatever a model might have said
            return
        chat = self.chat
        if chat is not None:
            try:
                yield from self._write(chat, asked, retrieval, ranked, answer)
                return
            except ChatError as error:
                line = note(error.fault, chat.name, asked.question, retrieval.languages)
                answer = replace(
                    answer,
                    note=f"{line} {answer.note}".strip(),
                    timings=_with_writing(timings, time.perf_counter() - began),
                )
        for count in range(1, len(chosen) + 1):
            text, citations = cite(chosen[:count])
            short = shorten(chosen[:count])
            yield replace(answer, text=text, citations=citations, short=short, abstained=False)

    def _look_into(self, retrieval: Retrieval) -> Retrieval:
        return rerank(retrieval, self._reader.read) if self._reader is not None else retrieval

    def _judge_parts(self, asked: _Asked, retrieval: Retrieval) -> Judged:
        """Judge each question that stands alone, where more than one sentence was asked."""

        def confidence_in(part: str) -> float:
            alone = self._look_into(self._search(part, self.settings.top_k, asked.document_ids))
            sure = confidence(alone, rank_sentences(alone), self._rarity)
            needs_others = sure < self.settings.min_confidence and self._is_answered_by(retrieval, part)
            return 1.0 if needs_others else sure

        parts = questions_within(asked.question, retrieval.languages, self._rarity)
        deadline = asked.began + self.settings.question_seconds
        return judge(parts, confidence_in, most=self.settings.max_parts, deadline=deadline)

    def _is_answered_by(self, retrieval: Retrieval, part: str) -> bool:
        """Return whether the best passage for the whole question answers a part of it that finds nothing alone.

        "What is the first step?" leads nowhere without the sentence before it, which says a step to what. That
        sentence leads to a passage, and there the reader is certain of an answer; of one to "What is love?" it is not.
        """
        if self._reader is None or not retrieval.hits:
            return False
        passage = retrieval.hits[0].passage
        near = self.index.products([passage.id], self.embedder.encode_query(part)).get(passage.id)
        found = self._reader.read(part, [passage], None if near is None else [near[1:]])
        return any(answer.is_shown for answer in found[0])

    def _write(
        self, chat: Chat, asked: _Asked, retrieval: Retrieval, ranked: list[Sentence], refused: Answer
    ) -> Iterator[Answer]:
        """Yield the model's answer as it grows, or ``refused`` in its name where it finds none.

        Raises:
            ChatError: there is none to show.
        """
        from rag.chat.write import write

        if asked.failed is not None:
            raise asked.failed
        began = time.perf_counter()
        for draft in write(
            chat,
            asked.standalone,
            ranked,
            retrieval.languages,
            self.settings,
            self._statement_check,
            asked.deadline,
        ):
            answer = replace(
                refused, mode=chat.name, timings=_with_writing(refused.timings, time.perf_counter() - began)
            )
            if draft.declined:
                yield answer
            else:
                yield replace(answer, text=draft.text, citations=draft.citations, abstained=False)


def _with_writing(timings: Mapping[str, float], taken: float) -> dict[str, float]:
    return {**timings, "write": taken, "total": timings["total"] + taken}


@cache
def _default() -> Temei:
    return Temei()


def answer(question: str, history: History = (), document_ids: Sequence[str] | None = None) -> Answer:
    """Answer a question with the default settings; the first call opens the model and the index.

    See `Temei.answer` for arguments and errors.
    """
    return _default().answer(question, history, document_ids)
