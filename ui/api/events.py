"""Check that a call of an event of the page names the event and gives all its values, before Gradio sees it."""

from __future__ import annotations

import re

import gradio as gr

from rag.messages import message
from ui.api.bodies import BodyError

_EVENT = re.compile(r"/gradio_api/(?P<door>run|api|call/v2|call|queue)/(?P<name>[^/]+)/?")


def check_event(page: gr.Blocks, path: str, body: object) -> None:
    """Check that a call names an event of the page and gives all that it takes.

    Raises:
        BodyError: it does not.
    """
    called = _EVENT.fullmatch(path)
    if called is None:
        return
    if not isinstance(body, dict):
        raise BodyError(422, message("event_not_an_object"))
    number = body.get("fn_index")
    if number is None and called["door"] == "queue":
        raise BodyError(400, message("event_not_named"))
    if number is not None and type(number) is not int:
        raise BodyError(422, message("event_bad_number"))
    if number is None or called["door"].startswith("call"):
        event = next((one for one in page.fns.values() if one.api_name == called["name"]), None)
    else:
        event = page.fns.get(number)
    if event is None or event.fn is None:  # the browser handles events without a function itself
        raise BodyError(404, message("event_unknown"))
    given = body.get("data")
    if called["door"] == "call/v2" or event.cancels or not isinstance(given, list):
        return  # values by name, values that are not read, or values that Gradio refuses
    takes = {len(event.inputs)}
    if called["door"] == "call":
        takes.add(sum(not block.skip_api for block in event.inputs))
    if len(given) < min(takes):
        raise BodyError(422, message("event_lacks_values", wanted=min(takes), given=len(given)))
