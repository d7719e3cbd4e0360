"""Library: what a program does with documents, as methods of `rag.chain.Temei`."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from rag.checked_input import checked_documents, checked_question
from rag.errors import MissingIndexError, QuestionError
from rag.filters import Where, is_called, matching
from rag.index.index import Index
from rag.look import look
from rag.messages import message
from rag.models.embeddings import Embedder
from rag.models.reader import Reader
from rag.retrieve import Retrieval
from rag.settings import Settings
from rag.text.characters import whole
from rag.types import Answer, Document, DocumentRecord, Floats, Hit, Progress, Turn

if TYPE_CHECKING:
    from langchain_core.documents import Document as LangChainDocument

    Addable = str | Path | Document | LangChainDocument

AT_ONCE = 4
"""Questions of a batch that are answered at the same time; as many as `/v1` answers. Beyond the processors it gains
nothing but the time that a language model's server takes."""


@dataclass(frozen=True, slots=True)
class Added:
    """What `Temei.add` did: the documents that the index now holds of what was given, and a line for each that it
    does not hold."""

    documents: tuple[DocumentRecord, ...]
    problems: tuple[str, ...] = ()


async def off_the_loop(answers: Iterator[Answer]) -> AsyncIterator[Answer]:
    """Yield answers as they come, each made in a thread, so that the event loop is not blocked."""
    while (answer := await asyncio.to_thread(next, answers, None)) is not None:
        yield answer


class Library(ABC):
    """What of Temei adds, removes, lists and searches documents."""

    settings: Settings
    embedder: Embedder
    _reader: Reader | None

    @property
    @abstractmethod
    def index(self) -> Index:
        """The index, opened on first use."""

    @abstractmethod
    def answer(
        self,
        question: str,
        history: Sequence[Turn] = (),
        document_ids: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> Answer:
        """Answer a question."""

    @abstractmethod
    def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        document_ids: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> Iterator[Answer]:
        """Yield the answer as it grows."""

    @abstractmethod
    def _search(
        self, query: str, count: int, document_ids: Sequence[str] | None, **known: Floats | None
    ) -> Retrieval: ...

    @abstractmethod
    def close(self) -> None:
        """Release the files of the index; it is opened again when it is needed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def add(
        self,
        given: Addable | Iterable[Addable],
        *,
        metadata: Mapping[str, Any] | None = None,
        progress: Progress = lambda source, done, total: None,
    ) -> Added:
        """Add files, folders, texts or documents to the index, which is made where there is none.

        As in ``temei.add("laws/", metadata={"tags": ["law"]})`` or ``temei.add("The mill is of 1874.")``.

        Args:
            given: a path, or a text that names a file or folder; another text; a `Document`; LangChain's Document; or
                any number of these. What the index holds already costs nothing. A text or document that has the source
                of an earlier one that was given without a file replaces it.
            metadata: what else is known of all of them, as JSON can hold it, for `where`; of a text also its "title",
                "source", "language" and "url".
            progress: called with a source, the sentences embedded of it so far, and how many it has.

        Raises:
            DocumentError: nothing of what was given can be read.
            IndexStateError: the index cannot be written.
        """
        from ingest.library import add

        try:
            index = self.index
        except MissingIndexError:
            Index(self.settings, self.embedder, create=True).close()
            index = self.index
        documents, problems = add(given, index, dict(metadata or {}), progress)
        return Added(tuple(documents), tuple(map(str, problems)))

    def remove(self, documents: str | Iterable[str] = (), where: Where | None = None) -> tuple[DocumentRecord, ...]:
        """Remove documents from the index, and return what was known of them; their files stay.

        Args:
            documents: ids, sources or titles.
            where: remove the documents that fit; with ``documents`` those of them that fit.

        Raises:
            QuestionError: there is no such document, or nothing is named.
            IndexStateError: the index cannot be written.
        """
        records = self.index.documents()
        names = [documents] if isinstance(documents, str) else list(documents)
        if not names and where is None:
            raise QuestionError(message("where_not_a_mapping"))
        chosen: set[str] = set()
        for name in names:
            found = {one.id for one in records if is_called(one, name)}
            if not found:
                raise QuestionError(message("document_unknown", name=name))
            chosen |= found
        if where is not None:
            chosen = set(matching(records, where, chosen if names else None))
        with self.index.writing():
            self.index.remove(sorted(chosen))
        return tuple(record for record in records if record.id in chosen)

    def documents(self, where: Where | None = None) -> list[DocumentRecord]:
        """Return what is known of every document but its text, or of those that fit, sorted by source."""
        records = self.index.documents()
        if where is None:
            return records
        chosen = set(matching(records, where))
        return [record for record in records if record.id in chosen]

    def overview(self, document_id: str | None = None, section: str = "") -> Answer:
        """Return three to seven sentences that say what a document is about, or one of each of the first documents.

        Args:
            document_id: all documents where omitted.
            section: words of a heading in the document; only what stands below it is told of then.

        Raises:
            QuestionError: there is no such document, or no such heading in it.
            IndexStateError: there is no index, or it cannot be used.
        """
        from rag.replies import overview_of

        return overview_of(self.index, document_id, section)

    def document(self, document_id: str) -> Document | None:
        """Return a document with its text, or None where there is none of that id."""
        return self.index.document(whole(document_id))

    def retrieve(
        self,
        question: str,
        k: int | None = None,
        document_ids: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> tuple[Hit, ...]:
        """Return the ``k`` best passages for a question (``settings.top_k`` where omitted), before the reader looks.

        The hits of an answer are these, in the order that the reader gave them.

        Args:
            document_ids: search only these documents.
            where: search only the documents that fit, as in `Temei.answer`.
        """
        return self._retrieved(question, k, document_ids, where).hits

    def search(
        self,
        question: str,
        k: int | None = None,
        document_ids: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> tuple[Hit, ...]:
        """Return the ``k`` best passages for a question in the order that the reader gives them, as an answer does.

        See `Temei.retrieve` for arguments.
        """
        return look(self._retrieved(question, k, document_ids, where), self._reader).retrieval.hits

    def _retrieved(
        self, question: str, k: int | None, document_ids: Sequence[str] | None, where: Where | None
    ) -> Retrieval:
        query = checked_question(question, self.settings.max_question_chars)
        return self._search(query, k or self.settings.top_k, self._chosen(document_ids, where))

    async def aanswer(
        self,
        question: str,
        history: Sequence[Turn] = (),
        document_ids: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> Answer:
        """Do as `answer`, without blocking the event loop."""
        return await asyncio.to_thread(self.answer, question, history, document_ids, where)

    async def astream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        document_ids: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> AsyncIterator[Answer]:
        """Do as `stream`, without blocking the event loop."""
        async for answer in off_the_loop(self.stream(question, history, document_ids, where)):
            yield answer

    def batch(
        self, questions: Iterable[str], document_ids: Sequence[str] | None = None, where: Where | None = None
    ) -> list[Answer]:
        """Answer several questions, each by itself, and return the answers in their order.

        See `Temei.answer` for arguments and errors; the first error ends the batch.
        """
        chosen = self._chosen(document_ids, where)
        with ThreadPoolExecutor(AT_ONCE) as threads:
            return list(threads.map(lambda question: self.answer(question, document_ids=chosen), questions))

    def _chosen(self, document_ids: object, where: Where | None) -> Sequence[str] | None:
        """Return the ids of the documents to search, None for all of them."""
        checked = checked_documents(document_ids)
        return checked if where is None else matching(self.index.documents(), where, checked)

    def _narrowed(self, given: str | Mapping[str, Any]) -> str | Mapping[str, Any]:
        """Return what a chain was given, with the documents that fit in place of the filter."""
        if not isinstance(given, Mapping) or given.get("where") is None:
            return given
        return {**given, "document_ids": self._chosen(given.get("document_ids"), given["where"])}
