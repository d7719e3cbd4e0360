"""Serve the documents to the clients of MCP on standard input and output: ``temei mcp``.

The tools say what they do in their docstrings, which a language model reads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from mcp.server.fastmcp import FastMCP
from mcp.server.fastmcp.exceptions import ToolError

from rag.chain import Temei
from rag.errors import QuestionError, TemeiError
from rag.filters import is_called
from rag.messages import message
from rag.settings import Settings
from rag.types import Document
from ui.asking import to_dict
from ui.terminal import note

T = TypeVar("T")
Where = dict[str, Any] | None

MOST_PASSAGES, MOST_CHARACTERS = 50, 20_000
"""Bounds of one reply, so that it fits what a language model reads."""
AROUND = 500
"""Characters that are read on either side of a span, some three sentences."""
ABOUT = (
    "Questions about the user's documents, answered with exact quotes. Every quote stands in its document word for "
    "word, at the offsets given. If `abstained` is true, the documents do not answer."
)


def mcp() -> None:
    """Serve the documents to an MCP client on standard input and output."""
    temei = Temei(Settings(), report=note)
    temei.index.search_index()  # what keeps it from answering is told here, in one line
    server(temei).run()


def server(temei: Temei) -> FastMCP[None]:
    """Return the server with its tools and resources."""
    made: FastMCP[None] = FastMCP("temei", instructions=ABOUT)
    for tool in (*_asking(temei), *_reading(temei)):
        made.add_tool(tool)

    @made.resource("temei://documents", mime_type="application/json", description="What documents there are.")
    def listed() -> list[dict[str, Any]]:
        return [record.to_dict() for record in temei.documents()]

    @made.resource("temei://documents/{document_id}", mime_type="text/plain", description="A document's whole text.")
    def document_text(document_id: str) -> str:
        return _document(temei, document_id).text

    return made


def _asking(temei: Temei) -> tuple[Callable[..., Any], ...]:
    """Return the tools that search."""

    async def ask(question: str, where: Where = None) -> dict[str, Any]:
        """Answer one whole question from the documents, in any language, quoting the exact words the answer stands on.

        where narrows it to documents: {"folder": "laws"}, or by document, language, tag, date.
        """
        return (await _told(lambda: temei.answer(question, where=where))).to_dict()

    async def search(question: str, count: int = 6, where: Where = None) -> list[dict[str, Any]]:
        """Find the passages that may answer a question, best first, word for word as they stand in the documents."""
        wanted = max(1, min(count, MOST_PASSAGES))
        return [to_dict(hit) for hit in await _told(lambda: temei.search(question, wanted, where=where))]

    async def overview(document: str) -> dict[str, Any]:
        """Tell what a document is about in its own sentences; document is its id, source or title."""
        found = await _told(lambda: _document(temei, document))
        return (await _told(lambda: temei.overview(found.id))).to_dict()

    return ask, search, overview


def _reading(temei: Temei) -> tuple[Callable[..., Any], ...]:
    """Return the tools that read documents."""

    async def documents(where: Where = None) -> list[dict[str, Any]]:
        """List the documents with their id, title, source, language and size, or those that fit where."""
        return [record.to_dict() for record in await _told(lambda: temei.documents(where))]

    async def read(document: str, start: int = 0, end: int | None = None, around: int = AROUND) -> dict[str, Any]:
        """Read a span of a document with what stands around it, such as the one that a citation names.

        document is its id, source or title; start and end are offsets in its text. At most 20000 characters.
        """
        found = await _told(lambda: _document(temei, document))
        first = max(0, start - max(0, around))
        last = len(found.text) if end is None else end + max(0, around)
        last = min(last, len(found.text), first + MOST_CHARACTERS)
        if not 0 <= start <= len(found.text) or (end is not None and end < start):
            raise ToolError(f"start and end must lie in the document, which has {len(found.text)} characters.")
        told = {"document_id": found.id, "title": found.title, "source": found.source}
        return told | {"start": first, "end": last, "characters": len(found.text), "text": found.text[first:last]}

    return documents, read


def _document(temei: Temei, name: str) -> Document:
    """Return a document by its id, source or title.

    Raises:
        QuestionError: there is none.
    """
    found = temei.document(name)
    if found is None:
        ids = [record.id for record in temei.documents() if is_called(record, name)]
        found = temei.document(ids[0]) if ids else None
    if found is None:
        raise QuestionError(message("document_unknown", name=name))
    return found


async def _told(ask: Callable[[], T]) -> T:
    """Do something off the event loop; what is wrong is told in one line.

    Raises:
        ToolError: it cannot be done.
    """
    try:
        return await asyncio.to_thread(ask)
    except TemeiError as error:
        raise ToolError(str(error)) from error
