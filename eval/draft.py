"""Draft a question set: a gap-fill question for each sentence of a document, for a person to correct.

No model is used. A question is a sentence from which a date, a number or a name was taken out. Its evidence and its
answer are therefore right; the person only has to improve the wording.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import regex

from eval.runner import sentences_of
from eval.sets.jsonl import find_answers
from ingest.load import FORMATS, LOADERS, load
from rag.errors import DocumentError
from rag.messages import message
from rag.types import Document, Span

GAP = "___"
MIN_WORDS = 6
AROUND = 90
"""How many characters of a long sentence are kept on each side of the gap."""

ASKED = {
    "ro": "Ce lipsește aici: „{}”?",
    "en": "What is missing here: “{}”?",
    "fr": "Que manque-t-il ici : « {} » ?",
    "de": "Was fehlt hier: „{}“?",
    "es": "¿Qué falta aquí: «{}»?",
}
NOTE = "Draft: ask for this in your own words, correct the answers, and remove this note and the draft mark."

# Best first: targets that people ask for and that have one right answer.
_WANTED = [
    regex.compile(r"\d{1,2}[ .]\p{L}{3,12}(?:[ .,]+\d{4})?(?!\w)|\p{Lu}\p{L}{2,8} \d{1,2}, \d{4}"),
    regex.compile(r"(?<![\w.,])\d[\d.,]*\d(?:\s?%|(?!\w))|(?<!\w)\d(?!\w)"),
    regex.compile(r"(?<!^)(?<![.!?:„“\"]\s?)\p{Lu}\p{L}+(?:[ -]\p{Lu}\p{L}+)+"),
    regex.compile(r"(?<=[„“«\"])[^„”“»\"]{3,60}(?=[”“»\"])"),
    regex.compile(r"(?<=\s)\p{Lu}\p{L}{3,}"),
    regex.compile(r"(?<=\s)\p{Ll}{7,}"),
]


def draft(path: Path, count: int = 20) -> list[dict[str, Any]]:
    """Return up to ``count`` examples in Temei's format, spread over the document, each marked as a draft.

    Raises:
        DocumentError: the document cannot be read.
    """
    if path.suffix.lower() not in LOADERS:
        raise DocumentError(path, message("file_of_no_format", formats=FORMATS))
    document = load(path, source=path.name)
    found = list(_drafts(document))
    kept = [found[i * len(found) // count] for i in range(count)] if len(found) > count else found
    return [{"id": f"draft-{number:03}", **example} for number, example in enumerate(kept, 1)]


def to_jsonl(examples: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(example, ensure_ascii=False) + "\n" for example in examples)


def _drafts(document: Document) -> Iterator[dict[str, Any]]:
    for start, end in sentences_of(document):
        sentence = document.text[start:end]
        gap = _gap(sentence)
        if len(sentence.split()) < MIN_WORDS or gap is None:
            continue
        answer = sentence[slice(*gap)]
        # The answer must be where a reader of the set would look for it.
        if not list(find_answers(sentence, start, [answer])):
            continue
        yield {
            "question": ASKED.get(document.language, ASKED["en"]).format(_around(sentence, gap)),
            "language": document.language,
            "kind": "direct",
            "document": document.source,
            "answerable": True,
            "evidence": [[{"start": start, "end": end, "quote": sentence}]],
            "answers": [answer],
            "history": [],
            "standalone": "",
            "draft": True,
            "note": NOTE,
        }


def _gap(sentence: str) -> Span | None:
    for pattern in _WANTED:
        if match := pattern.search(sentence):
            return match.span()
    return None


def _around(sentence: str, gap: Span) -> str:
    """Return the sentence on one line with a gap in it, a long one cut at spaces."""
    before, after = (" ".join(part.split()) for part in (sentence[: gap[0]], sentence[gap[1] :]))
    if len(before) > AROUND:
        before = "… " + before[-AROUND:].partition(" ")[2]
    if len(after) > AROUND:
        after = after[:AROUND].rpartition(" ")[0] + " …"
    left = " " if sentence[: gap[0]].endswith(tuple(" \n\t")) else ""
    right = " " if sentence[gap[1] :].startswith(tuple(" \n\t")) else ""
    return f"{before}{left}{GAP}{right}{after}".strip()
