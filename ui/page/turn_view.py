"""Hold one turn of a conversation: a question with all that the page shows of its answer."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from rag.intent import REPLIES
from rag.text.characters import whole
from rag.types import Answer, Citation, Document, ShortAnswer, Turn
from ui.page.highlight import holds

NEAREST = 3
"""Passages that are offered beside an abstention."""
MOST_KEPT, KEPT_CHARACTERS = 40, 200_000
"""Turns, and characters in all of them, that a browser keeps for the next visit and that are taken back from it.
The longest that was seen had 3,000 for a turn."""
MOST_HELD = 100
"""Turns that a visit goes on with; the oldest leave the page."""
MOST_CITED, LONGEST_TEXT, LONGEST_NAME, MOST_OPEN, MOST_TITLES = 20, 50_000, 4096, 4, 10
"""Bounds on what a browser sends back: citations of an answer, characters of a text and of a name or path (what no
answer of ours comes near), documents that are held at a time to check them, and titles of headings above a citation."""


@dataclass(frozen=True, slots=True)
class TurnView:
    """A question and its answer; ``text`` is empty until the first words are there.

    ``standalone_question`` is what was searched, where that differs from the question as the chain took it.
    ``nearest`` are the passages closest to the question, offered where Temei abstains; they obey the invariant of
    citations, and are numbered like them. ``note`` says what a visitor should know of how the answer came about,
    ``kind`` what kind of answer it is, as `rag.types.Answer` has it. ``foreign`` is the language of the source where it
    is not that of the question (ISO 639-1), ``liked`` the visitor's judgement of the answer, None where there is none.
    """

    question: str
    text: str = ""
    citations: tuple[Citation, ...] = ()
    nearest: tuple[Citation, ...] = ()
    abstained: bool = False
    confidence: float = 0.0
    standalone_question: str = ""
    mode: str = ""
    note: str = ""
    short: ShortAnswer | None = None
    kind: str = ""
    foreign: str = ""
    liked: bool | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def answered(self, answer: Answer) -> TurnView:
        """Return the turn with (what there is so far of) its answer."""
        return replace(
            self,
            text=answer.text,
            citations=answer.citations,
            nearest=_nearest(answer) if answer.abstained else (),
            abstained=answer.abstained,
            confidence=answer.confidence,
            standalone_question=answer.standalone_question if answer.standalone_question != answer.question else "",
            mode=answer.mode,
            note=answer.note,
            short=answer.short,
            kind=answer.kind,
        )

    @property
    def is_reply(self) -> bool:
        """Whether it is a reply to what is no look-up, without citations."""
        return self.kind in REPLIES and not self.citations

    @property
    def shown(self) -> tuple[Citation, ...]:
        """The citations that the document panel can open."""
        return self.citations or self.nearest

    @property
    def opened(self) -> int:
        """The number of the citation that the document panel opens at by itself, 0 for none.

        It is that of the short answer, else the first. After a refusal none is opened: it would look like evidence.
        """
        if self.abstained or not self.citations:
            return 0
        return self.short.citation if self.short is not None else 1

    def to_json(self) -> dict[str, Any]:
        """Return the turn as JSON values, for the browser to keep."""
        return asdict(self)


def _nearest(answer: Answer) -> tuple[Citation, ...]:
    return tuple(
        Citation(n, p.document_id, p.title, p.source, p.start, p.end, p.text, hit.score, p.page, p.path)
        for n, hit in enumerate(answer.hits[:NEAREST], 1)
        for p in [hit.passage]
    )


def history(turn_views: Sequence[TurnView]) -> tuple[Turn, ...]:
    """Return the earlier turns as the chain takes them."""
    return tuple(Turn(e.question, e.text, e.abstained) for e in turn_views if e.text)


def from_json(kept: Any, document: Callable[[str], Document | None], most: int = MOST_KEPT) -> tuple[TurnView, ...]:
    """Return the turns that a browser kept, without citations that no longer stand in their document.

    What does not look like a turn is left out, and so are the oldest that are too many or too long: a browser's
    storage is nobody's promise.
    """
    found: list[TurnView] = []
    known: dict[str, Document | None] = {}

    def stands(citation: Citation) -> bool:
        if citation.document_id not in known:
            if len(known) >= MOST_OPEN:
                known.clear()
            known[citation.document_id] = document(citation.document_id)
        return holds(known[citation.document_id], citation)

    for row in within(kept, most) if isinstance(kept, list) else ():
        try:
            citations = tuple(filter(stands, map(_citation, row["citations"][:MOST_CITED])))
            turn_view = TurnView(
                question=_text(row["question"]),
                text=_text(row["text"]),
                citations=citations,
                nearest=tuple(filter(stands, map(_citation, row["nearest"][:NEAREST]))),
                abstained=bool(row["abstained"]),
                confidence=_number(row["confidence"]),
                standalone_question=_text(row["standalone_question"]),
                mode=_text(row["mode"], LONGEST_NAME),
                note=_text(row.get("note") or "", LONGEST_NAME),
                kind=_text(row.get("kind") or "", LONGEST_NAME),
                foreign=_text(row.get("foreign") or "", 16),
                liked=row["liked"] if isinstance(row.get("liked"), bool) else None,
                short=_short(row["short"], citations) if row.get("short") else None,
                id=_text(row["id"], 64),
            )
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError):
            continue
        found.append(turn_view)
    return tuple(found)


def within(rows: Sequence[Any], most: int = MOST_KEPT) -> list[Any]:
    """Return the last rows of a conversation that are neither too many nor, as JSON, too long for so many."""
    taken: list[Any] = []
    left = KEPT_CHARACTERS * most // MOST_KEPT
    for row in reversed(rows[-most:]):
        left -= len(json.dumps(row, ensure_ascii=False))
        if left < 0:
            break
        taken.append(row)
    return taken[::-1]


def _text(value: object, longest: int = LONGEST_TEXT) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    if len(value) > longest:
        raise ValueError("too long")
    return whole(value)


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("no number")
    return number


def _short(row: Any, citations: Sequence[Citation]) -> ShortAnswer | None:
    """Return a short answer that lies in its citation, None for any other."""
    number, start, end = int(row["citation"]), int(row["start"]), int(row["end"])
    for citation in citations:
        if citation.number == number and citation.start <= start < end <= citation.end:
            return ShortAnswer(citation.quote[start - citation.start : end - citation.start], number, start, end)
    return None


def _citation(row: Any) -> Citation:
    return Citation(
        number=int(row["number"]),
        document_id=_text(row["document_id"], LONGEST_NAME),
        title=_text(row["title"], LONGEST_NAME),
        source=_text(row["source"], LONGEST_NAME),
        start=int(row["start"]),
        end=int(row["end"]),
        quote=_text(row["quote"]),
        score=_number(row["score"]),
        page=int(row.get("page", 0)),
        path=tuple(_text(title, LONGEST_NAME) for title in row.get("path", ())[:MOST_TITLES]),
    )
