"""Report errors of the page in one line, without a traceback.

Such an error comes from the page itself, or from Gradio when a program sends what no browser sends.
"""

from __future__ import annotations

import logging
import traceback
from typing import Any

import gradio as gr
import gradio.events
from starlette.datastructures import MutableHeaders
from starlette.types import Message as ASGIMessage
from starlette.types import Scope, Send

from rag.errors import QuestionError, TemeiError
from rag.messages import Message, message
from ui.api.rate_limit import retry_after
from ui.texts import preferred

_log = logging.getLogger("temei")


STATUS = "temei.status"
"""The key under which the scope of a request keeps the status of refusals and the seconds to wait after them."""


class CallError(gr.Error):
    """A call of an event is refused with an HTTP status; ``wait`` are the seconds until it may be tried again."""

    def __init__(self, said: Message, status: int = 422, wait: float = 0.0) -> None:
        super().__init__(str(said), print_exception=False)
        self.said = said
        self.status = status
        self.wait = wait


class Page(gr.Blocks):
    """A Gradio app in which a failed event writes one line to the log and sends one line to the browser."""

    async def process_api(self, *given: Any, **named: Any) -> dict[str, Any]:
        """Do as Gradio does, but without the traceback that Gradio prints for errors of others."""
        try:
            return await super().process_api(*given, **named)
        except gr.Error as error:
            if isinstance(error, CallError):
                error.message = error.said.in_language(_language(named.get("request")))
                _tell(named.get("request"), error.status, error.wait)
            elif isinstance(error.__cause__, TemeiError):
                _tell(named.get("request"), 422 if isinstance(error.__cause__, QuestionError) else 503)
            raise
        except Exception as error:
            note(error)
            if _is_of_event_data(error):
                _tell(named.get("request"), 422)
            line = message("failed").in_language(_language(named.get("request")))
            raise gr.Error(line, print_exception=False) from error

    async def preprocess_data(self, *given: Any, **named: Any) -> Any:
        """Do as Gradio does, and report its errors about the values that were sent as refusals."""
        try:
            return await super().preprocess_data(*given, **named)
        except Exception as error:
            note(error)
            raise CallError(message("event_bad_values")) from error


def _is_of_event_data(error: Exception) -> bool:
    """Tell whether Gradio failed on the data of the click, or of another event, that a call sent."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and frames[-1].filename == gradio.events.__file__


def _language(request: Any) -> str:
    """Return the language of the browser that sent a request; a program names none and gets the fallback."""
    headers = getattr(getattr(request, "request", None), "headers", {})
    return preferred(headers.get("accept-language", ""))


def _tell(request: Any, status: int, wait: float = 0.0) -> None:
    """Keep the HTTP status of a refusal, and the seconds to wait after it, with its request."""
    inner = getattr(request, "request", None)
    if inner is not None:
        inner.scope.setdefault(STATUS, []).append((status, wait))


def with_status(scope: Scope, send: Send) -> Send:
    """Return a ``send`` that sets the status of a refusal; Gradio answers every error of an event with 500.

    A refusal says in a header when to try again. One by MCP has neither: its reply has begun by then.
    """
    told: list[tuple[int, float]] = scope.setdefault(STATUS, [])

    async def sending(event: ASGIMessage) -> None:
        if told and event["type"] == "http.response.start" and event["status"] == 500:
            status, wait = told[-1]
            event = {**event, "status": status}
            if wait:
                MutableHeaders(scope=event).update(retry_after(wait))
        await send(event)

    return sending


def note(error: Exception) -> None:
    """Log an error in one line: what it is, and where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    said = "".join(one if one.isprintable() else " " for one in str(error))  # the message may contain what was sent
    _log.error("temei: %s: %s%s", type(error).__name__, " ".join(said.split())[:300], place)


CODES = {
    400: "invalid_request",
    401: "invalid_api_key",
    403: "forbidden",
    404: "not_found",
    413: "request_too_large",
    422: "invalid_request",
    429: "rate_limit_exceeded",
    503: "unavailable",
}
"""What programs read of an error, by its HTTP status."""


def problem(line: str, status: int = 0) -> dict[str, Any]:
    """Return the JSON object of an error, with an HTTP status, as OpenAI's clients read it."""
    return {"error": {"message": line, "type": "temei_error", "param": None, "code": CODES.get(status)}}
