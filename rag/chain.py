"""The chain: a question is accepted, looked up, judged, and answered with citations or refused.

    accept -> look (retrieve and read) -> judge (confidence) -> choose -> cite

`Temei.chain` is these steps as a LangChain `Runnable`; `Temei` and `rag.answer` are the two ways to call it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.runnables import Runnable, RunnableGenerator, RunnableLambda

from rag.asked import Asked, History, accept, placed, with_wish
from rag.calibration import Calibration, load_calibration
from rag.chat.check import Check
from rag.compose import Grounds, quote, rewritten, write_with
from rag.document_names import NamesOf
from rag.errors import ChatError
from rag.filters import Where
from rag.fuller import EXPLAINED, Chosen, choose_fully
from rag.index.index import Index
from rag.intent import Intent
from rag.judge import Judgement, judge
from rag.library import Library, off_the_loop
from rag.look import Look, look, look_at_parts
from rag.models.embeddings import Embedder, open_embedder
from rag.models.reader import Reader, open_reader
from rag.models.word_rarity import WordRarity
from rag.own_words import preferred
from rag.question_parts import questions_within
from rag.replies import reply
from rag.retrieve import Retrieval, retrieve
from rag.settings import Settings
from rag.types import Answer, Floats

if TYPE_CHECKING:
    from rag.chat.model import Chat


def _input(question: str, history: History, document_ids: Sequence[str] | None, where: Where | None) -> dict[str, Any]:
    return {"question": question, "history": history, "document_ids": document_ids, "where": where}


@dataclass(frozen=True)
class _Retrieved:
    """A question with the passages that were retrieved for it, and how many seconds that took.

    ``retrieval`` is None where nothing is to be looked up.
    """

    asked: Asked
    retrieval: Retrieval | None
    seconds: float


class Temei(Library):
    """Answers questions about the documents ingested under ``settings.home``; safe to share between threads.

    With the article that comes with the project:

    >>> from rag import Settings, Temei
    >>> temei = Temei(Settings(home=".temei"))
    >>> a = temei.answer("Când a trimis președintele scrisoarea de felicitare?")
    >>> c = a.citations[0]
    >>> c.start, c.end, c.quote[:11]
    (354, 510, 'Pe 12 iulie')
    >>> temei.document(c.document_id).text[c.start : c.end] == c.quote
    True

    Args:
        settings: read from the environment where omitted; a path is the folder of all state, ``Settings(home=path)``.
        report: called with a line about slow one-off work, such as preparing the model.
        embedder: an embedding model to use in place of the one that the settings name.
        calibration: what turns evidence into confidence; where omitted, that of the model in ``settings.home``.
        checked: False keeps what a language model writes unchecked; only for measuring what the check is worth.
    """

    def __init__(
        self,
        settings: Settings | Path | str | None = None,
        *,
        report: Callable[[str], None] = lambda line: None,
        embedder: Embedder | None = None,
        calibration: Calibration | None = None,
        checked: bool = True,
    ) -> None:
        self.settings = Settings(home=settings) if isinstance(settings, str | Path) else settings or Settings()
        self.embedder = embedder or open_embedder(self.settings.embedding_model, self.settings.home / "models", report)
        self._rarity = WordRarity.of(self.embedder)
        self.calibration = calibration or load_calibration(self.settings.home, self.embedder)
        if self.calibration.remark:
            report(self.calibration.remark)
        models = self.settings.home / "models"
        self._reader: Reader | None = open_reader(self.embedder, models, report) if self.settings.reader else None
        self._index: Index | None = None
        self._names_of = NamesOf()
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

    def close(self) -> None:
        """Release the files of the index, as the end of ``with Temei(…) as temei:`` does; if needed, it opens again."""
        with self._opening:
            index, self._index = self._index, None
        if index is not None:
            index.close()

    def check_chat(self, report: Callable[[str], None] = lambda line: None) -> None:
        """Ask the language model, if one is set, for a word; one that is only busy or slow is reported.

        Raises:
            ModelError: it cannot be used as it is set.
        """
        if (chat := self.chat) is not None:
            from rag.chat.generate import check

            check(chat, self.settings, report)

    def answer(
        self,
        question: str,
        history: History = (),
        document_ids: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> Answer:
        """Answer a question, or abstain.

        Args:
            question: in any language.
            history: the earlier turns of the conversation, oldest first.
            document_ids: search only these documents.
            where: search only the documents that fit, as in ``{"folder": "laws", "language": "ro"}``; by document,
                folder, language, tag, date or any name of their metadata (`rag.filters.matching`).

        Raises:
            QuestionError: the question is empty or too long, what is given with it is not as described, or no document
                fits ``where``.
            IndexStateError: there is no index, or it cannot be used.
            ModelError: the language model that the settings name cannot be opened. Once it is open, all that goes
                wrong with it ends in an extractive answer with a note.
        """
        return self.chain.invoke(_input(question, history, document_ids, where))

    def stream(
        self,
        question: str,
        history: History = (),
        document_ids: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> Iterator[Answer]:
        """Yield the answer as it grows; each repeats what came before, and the last is the whole answer."""
        return self.chain.stream(_input(question, history, document_ids, where))

    @property
    def chain(self) -> Runnable[str | Mapping[str, Any], Answer]:
        """The chain as a LangChain Runnable: a question, or a mapping with question, history, document_ids, where."""
        return (
            RunnableLambda(self._accept, name="accept")
            | RunnableLambda(self._retrieve, name="retrieve")
            | RunnableGenerator(self._respond, self._arespond, name="respond")
        ).with_config(run_name="temei")

    # The steps of the chain

    def _accept(self, given: str | Mapping[str, Any]) -> Asked:
        chat = self.chat
        asked = accept(self._narrowed(given), self.settings, self._rarity)
        asked = with_wish(asked, self.embedder, self._rarity, has_chat=chat is not None)
        # A question that stands alone is not the model's to change.
        if chat is None or asked.intent is not Intent.LOOK_UP or asked.is_alone:
            return asked
        return rewritten(asked, chat, self.index.search_index().languages, self._rarity, self.settings)

    def _retrieve(self, asked: Asked) -> _Retrieved:
        if asked.intent is not Intent.LOOK_UP:
            return _Retrieved(asked, None, 0.0)
        began = time.perf_counter()
        asked = placed(asked, lambda: self._names_of(self.index), self._rarity)
        known = {"vector": asked.vector if asked.query == asked.core else None, "earlier": asked.earlier}
        retrieval = self._search(asked.query, self.settings.top_k, asked.within, **known)
        return _Retrieved(asked, retrieval, time.perf_counter() - began)

    def _search(self, query: str, count: int, document_ids: Sequence[str] | None, **known: Floats | None) -> Retrieval:
        candidates = max(self.settings.candidates, count)
        return retrieve(self.index, query, count=count, candidates=candidates, document_ids=document_ids, **known)

    def _respond(self, questions: Iterator[_Retrieved]) -> Iterator[Answer]:
        for retrieved in questions:
            yield from self._answer(retrieved)

    async def _arespond(self, questions: AsyncIterator[_Retrieved]) -> AsyncIterator[Answer]:
        async for retrieved in questions:
            async for answer in off_the_loop(self._answer(retrieved)):
                yield answer

    def _answer(self, retrieved: _Retrieved) -> Iterator[Answer]:
        """Yield the answer as it grows, or a refusal."""
        asked = retrieved.asked
        if retrieved.retrieval is None:
            yield reply(asked, self.index, lambda query, count: self._search(query, count, asked.document_ids))
            return
        began = time.perf_counter()
        found = look(retrieved.retrieval, self._reader)
        found, trust = preferred(found, "" if asked.is_alone else asked.core, self._rarity)
        judgement = self._judge(asked, found).doubted(trust)
        chosen = self._choose(found, judgement)
        reading = time.perf_counter() - began
        timings = {"retrieve": retrieved.seconds, "read": reading, "total": retrieved.seconds + reading}
        grounds = Grounds.of(asked, found, judgement, timings)
        if not chosen.sentences:
            yield grounds.refused()  # whatever a model might have said
            return
        chat = self.chat
        if chat is not None:
            try:
                yield from write_with(chat, grounds, self.settings, self._statement_check)
                return
            except ChatError as error:
                grounds = grounds.not_written_by(chat.name, error.fault, time.perf_counter() - began)
        yield from quote(grounds, chosen, self._rarity)

    def _judge(self, asked: Asked, found: Look) -> Judgement:
        """Look at each question within the question, and judge all of them."""
        parts = look_at_parts(
            questions_within(asked.parted, found.retrieval.languages, self._rarity),
            lambda part: look(self._search(part, self.settings.top_k, asked.within), self._reader),
            most=self.settings.max_parts,
            deadline=asked.began + self.settings.question_seconds,
        )
        return judge(
            found,
            parts,
            self._rarity,
            self.calibration,
            least=self.settings.min_confidence,
            is_answered_by_whole=lambda part: self._is_answered_by(found.retrieval, part.retrieval),
        )

    def _is_answered_by(self, whole: Retrieval, part: Retrieval) -> bool:
        """Return whether the best passage for the whole question answers a part of it that finds nothing alone.

        "What is the first step?" finds nothing without the sentence before it, which names the task. That sentence
        finds a passage, and in it the reader is certain of an answer. It is certain of none to "What is love?".
        """
        if self._reader is None or not whole.hits:
            return False
        passage = whole.hits[0].passage
        near = self.index.products([passage.id], part.vector).get(passage.id)
        found = self._reader.read(part.query, [passage], None if near is None else [near[1:]])
        return any(answer.is_shown for answer in found[0])

    def _choose(self, found: Look, judgement: Judgement) -> Chosen:
        """Return the sentences to quote, none where the confidence is too low."""
        if judgement.confidence < self.settings.min_confidence:
            return Chosen()
        sure = judgement.confidence >= EXPLAINED
        return choose_fully(found.sentences, self.settings.max_sentences, found.retrieval.query, explains=sure)
