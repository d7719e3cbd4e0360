"""Keep what people think of answers as JSON lines; ``temei eval feedback`` makes questions of them."""

from __future__ import annotations

import datetime
import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rag.files.private import keep_private, owner_only
from rag.text.characters import whole
from rag.types import Citation
from ui.page.turn_view import TurnView

LONGEST_COMMENT = 2000
"""Characters of a comment that are kept. Chosen by eye; not measured."""
MOST_CITED, MOST_EARLIER, LONGEST_EARLIER = 10, 10, 300
"""Citations and earlier questions of an answer that are kept, and characters of such a question."""
MOST_OF_A_VISITOR, MOST_IN_ALL = 1_000_000, 20_000_000
"""Bytes, of one address until the program ends and on disk: a line has 500, seldom 2,000, and at most 40,000."""
MOST_VISITORS = 10_000
"""Visitors whose opinions are counted, which bounds the memory. Chosen by eye; not measured."""
_lock = threading.Lock()
_written: OrderedDict[tuple[Path, str], int] = OrderedDict()
"""Bytes that each of the latest visitors has written."""


def keep_feedback(
    home: Path,
    turn_view: TurnView,
    liked: bool | None,
    comment: str = "",
    earlier: Sequence[TurnView] = (),
    *,
    visitor: str = "",
) -> bool:
    """Append a line to ``feedback.jsonl``, if there is room; a later line with the same id replaces an earlier one.

    A line holds what an example is made of: the question and the spans quoted, no text of a document.
    ``liked`` is None where somebody took the judgement back. The ``earlier`` questions are kept with a follow-up.

    Returns:
        Whether it was kept: a visitor, and all together, may write only so much.
    """
    record = {"time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), **_needed(turn_view)}
    if turn_view.standalone_question:
        record["history"] = [one.question[:LONGEST_EARLIER] for one in earlier[-MOST_EARLIER:]]
    record |= {"liked": liked, "comment": comment[:LONGEST_COMMENT]}
    line = (whole(json.dumps(record, ensure_ascii=False)) + "\n").encode()
    path = home / "feedback.jsonl"
    with _lock, open(path, "ab", opener=owner_only) as file:
        of_visitor = _written.pop((home, visitor), 0) + len(line)
        if of_visitor > MOST_OF_A_VISITOR or file.tell() + len(line) > MOST_IN_ALL:
            _written[home, visitor] = of_visitor - len(line)
            return False
        file.write(line)
        _written[home, visitor] = of_visitor
        while len(_written) > MOST_VISITORS:
            _written.popitem(last=False)
    keep_private(home)
    return True


def _needed(turn_view: TurnView) -> dict[str, Any]:
    short = turn_view.short
    return {
        "id": turn_view.id,
        "question": turn_view.question,
        "abstained": turn_view.abstained,
        "citations": [_span(one) for one in turn_view.citations[:MOST_CITED]],
        "nearest": [_span(one) for one in turn_view.nearest[:MOST_CITED]],
        "short": {"start": short.start, "end": short.end} if short else None,
        "standalone_question": turn_view.standalone_question,
    }


def _span(cited: Citation) -> dict[str, Any]:
    return {"document_id": cited.document_id, "start": cited.start, "end": cited.end}
