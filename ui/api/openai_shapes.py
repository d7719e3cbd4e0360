"""What replies to OpenAI's clients hold beside the text: how many tokens it took, and what is cited."""

from __future__ import annotations

import re
from typing import Any

from rag.text.tokens import count_tokens
from rag.types import Answer

MODEL = "temei"


def model() -> dict[str, Any]:
    """Return what is told of the one model."""
    return {"id": MODEL, "object": "model", "created": 0, "owned_by": MODEL}


def usage(asked: list[str], told: str) -> dict[str, int]:
    """Return how many cl100k tokens the messages and the reply have. Nobody is charged for them."""
    given, made = sum(map(count_tokens, asked)), count_tokens(told)
    return {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made}


def file_citations(answer: Answer, content: str) -> list[dict[str, Any]]:
    """Return the citations as OpenAI's ``file_citation``, one for each marker in the content.

    ``index``, ``start_index`` and ``end_index`` are the marker's place in the content; ``file_citation`` has the
    document's id and the quote. ``citations`` of the reply say where the quote stands in the document.
    """
    cited = {citation.number: citation for citation in answer.citations}
    found = []
    for marker in re.finditer(r"\[(\d{1,4})\]", content):
        citation = cited.get(int(marker.group(1)))
        if citation is not None:
            found.append(
                {
                    "type": "file_citation",
                    "text": marker.group(),
                    "index": marker.start(),
                    "start_index": marker.start(),
                    "end_index": marker.end(),
                    "file_id": citation.document_id,
                    "filename": citation.source,
                    "file_citation": {"file_id": citation.document_id, "quote": citation.quote},
                }
            )
    return found
