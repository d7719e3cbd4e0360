"""The JSON of an answer as a JSON Schema; ``docs/answer.schema.json`` publishes it. It only grows."""

from __future__ import annotations

from typing import Any

_TEXT, _COUNT = {"type": "string"}, {"type": "integer", "minimum": 0}


def _object(required: str, **properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required.split()}


CITATION_SCHEMA: dict[str, Any] = _object(
    "number document_id title source start end quote score",
    number={"type": "integer", "minimum": 1, "description": "That of the marker in the answer's text, as in [1]."},
    document_id=_TEXT,
    title=_TEXT,
    source={"type": "string", "description": "What the document's file is called."},
    start={**_COUNT, "description": "Offset of the quote in the document's text, in Unicode code points."},
    end={**_COUNT, "description": "Offset of its end: document.text[start:end] == quote."},
    quote={"type": "string", "minLength": 1},
    score={"type": "number"},
    page={"type": "integer", "minimum": 1, "description": "The page it begins on, in a format that has pages."},
    path={"type": "array", "items": _TEXT, "description": "The headings above it, the highest first."},
)
ANSWER_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Answer",
    "description": "An answer of Temei's with the quotes it stands on, or a refusal without any.",
    **_object(
        "question text abstained confidence mode standalone_question citations timings kind",
        question=_TEXT,
        text={"type": "string", "description": "With a marker such as [1] behind each statement."},
        abstained={"type": "boolean"},
        confidence={"type": "number", "minimum": 0, "maximum": 1},
        mode={"type": "string", "description": "extractive, or the language model's name."},
        standalone_question={"type": "string", "description": "The question as understood without the conversation."},
        citations={"type": "array", "items": CITATION_SCHEMA},
        timings={"type": "object", "additionalProperties": {"type": "number"}, "description": "Seconds by stage."},
        kind={
            "type": "string",
            "description": "answer or refusal where something was looked up, else what was wanted.",
        },
        short={
            **_object("text citation start end", text=_TEXT, citation=_COUNT, start=_COUNT, end=_COUNT),
            "description": "The words of a citation that answer by themselves.",
        },
        note={"type": "string", "description": "What is to be said of how the answer came to be."},
        looked_in={
            "type": "array",
            "items": _object("document_id title", document_id=_TEXT, title=_TEXT),
            "description": "The documents that the question named, to which the search was restricted.",
        },
    ),
}
