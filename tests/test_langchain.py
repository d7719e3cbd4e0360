"""Temei inside LangChain: a retriever, a typed chain, a tool that an agent calls."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeEmbedder
from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.runnables import RunnablePassthrough

from rag import Answer, Settings, Temei, TemeiRetriever, Turn
from rag.errors import QuestionError
from rag.langchain import TemeiInput, as_runnable, as_tool, to_turns

MILL = "Moara din vale macină grâul din 1874."
QUESTION = "Ce macină moara din vale?"


@pytest.fixture
def library(home: Path) -> Iterator[Temei]:
    with Temei(Settings(home=home, reader=False, min_confidence=0), embedder=FakeEmbedder()) as temei:
        temei.add(MILL, metadata={"source": "moara.txt", "title": "Moara"})
        temei.add("The mill grinds wheat.", metadata={"source": "mill.txt", "title": "Mill", "language": "en"})
        yield temei


def test_the_retriever_finds_what_temei_finds(library: Temei) -> None:
    retriever = TemeiRetriever(temei=library, k=2)

    found = retriever.invoke(QUESTION)

    assert [one.id for one in found] == [hit.passage.id for hit in library.search(QUESTION, 2)]
    for one in found:
        document = library.document(one.metadata["document_id"])
        assert document is not None
        assert document.text[one.metadata["start"] : one.metadata["end"]] == one.page_content
    assert asyncio.run(retriever.ainvoke(QUESTION)) == found
    narrow = TemeiRetriever(temei=library, where={"language": "en"})
    assert [one.metadata["source"] for one in narrow.invoke(QUESTION)] == ["mill.txt"]
    with pytest.raises(QuestionError):
        retriever.invoke(" ")


def test_the_retriever_stands_in_a_chain(library: Temei) -> None:
    chain = {"context": TemeiRetriever(temei=library, k=1), "question": RunnablePassthrough()} | RunnablePassthrough()

    assert chain.invoke(QUESTION)["context"][0].page_content == MILL


def test_the_chain_has_schemas_and_takes_messages_and_turns(library: Temei) -> None:
    chain = as_runnable(library)
    asked = {"question": "Dar când?", "history": [HumanMessage(QUESTION), AIMessage("Grâul. [1]")]}
    turns = {"question": "Dar când?", "history": [Turn(QUESTION, "Grâul. [1]")]}

    assert set(chain.get_input_jsonschema()["properties"]) == set(TemeiInput.model_fields)
    assert "citations" in chain.get_output_jsonschema()["properties"]
    whole = library.answer("Dar când?", [Turn(QUESTION, "Grâul. [1]")])
    for given in (asked, turns):
        told = chain.invoke(given)
        assert told["standalone_question"] == whole.standalone_question != "Dar când?"
        assert Answer.from_dict(told).citations[0].quote == whole.citations[0].quote
    assert asyncio.run(chain.ainvoke(QUESTION))["question"] == QUESTION
    assert len(chain.batch([QUESTION, asked])) == 2
    with pytest.raises(QuestionError):
        chain.invoke({"question": QUESTION, "history": [5]})


def test_messages_become_turns() -> None:
    talk: list[Any] = [
        SystemMessage("Be brief."),
        HumanMessage("A?"),
        HumanMessage([{"type": "text", "text": "B"}, {"type": "text", "text": "?"}]),
        AIMessage("", tool_calls=[{"name": "temei", "args": {"question": "B?"}, "id": "1"}]),
        ToolMessage("b", tool_call_id="1"),
        AIMessage("b"),
        HumanMessage("C?"),
    ]

    assert to_turns(talk) == [Turn("B?", "b")]
    assert to_turns([]) == []


class Scripted(GenericFakeChatModel):
    """A chat model that says what it was told to say, and takes tools."""

    def bind_tools(self, tools: Any, **named: Any) -> Any:
        return self


def test_an_agent_asks_and_gets_the_quotes(library: Temei) -> None:
    call = {"name": "temei", "args": {"question": QUESTION}, "id": "1"}
    model = Scripted(messages=iter([AIMessage("", tool_calls=[call]), AIMessage("Grâul. [1]")]))
    agent = create_agent(model, [as_tool(library)])

    said = agent.invoke({"messages": [HumanMessage("Întreabă documentele ce macină moara.")]})["messages"]

    (tool,) = (message for message in said if isinstance(message, ToolMessage))
    assert isinstance(tool.artifact, Answer)
    citation = tool.artifact.citations[0]
    assert f"[1] Moara (moara.txt, {citation.start}-{citation.end}): {citation.quote}" in tool.content
    assert said[-1].content == "Grâul. [1]"


def test_a_tool_searches_where_it_was_told(library: Temei) -> None:
    tool = as_tool(library, where={"language": "en"})

    assert "mill.txt" in asyncio.run(tool.ainvoke({"question": QUESTION}))
    assert "moara.txt" not in tool.invoke({"question": QUESTION})
