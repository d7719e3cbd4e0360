"""Answer programs through Gradio's API, and through MCP, which Gradio serves with it."""

from __future__ import annotations

import json
from typing import Any

import gradio as gr
from gradio.events import api

from rag.chain import Temei
from rag.errors import TemeiError
from rag.messages import message
from ui.api.faults import CallError
from ui.api.rate_limit import RateLimit
from ui.api.visitors import visitor


def offer(temei: Temei, rate_limit: RateLimit) -> None:
    """Declare the endpoints ``ask`` and ``ask_json`` of the Gradio app that is being built.

    Both answer with the JSON of ``temei ask --json``, the first as an object, the second as text: Gradio's MCP tools
    would print an object as Python does. ``ask_json`` does not queue: for what queues, Gradio's MCP asks itself over
    HTTP, at the address that the headers of the first request named, with the headers of each later one.
    """

    def ask(request: gr.Request, question: str, document_ids: list[str] | None = None) -> dict[str, Any]:
        """Answer a question from the documents, quoting the exact words the answer stands on.

        Args:
            question: in any language.
            document_ids: search only these documents; all of them where omitted.
        """
        if wait := rate_limit.wait(visitor(request)):
            raise CallError(message("too_many_questions"), 429, wait)
        try:
            return temei.answer(question, document_ids=document_ids or None).to_dict()
        except TemeiError as error:
            raise gr.Error(str(error), print_exception=False) from error

    def ask_json(request: gr.Request, question: str, document_ids: list[str] | None = None) -> str:
        return json.dumps(ask(request, question, document_ids), ensure_ascii=False)

    ask_json.__doc__ = ask.__doc__
    ask._mcp_type = "api"  # type: ignore[attr-defined]  # any type but "tool" keeps it off the list of tools
    api(ask_json, api_name="ask_json", queue=False)
    api(ask, api_name="ask")
