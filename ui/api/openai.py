"""Answer programs: the OpenAI-compatible ``/v1/chat/completions``, and the endpoints of Gradio's API and MCP.

The clients of language models show Markdown. The answer's text and quotes are therefore escaped in ``content``;
``citations`` give them unchanged, as ``temei ask --json`` does.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from typing import Any

import gradio as gr
from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from fastapi.routing import APIRoute
from gradio.events import api
from pydantic import BaseModel, ConfigDict

from rag.chain import Temei
from rag.errors import IndexStateError, TemeiError
from rag.messages import message
from rag.text.characters import whole
from rag.types import Answer, Turn
from ui.api.faults import CallError, problem
from ui.api.rate_limit import RateLimit, retry_after
from ui.api.visitors import visitor
from ui.markdown import escape_markdown

MODEL = "temei"
AT_ONCE, PATIENCE = 4, 30.0
"""Answers made at the same time, and seconds that a request waits for its turn."""


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


class Message(BaseModel):
    """One message of a conversation; its content is text or a list of parts of which the text ones count."""

    model_config = ConfigDict(extra="ignore")
    role: str
    content: str | list[dict[str, Any]] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "".join(str(part.get("text", "")) for part in self.content if part.get("type") == "text")
        return self.content or ""


class StreamOptions(BaseModel):
    """What a client wants of a stream: at its end how many tokens it took."""

    model_config = ConfigDict(extra="ignore")
    include_usage: bool | None = False


class ChatRequest(BaseModel):
    """The fields of a request that are read; temperature and similar fields have no effect.

    ``where`` is ours: it narrows the question to documents, as in `Temei.answer`.
    """

    model_config = ConfigDict(extra="ignore")
    messages: list[Message]
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    where: dict[str, Any] | None = None


class Route(APIRoute):
    """A route that refuses a malformed body in one line. FastAPI repeats the body, which JSON may not allow."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of requests."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                first = error.errors()[0]
                place = ".".join(str(part) for part in first["loc"] if part != "body")[:100]
                reason = whole(f"{place}: {first['msg']}" if place else first["msg"])
                return _refused(422, str(message("request_does_not_fit", reason=reason)))

        return handled


def asked(messages: list[Message]) -> tuple[str, tuple[Turn, ...]]:
    """Return the last question of a conversation and the turns before it."""
    spoken = [message for message in messages if message.role in ("user", "assistant")]
    last = next((at for at in range(len(spoken) - 1, -1, -1) if spoken[at].role == "user"), None)
    if last is None:
        return "", ()
    turns = [
        Turn(question.text, answer.text)
        for question, answer in itertools.pairwise(spoken[:last])
        if (question.role, answer.role) == ("user", "assistant")
    ]
    return spoken[last].text, tuple(turns)


def content(answer: Answer) -> str:
    """Return the answer's text as Markdown, its markers as they are."""
    text = escape_markdown(answer.text)
    for citation in answer.citations:
        text = text.replace(f"\\[{citation.number}\\]", f"[{citation.number}]")
    return text


def quotes(answer: Answer) -> str:
    """Return the quotes as Markdown, to follow the text."""
    return "".join(
        f"\n\n> [{c.number}] {escape_markdown(c.where)}: “{escape_markdown(' '.join(c.quote.split()))}”"
        for c in answer.citations
    )


def remark(answer: Answer) -> str:
    """Return what there is to say about how the answer came to be, to follow the quotes."""
    return f"\n\n*{escape_markdown(answer.note)}*" if answer.note else ""


def router(temei: Temei, rate_limit: RateLimit) -> APIRouter:
    """Return the OpenAI-compatible endpoints."""
    door = APIRouter(prefix="/v1", route_class=Route)
    turns = asyncio.Semaphore(AT_ONCE)  # first come, first served; a semaphore of threads is not fair

    @door.get("/models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": MODEL}]}

    @door.post("/chat/completions", response_model=None)
    async def completions(request: ChatRequest, call: Request) -> Response:
        if wait := rate_limit.wait(visitor(call)):
            return _refused(429, str(message("too_many_questions")), retry_after(wait))
        question, history = asked(request.messages)
        try:
            await asyncio.wait_for(turns.acquire(), PATIENCE)
        except TimeoutError:
            return _refused(429, str(message("too_many_questions_at_once")))
        answers = _held(temei.astream(question, history, where=request.where), turns)
        try:
            first = await anext(answers)
        except TemeiError as error:
            return _refused(503 if isinstance(error, IndexStateError) else 400, str(error))
        base = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": MODEL}
        if request.stream:
            return StreamingResponse(_chunks(base, first, answers), media_type="text/event-stream")
        try:
            *_, whole = [first, *[answer async for answer in answers]]
        except TemeiError as error:
            return _refused(503, str(error))
        return JSONResponse(_completion(base, whole))

    return door


async def _held(answers: AsyncIterator[Answer], turns: asyncio.Semaphore) -> AsyncGenerator[Answer]:
    """Yield the growing answer and release the semaphore at its end, also after an error."""
    try:
        async for answer in answers:
            yield answer
    finally:
        turns.release()


def _completion(base: dict[str, Any], answer: Answer) -> dict[str, Any]:
    told = {"role": "assistant", "content": content(answer) + quotes(answer) + remark(answer), "refusal": None}
    choice = {"index": 0, "message": told, "finish_reason": "stop", "logprobs": None}
    return base | {"object": "chat.completion", "choices": [choice]} | _extra(answer)


def _extra(answer: Answer) -> dict[str, Any]:
    told = answer.to_dict()
    return {"citations": told["citations"], "temei": told}


async def _chunks(base: dict[str, Any], first: Answer, rest: AsyncGenerator[Answer]) -> AsyncGenerator[str]:
    """Yield the answer as server-sent events: what each step adds, then the quotes and the citations."""

    def event(delta: dict[str, Any], finish: str | None = None, **extra: Any) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        body = base | {"object": "chat.completion.chunk", "choices": [choice]} | extra
        return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"

    answer, sent = first, content(first)
    yield event({"role": "assistant", "content": sent})
    try:
        async with aclosing(rest):  # a client that disconnects releases the semaphore at once
            async for answer in rest:
                text = content(answer)
                if text.startswith(sent) and len(text) > len(sent):
                    yield event({"content": text[len(sent) :]})
                    sent = text
    except TemeiError as error:
        yield f"data: {json.dumps(problem(str(error)), ensure_ascii=False)}\n\n"
        return
    whole = content(answer)
    if whole != sent:  # a model stopped in the middle: sent text cannot be taken back, so the whole answer follows
        yield event({"content": f"\n\n---\n\n{whole}"})
    after = quotes(answer) + remark(answer)
    if after:
        yield event({"content": after})
    yield event({}, "stop", **_extra(answer))
    yield "data: [DONE]\n\n"


def _refused(status: int, line: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(problem(line), status_code=status, headers=headers)
