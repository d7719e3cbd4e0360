"""Report errors of the page in one line, without a traceback.

Such an error comes from the page itself, or from Gradio when a program sends what no browser sends.
"""

from __future__ import annotations

import logging
import traceback
from typing import Any

import gradio as gr
import gradio.events
from starlette.types import Message, Scope, Send

from rag.errors import QuestionError, TemeiError

_log = logging.getLogger("temei")


STATUS = "temei.status"
"""Where a request's scope keeps what HTTP says to a refusal."""


class CallError(gr.Error):
    """A call of an event is refused, with what HTTP says to that."""

    def __init__(self, message: str, status: int = 422) -> None:
        super().__init__(message, print_exception=False)
        self.status = status


class Page(gr.Blocks):
    """A Gradio app of which every event that fails has one line for the log and one for the browser."""

    async def process_api(self, *given: Any, **named: Any) -> dict[str, Any]:
        """Do as Gradio does, which prints a traceback for all but its own errors."""
        try:
            return await super().process_api(*given, **named)
        except gr.Error as error:
            if isinstance(error, CallError):
                _tell(named.get("request"), error.status)
            elif isinstance(error.__cause__, TemeiError):
                _tell(named.get("request"), 422 if isinstance(error.__cause__, QuestionError) else 503)
            raise
        except Exception as error:
            note(error)
            if _is_of_event_data(error):
                _tell(named.get("request"), 422)
            raise gr.Error("That did not work.", print_exception=False) from error

    async def preprocess_data(self, *given: Any, **named: Any) -> Any:
        """Do as Gradio does, and tell apart what it stumbles over in the values that were sent."""
        try:
            return await super().preprocess_data(*given, **named)
        except Exception as error:
            note(error)
            raise CallError("The event does not take such values.") from error


def _is_of_event_data(error: Exception) -> bool:
    """Tell whether Gradio stumbled over what a call says of the click or the like that it comes from."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and frames[-1].filename == gradio.events.__file__


def _tell(request: Any, status: int) -> None:
    """Keep with a request what HTTP says to it."""
    inner = getattr(request, "request", None)
    if inner is not None:
        inner.scope.setdefault(STATUS, []).append(status)


def with_status(scope: Scope, send: Send) -> Send:
    """Return a ``send`` that gives a refusal its status, where Gradio says 500 to every error of an event."""
    told: list[int] = scope.setdefault(STATUS, [])

    async def sending(message: Message) -> None:
        if told and message["type"] == "http.response.start" and message["status"] == 500:
            message = {**message, "status": told[-1]}
        await send(message)

    return sending


def note(error: Exception) -> None:
    """Log an error in one line: what it is, and where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    said = "".join(one if one.isprintable() else " " for one in str(error))  # it may hold what was sent
    _log.error("temei: %s: %s%s", type(error).__name__, " ".join(said.split())[:300], place)
