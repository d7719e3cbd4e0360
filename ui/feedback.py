"""Feedback: what readers thought of answers, kept as JSON lines that ``temei eval`` can make examples of."""

from __future__ import annotations

import datetime
import json
import threading
from collections.abc import Sequence
from pathlib import Path

from rag.private import keep_private, owner_only
from ui.exchange import Exchange

LONGEST_COMMENT = 2000
_lock = threading.Lock()


def keep_feedback(
    home: Path, exchange: Exchange, liked: bool | None, comment: str = "", earlier: Sequence[Exchange] = ()
) -> None:
    """Append a line to ``feedback.jsonl``; a later line with the same id replaces an earlier one.

    ``liked`` is None where a reader took the judgement back. The ``earlier`` questions are kept with a follow-up.
    """
    record = {
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        **exchange.to_json(),
        "history": [one.question for one in earlier] if exchange.standalone_question else [],
        "liked": liked,
        "comment": comment[:LONGEST_COMMENT],
    }
    with _lock, open(home / "feedback.jsonl", "a", encoding="utf-8", opener=owner_only) as file:
        file.write(json.dumps(record, ensure_ascii=False) + "\n")
    keep_private(home)
