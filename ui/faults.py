"""Faults: what goes wrong in the page itself, or in Gradio over what no browser sends: one line of it, no traceback."""

from __future__ import annotations

import logging
import traceback
from typing import Any

import gradio as gr
import gradio.events
from starlette.types import Message, Scope, Send

_log = logging.getLogger("temei")


BLAMED = "temei.blamed"
"""Where a request's scope keeps that what it sent is at fault."""


class InputError(gr.Error):
    """The values of an event are none that its inputs can have."""


class Page(gr.Blocks):
    """A Gradio app of which every event that fails has one line for the log and one for the browser."""

    async def process_api(self, *given: Any, **named: Any) -> dict[str, Any]:
        """Do as Gradio does, which prints a traceback for all but its own errors."""
        try:
            return await super().process_api(*given, **named)
        except InputError:
            _blame(named.get("request"))
            raise
        except gr.Error:
            raise
        except Exception as error:
            note(error)
            if _is_of_event_data(error):
                _blame(named.get("request"))
            raise gr.Error("That did not work.", print_exception=False) from error

    async def preprocess_data(self, *given: Any, **named: Any) -> Any:
        """Do as Gradio does, and tell apart what it stumbles over in the values that were sent."""
        try:
            return await super().preprocess_data(*given, **named)
        except Exception as error:
            note(error)
            raise InputError("The event does not take such values.", print_exception=False) from error


def _is_of_event_data(error: Exception) -> bool:
    """Tell whether Gradio stumbled over what a call says of the click or the like that it comes from."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and frames[-1].filename == gradio.events.__file__


def _blame(request: Any) -> None:
    """Remember of a request that what it sent is at fault."""
    inner = getattr(request, "request", None)
    if inner is not None:
        inner.scope.setdefault(BLAMED, []).append(True)


def blamed(scope: Scope, send: Send) -> Send:
    """Return a ``send`` that says 422 where Gradio says 500 over what was sent."""
    blame: list[bool] = scope.setdefault(BLAMED, [])

    async def sending(message: Message) -> None:
        if blame and message["type"] == "http.response.start" and message["status"] == 500:
            message = {**message, "status": 422}
        await send(message)

    return sending


def note(error: Exception) -> None:
    """Log an error in one line: what it is, and where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    said = "".join(one if one.isprintable() else " " for one in str(error))  # it may hold what was sent
    _log.error("temei: %s: %s%s", type(error).__name__, " ".join(said.split())[:300], place)
