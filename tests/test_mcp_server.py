"""``temei mcp``: its tools and resources, called by the reference client."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import mcp
import pytest
from conftest import ROOT
from fakes import FakeEmbedder
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.shared.memory import create_connected_server_and_client_session as connected
from pydantic import AnyUrl

from rag import Settings, Temei
from ui.mcp_server import server

MILL = "Moara din vale macină grâul din 1874."


@pytest.fixture
def library(home: Path) -> Iterator[Temei]:
    with Temei(Settings(home=home, reader=False, min_confidence=0), embedder=FakeEmbedder()) as temei:
        temei.add(
            f"{MILL} Roata ei are opt pale. Morarul o unge seara.", metadata={"source": "moara.txt", "title": "Moara"}
        )
        temei.add("The mill grinds wheat.", metadata={"source": "mill.txt", "title": "Mill", "language": "en"})
        yield temei


def asked(library: Temei, ask: Callable[[mcp.ClientSession], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with connected(server(library)._mcp_server) as client:
            return await ask(client)

    return asyncio.run(run())


def call(library: Temei, tool: str, **given: Any) -> Any:
    return asked(library, lambda client: client.call_tool(tool, given))


def result(reply: Any) -> Any:
    assert not reply.isError, reply
    told = reply.structuredContent
    return told["result"] if set(told) == {"result"} else told


def test_the_tools_are_told_with_what_they_take(library: Temei) -> None:
    tools = {tool.name: tool for tool in asked(library, lambda client: client.list_tools()).tools}

    assert set(tools) == {"ask", "search", "read", "documents", "overview"}
    assert all(tool.description for tool in tools.values())
    assert set(tools["read"].inputSchema["properties"]) == {"document", "start", "end", "around"}


def test_a_question_is_answered_and_its_citation_read_in_its_place(library: Temei) -> None:
    answer = result(call(library, "ask", question="Ce macină moara din vale?"))
    cited = answer["citations"][0]
    place = {"document": cited["document_id"], "start": cited["start"], "end": cited["end"]}
    read = result(call(library, "read", **place, around=10))

    assert answer["text"].startswith(MILL)
    assert read["text"][cited["start"] - read["start"] :].startswith(cited["quote"])
    assert read["end"] == cited["end"] + 10
    assert result(call(library, "read", **place, around=0))["text"] == cited["quote"]
    assert result(call(library, "read", document="Moara"))["text"].startswith(MILL)


def test_passages_and_documents_are_narrowed(library: Temei) -> None:
    where = {"language": "en"}

    assert [one["source"] for one in result(call(library, "search", question="wheat", where=where))] == ["mill.txt"]
    assert len(result(call(library, "search", question="moara", count=1))) == 1
    assert [one["source"] for one in result(call(library, "documents", where=where))] == ["mill.txt"]
    assert len(result(call(library, "documents"))) == 2


@pytest.mark.parametrize(
    ("tool", "given", "said"),
    [
        ("read", {"document": "lipsă"}, "There is no document lipsă"),
        ("overview", {"document": "lipsă"}, "There is no document lipsă"),
        ("read", {"document": "Moara", "start": 9999}, "must lie in the document"),
        ("read", {"document": "Moara", "start": 5, "end": 2}, "must lie in the document"),
        ("ask", {"question": " "}, "The question is empty"),
        ("ask", {"question": "?", "where": {"folder": "lipsă"}}, "No document fits"),
        ("search", {"question": "?", "where": {"colour": "red"}}, "No document has colour"),
        ("documents", {"where": {"language": "zh"}}, "No document fits"),
        ("nothing", {}, "Unknown tool"),
    ],
)
def test_what_is_not_there_is_an_error(library: Temei, tool: str, given: dict[str, Any], said: str) -> None:
    reply = call(library, tool, **given)

    assert reply.isError
    assert said in reply.content[0].text


def test_documents_are_resources(library: Temei) -> None:
    def read(address: str) -> str:
        found = asked(library, lambda client: client.read_resource(AnyUrl(address)))
        return str(found.contents[0].text)

    listed = json.loads(read("temei://documents"))

    assert [one["title"] for one in listed] == ["Mill", "Moara"]
    assert read(f"temei://documents/{listed[0]['id']}") == "The mill grinds wheat."

    async def fail(client: mcp.ClientSession) -> None:
        with pytest.raises(mcp.McpError, match="There is no document"):
            await client.read_resource(AnyUrl("temei://documents/lipsa"))

    asked(library, fail)


@pytest.mark.slow
@pytest.mark.model
def test_it_speaks_over_standard_input_and_output(temei: Temei) -> None:
    command = "import sys; from temei.__main__ import main; sys.argv = ['temei', 'mcp']; main()"
    given = {"PYTHONPATH": str(ROOT), "TEMEI_HOME": str(temei.settings.home)}

    async def run() -> Any:
        started = StdioServerParameters(command=sys.executable, args=["-c", command], env=given)
        async with stdio_client(started) as (receive, send), mcp.ClientSession(receive, send) as client:
            await client.initialize()
            answer = await client.call_tool("ask", {"question": "Când a fost trimisă scrisoarea de felicitare?"})
            about = await client.call_tool("overview", {"document": temei.documents()[0].source})
            return answer, about

    answer, about = map(result, asyncio.run(run()))
    text = temei.document(answer["citations"][0]["document_id"]).text  # type: ignore[union-attr]
    assert all(text[one["start"] : one["end"]] == one["quote"] for one in answer["citations"] + about["citations"])
    assert (answer["kind"], about["kind"]) == ("answer", "overview")
