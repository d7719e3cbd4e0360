"""Temei for those who build with LangChain: its retriever, a chain with types, a tool.

All of them read and answer as Temei does anywhere else; nothing here searches by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.tools import BaseTool, StructuredTool
from pydantic import BaseModel, ConfigDict, Field

from rag.chain import Temei
from rag.types import PATH, Answer, Hit, Turn

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

TOOL = "temei"
ABOUT = (
    "Answers a question from the user's documents with exact quotes of them, or says that they do not answer. "
    "Ask one whole question at a time, in any language; keep the markers such as [1] that name the quotes."
)


class TemeiRetriever(BaseRetriever):
    """A LangChain retriever with all of Temei's retrieval: vectors, words, the reader.

    ``temei.index.vectorstore.as_retriever()`` searches by the passages' vectors alone. As in
    ``TemeiRetriever(temei=Temei("home"), k=4, where={"folder": "laws"})``.

    Each document's ``page_content`` is a passage as it stands in its document: ``text[start:end]`` of the `Document`.
    Its metadata has document_id, title, source, start, end, score, language, and page and path where it has them.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    temei: Any = Field(description="The Temei that searches.")
    k: int | None = Field(None, ge=1, le=100, description="Passages to return; settings.top_k where omitted.")
    where: Mapping[str, Any] | None = Field(None, description="Search only the documents that fit.")

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return [to_document(hit) for hit in self.temei.search(query, self.k, where=self.where)]


def to_document(hit: Hit) -> Document:
    """Return a hit as LangChain's Document."""
    passage = hit.passage
    known = {
        "document_id": passage.document_id,
        "title": passage.title,
        "source": passage.source,
        "start": passage.start,
        "end": passage.end,
        "score": round(hit.score, 4),
        "language": passage.language,
        **({"page": passage.page} if passage.page else {}),
        **({"path": PATH.join(passage.path)} if passage.path else {}),
    }
    return Document(page_content=passage.text, metadata=known, id=passage.id)


class TemeiInput(BaseModel):
    """What the chain of `as_runnable` takes."""

    question: str = Field(description="A question, in any language.")
    history: list[AnyMessage] = Field([], description="The conversation before it, oldest first.")
    document_ids: list[str] | None = Field(None, description="Search only these documents.")
    where: dict[str, Any] | None = Field(None, description="Search only the documents that fit.")


class TemeiOutput(BaseModel):
    """What the chain of `as_runnable` gives: the JSON of an answer."""

    model_config = ConfigDict(extra="allow")
    question: str
    text: str
    abstained: bool
    confidence: float
    mode: str
    standalone_question: str
    citations: list[dict[str, Any]]
    kind: str
    timings: dict[str, float]


def as_runnable(temei: Temei) -> Runnable[Any, dict[str, Any]]:
    """Return a chain with schemas of input and output (`TemeiInput`, `TemeiOutput`), which takes LangChain's messages.

    It takes a question or a mapping, whose history is of messages or of `Turn`s, and gives the JSON of the answer.
    `Temei.chain` gives the `Answer` itself, and streams.
    """

    def ask(given: Any, config: RunnableConfig) -> dict[str, Any]:
        fields = dict(given) if isinstance(given, Mapping) else {"question": given}
        fields["history"] = to_turns(fields.get("history") or ())
        answer: Answer = temei.chain.invoke(fields, config)
        return answer.to_dict()

    async def aask(given: Any, config: RunnableConfig) -> dict[str, Any]:
        fields = dict(given) if isinstance(given, Mapping) else {"question": given}
        fields["history"] = to_turns(fields.get("history") or ())
        answer: Answer = await temei.chain.ainvoke(fields, config)
        return answer.to_dict()

    typed: Any = RunnableLambda(ask, aask, name=TOOL)  # LangChain has no type for what is a mapping of known names
    made: Runnable[Any, dict[str, Any]] = typed.with_types(input_type=TemeiInput, output_type=TemeiOutput)
    return made


def to_turns(history: Sequence[Any]) -> Sequence[Any]:
    """Return the turns of a conversation in LangChain's messages; turns stay as they are.

    A question that got no answer, and what is neither asked nor answered (a system message, a tool's), is left out.
    """
    messages = list(history)
    if not messages or not all(isinstance(message, BaseMessage) for message in messages):
        return messages
    turns: list[Turn] = []
    asked = ""
    for message in messages:
        if isinstance(message, HumanMessage):
            asked = _text(message)
        elif isinstance(message, AIMessage) and asked and _text(message):
            turns.append(Turn(asked, _text(message)))
            asked = ""
    return turns


def _text(message: BaseMessage) -> str:
    content = message.content
    if isinstance(content, str):
        return content
    return "".join(part if isinstance(part, str) else str(part.get("text", "")) for part in content)


class _Asked(BaseModel):
    question: str = Field(description="One whole question, understandable by itself.")


def as_tool(
    temei: Temei, *, name: str = TOOL, description: str = ABOUT, where: Mapping[str, Any] | None = None
) -> BaseTool:
    """Return Temei as an agent's tool: a question gives the answer and its quotes as text; the artifact is an `Answer`.

    Args:
        where: search only the documents that fit.
    """

    def ask(question: str) -> tuple[str, Answer]:
        answer = temei.answer(question, where=where)
        return told(answer), answer

    async def aask(question: str) -> tuple[str, Answer]:
        answer = await temei.aanswer(question, where=where)
        return told(answer), answer

    return StructuredTool.from_function(
        ask, aask, name=name, description=description, args_schema=_Asked, response_format="content_and_artifact"
    )


def told(answer: Answer) -> str:
    """Return an answer as text for a language model: what it says, and each quote word for word with its place."""
    quotes = [f"[{c.number}] {c.where} ({c.source}, {c.start}-{c.end}): {c.quote}" for c in answer.citations]
    return "\n".join([answer.text, *quotes])
