"""Answer the clients of OpenAI: ``/v1/chat/completions``, ``/v1/models`` and ``/v1/embeddings``.

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

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict

from rag.chain import Temei
from rag.errors import IndexStateError, TemeiError
from rag.messages import message
from rag.refuse import declined
from rag.text.characters import whole
from rag.types import Answer, Turn
from ui.api.embeddings import EmbeddingRequest, embed
from ui.api.faults import problem
from ui.api.front_ends import reply_to_order
from ui.api.openai_shapes import MODEL, file_citations, model, usage
from ui.api.rate_limit import RateLimit, retry_after
from ui.api.visitors import visitor
from ui.markdown import escape_markdown

AT_ONCE, PATIENCE = 4, 30.0
"""Answers made at the same time, and seconds that a request waits for its turn."""


TEXTS = ("text", "input_text", "output_text")
"""The kinds of parts of a message that are text."""


class Message(BaseModel):
    """One message of a conversation; its content is text or a list of parts of which the text ones count."""

    model_config = ConfigDict(extra="ignore")
    role: str
    content: str | list[dict[str, Any]] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "".join(str(part.get("text", "")) for part in self.content if part.get("type") in TEXTS)
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
    """Return the last question of a conversation and the turns before it.

    A refusal and a reply to what was no question are known by their text: neither is what is talked about.
    """
    spoken = [message for message in messages if message.role in ("user", "assistant")]
    last = next((at for at in range(len(spoken) - 1, -1, -1) if spoken[at].role == "user"), None)
    if last is None:
        return "", ()
    turns = [
        Turn(question.text, answer.text, abstained=declined(answer.text))
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
        return {"object": "list", "data": [model()]}

    @door.get("/models/{name}", response_model=None)
    async def one_model(name: str) -> Any:
        return model() if name == MODEL else _refused(404, str(message("model_unknown", name=name, model=MODEL)))

    @door.post("/embeddings", response_model=None)
    async def embeddings(request: EmbeddingRequest, call: Request) -> Response:
        if wait := rate_limit.wait(visitor(call)):
            return _refused(429, str(message("too_many_questions")), retry_after(wait))
        if request.problem:
            return _refused(422, str(message("request_does_not_fit", reason=request.problem)))
        async with turns:
            return JSONResponse(await embed(request, temei.embedder))

    @door.post("/chat/completions", response_model=None)
    async def completions(request: ChatRequest, call: Request) -> Response:
        if wait := rate_limit.wait(visitor(call)):
            return _refused(429, str(message("too_many_questions")), retry_after(wait))
        question, history = asked(request.messages)
        base = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": MODEL}
        if (reply := reply_to_order(question, history[0].question if history else "")) is not None:
            return _replied(base, request, _said(question, reply))
        try:
            await asyncio.wait_for(turns.acquire(), PATIENCE)
        except TimeoutError:
            return _refused(429, str(message("too_many_questions_at_once")))
        answers = _held(temei.astream(question, history, where=request.where), turns)
        try:
            first = await anext(answers)
        except TemeiError as error:
            return _refused(503 if isinstance(error, IndexStateError) else 400, str(error))
        if request.stream:
            return StreamingResponse(_chunks(base, first, answers, request), media_type="text/event-stream")
        try:
            *_, whole = [first, *[answer async for answer in answers]]
        except TemeiError as error:
            return _refused(503, str(error))
        return _replied(base, request, whole)

    return door


async def _held(answers: AsyncIterator[Answer], turns: asyncio.Semaphore) -> AsyncGenerator[Answer]:
    """Yield the growing answer and release the semaphore at its end, also after an error."""
    try:
        async for answer in answers:
            yield answer
    finally:
        turns.release()


def _said(question: str, reply: str) -> Answer:
    """Return a reply that nothing was looked up for."""
    return Answer(question, reply, (), (), False, 1.0, question, "extractive", kind="order")


def _replied(base: dict[str, Any], request: ChatRequest, answer: Answer) -> Response:
    """Return a whole answer in the form that was asked for."""
    if request.stream:
        return StreamingResponse(_chunks(base, answer, _nothing(), request), media_type="text/event-stream")
    return JSONResponse(_completion(base, answer, request))


async def _nothing() -> AsyncGenerator[Answer]:
    nothing: tuple[Answer, ...] = ()
    for answer in nothing:
        yield answer


def _completion(base: dict[str, Any], answer: Answer, request: ChatRequest) -> dict[str, Any]:
    text = _content(answer)
    shown = text + quotes(answer) + remark(answer)
    told = {"role": "assistant", "content": shown, "refusal": None, "annotations": file_citations(answer, text)}
    choice = {"index": 0, "message": told, "finish_reason": "stop", "logprobs": None}
    return base | {
        "object": "chat.completion",
        "choices": [choice],
        "usage": _usage(request, shown),
        **_extra(answer),
    }


def _content(answer: Answer) -> str:
    """Return what is shown of an answer; a front end reads the reply to its order as it stands."""
    return answer.text if answer.kind == "order" else content(answer)


def _usage(request: ChatRequest, shown: str) -> dict[str, int]:
    return usage([each.text for each in request.messages], shown)


def _extra(answer: Answer) -> dict[str, Any]:
    told = answer.to_dict()
    return {"citations": told["citations"], "temei": told}


async def _chunks(
    base: dict[str, Any], first: Answer, rest: AsyncGenerator[Answer], request: ChatRequest
) -> AsyncGenerator[str]:
    """Yield the answer as server-sent events: what each step adds, then the quotes, the citations and the usage."""
    counted = bool(request.stream_options and request.stream_options.include_usage)

    def event(delta: dict[str, Any] | None, finish: str | None = None, **extra: Any) -> str:
        choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}]
        body = base | {"object": "chat.completion.chunk", "choices": choices} | ({"usage": None} if counted else {})
        return f"data: {json.dumps(body | extra, ensure_ascii=False)}\n\n"

    answer, sent = first, _content(first)
    yield event({"role": "assistant", "content": sent})
    try:
        async with aclosing(rest):  # a client that disconnects releases the semaphore at once
            async for answer in rest:
                text = _content(answer)
                if text.startswith(sent) and len(text) > len(sent):
                    yield event({"content": text[len(sent) :]})
                    sent = text
    except TemeiError as error:
        yield f"data: {json.dumps(problem(str(error), 503), ensure_ascii=False)}\n\n"
        return
    whole = _content(answer)
    if whole != sent:  # a model stopped in the middle: sent text cannot be taken back, so the whole answer follows
        again = f"\n\n---\n\n{whole}"
        yield event({"content": again})
        sent += again
    after = quotes(answer) + remark(answer)
    if after:
        yield event({"content": after})
    yield event({"annotations": file_citations(answer, sent)} if answer.citations else {}, "stop", **_extra(answer))
    if counted:
        yield event(None, usage=_usage(request, sent + after))
    yield "data: [DONE]\n\n"


def _refused(status: int, line: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(problem(line, status), status_code=status, headers=headers)
