"""Faults: what goes wrong in the page itself, or in Gradio over what no browser sends: one line of it, no traceback."""

from __future__ import annotations

import logging
import traceback
from typing import Any

import gradio as gr

_log = logging.getLogger("temei")


class Page(gr.Blocks):
    """A Gradio app of which every event that fails has one line for the log and one for the browser."""

    async def process_api(self, *given: Any, **named: Any) -> dict[str, Any]:
        """Do as Gradio does, which prints a traceback for all but its own errors."""
        try:
            return await super().process_api(*given, **named)
        except gr.Error:
            raise
        except Exception as error:
            note(error)
            raise gr.Error("That did not work.", print_exception=False) from error


def note(error: Exception) -> None:
    """Log an error in one line: what it is, and where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    said = "".join(one if one.isprintable() else " " for one in str(error))  # it may hold what was sent
    _log.error("temei: %s: %s%s", type(error).__name__, " ".join(said.split())[:300], place)
