"""Read the body of a request up to a size limit, before anything parses it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import Message as ASGIMessage
from starlette.types import Receive, Scope

from rag.messages import Message, message

JSON_BYTES = 1_000_000
"""Largest event, question or message to MCP. The longest conversation that the page sends back has half of it."""
LOGIN_BYTES = 16_384
"""Largest login; one in a form has some hundred bytes."""
MOST_TYPE = 256
"""Bytes of an upload's Content-Type; the boundary in it has 70 at most (RFC 2046)."""
SECONDS = 30
"""Time in which such a body must have come whole."""


class BodyError(Exception):
    """A body is refused; ``status`` is the HTTP status."""

    def __init__(self, status: int, message: Message) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def length_of(scope: Scope) -> int | None:
    """Return the length in bytes that a request announces, or None.

    Raises:
        BodyError: the number is none.
    """
    for name, value in scope["headers"]:
        if name == b"content-length":
            if not value.isdigit() or len(value) > 18:
                raise BodyError(400, message("request_bad_length"))
            return int(value)
    return None


def check_type(scope: Scope) -> None:
    """Check the type of an upload.

    Raises:
        BodyError: it is longer than any form's.
    """
    if any(name == b"content-type" and len(value) > MOST_TYPE for name, value in scope["headers"]):
        raise BodyError(400, message("request_bad_type"))


async def read(scope: Scope, receive: Receive, most: int) -> bytes:
    """Return the whole body.

    Raises:
        BodyError: it has more than ``most`` bytes, or does not come in time.
    """
    too_large = message("request_too_large", most=most)
    if (length_of(scope) or 0) > most:
        raise BodyError(413, too_large)
    parts, size = [], 0
    try:
        async with asyncio.timeout(SECONDS):
            while True:
                got = await receive()
                if got["type"] == "http.disconnect":
                    raise BodyError(400, message("request_broke_off"))
                parts.append(got.get("body", b""))
                size += len(parts[-1])
                if size > most:
                    raise BodyError(413, too_large)
                if not got.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        raise BodyError(408, message("request_too_slow", seconds=SECONDS)) from None


def parse(body: bytes) -> Any:
    """Return the JSON value of a body.

    Raises:
        BodyError: it is no JSON, or JSON with what no text or number of ours can be: half of a surrogate pair, NaN.
    """
    try:
        value = json.loads(body, parse_constant=_refuse)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise BodyError(400, message("request_not_json")) from error
    return value


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def again(scope: Scope, body: bytes, receive: Receive) -> tuple[Scope, Receive]:
    """Return the request with the body that was already read."""
    kept = [(k, v) for k, v in scope["headers"] if k not in (b"content-length", b"transfer-encoding")]
    given = False

    async def give() -> ASGIMessage:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return {**scope, "headers": [*kept, (b"content-length", str(len(body)).encode())]}, give


def to_its_end(receive: Receive) -> Receive:
    """End an upload that breaks off with a refusal in place of an error; nobody receives the refusal."""

    async def whole() -> ASGIMessage:
        got = await receive()
        if got["type"] == "http.disconnect":
            raise HTTPException(400, "The upload broke off.")
        return got

    return whole
