"""The values that flow from a file to an answer; all offsets are Python string offsets into ``Document.text``."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
"""Scores, vectors or matrices; whoever returns them says of what shape."""

Span = tuple[int, int]
"""Start and end of a piece of text, end exclusive."""

Progress = Callable[[str, int, int], None]
"""Called with a source, the sentences embedded of it so far, and how many it has."""

Path = tuple[str, ...]
"""The titles of the headings above a place, the highest first."""

PATH = " › "
"""What stands between the titles of a path where it is embedded, read and shown."""


@dataclass(frozen=True, slots=True)
class Document:
    """One article, its text exactly as read (without a byte order mark).

    ``body`` is the offset where the text to be searched begins: 0, or the end of the front matter.
    ``id`` is a hash of the text, so equal texts are one document. ``pages`` are the offsets where its pages begin,
    empty for a format without pages. ``headings`` are the spans of its headings with their levels, (start, end, level)
    with 1 for the highest, where its format tells them apart from the text; Markdown's stand in the text itself.
    ``metadata`` is what else is known of it by name, as JSON can hold it: what the
    front matter says of date, tags and author, and what was given when it was added.
    """

    id: str
    title: str
    source: str
    text: str
    language: str
    url: str = ""
    body: int = 0
    pages: tuple[int, ...] = ()
    headings: tuple[tuple[int, int, int], ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def _repr_html_(self) -> str:
        from rag.notebook import document_html

        return document_html(self)


@dataclass(frozen=True, slots=True)
class DocumentRecord(Mapping[str, Any]):
    """What an index knows of a document, but its text: ``for record in temei.index.documents(): print(record.path)``.

    ``path`` is where its file lies, "" for a document that was added without one; ``source`` is what citations call it.
    ``pages`` and ``body`` are those of `Document`. ``passages`` and ``characters`` are counts; an interrupted ingestion
    may leave a document without passages. ``ingested`` is the time when it was added (ISO 8601, UTC), ``raw`` a hash of
    its file's bytes, "" where an earlier version of Temei added it. ``metadata`` is that of `Document`. It can also be
    read like the dict of `to_dict`.
    """

    id: str
    title: str
    source: str
    language: str
    url: str = ""
    body: int = 0
    pages: tuple[int, ...] = ()
    passages: int = 0
    characters: int = 0
    path: str = ""
    ingested: str = ""
    raw: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as a JSON object: pages as one string, joined by commas; metadata only if there is any."""
        record = {known.name: getattr(self, known.name) for known in fields(self)}
        if not self.metadata:
            del record["metadata"]
        return record | {"pages": ",".join(map(str, self.pages))}

    def __getitem__(self, name: str) -> Any:
        """Return the value of a name in `to_dict`, as in ``record["path"]``."""
        return self.to_dict()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.to_dict())

    def __len__(self) -> int:
        return len(self.to_dict())


@dataclass(frozen=True, slots=True)
class Passage:
    """A run of whole sentences of one document: ``document.text[start:end] == text``.

    ``sentences`` are the spans of those sentences, as offsets into the document; ``page`` is the number of the page
    it begins on, 0 for a format without pages, and ``page_breaks`` the offsets inside it where the next pages begin.
    ``columns`` are the names of the columns where it begins within a table. ``path`` are the titles of the headings
    above all of it, the highest first, the document's title left out. Where it holds several short sections,
    ``sections`` are the offsets where they begin, each with its whole path.
    """

    id: str
    document_id: str
    title: str
    source: str
    start: int
    end: int
    text: str
    language: str
    sentences: tuple[Span, ...] = ()
    page: int = 0
    page_breaks: tuple[int, ...] = ()
    columns: tuple[str, ...] = ()
    path: Path = ()
    sections: tuple[tuple[int, Path], ...] = ()

    def path_at(self, at: int) -> Path:
        """Return the titles of the headings above an offset of the document that lies in this passage."""
        here = bisect_right(self.sections, at, key=lambda section: section[0])
        return self.sections[here - 1][1] if here else self.path

    def quote(self, span: Span) -> str:
        """Return the words of a span of the document that lies in this passage."""
        return self.text[span[0] - self.start : span[1] - self.start]


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved passage; a higher score is better.

    ``dense`` is the cosine similarity of question and passage, ``lexical`` the BM25 score (0 and up).
    """

    passage: Passage
    score: float
    dense: float
    lexical: float

    def _repr_html_(self) -> str:
        from rag.notebook import hit_html

        return hit_html(self)


@dataclass(frozen=True, slots=True)
class Citation:
    """The exact words a statement stands on: ``document.text[start:end] == quote``.

    ``page`` is the number of the page they begin on, 0 for a format without pages. ``path`` are the titles of the
    headings above them, the highest first, the document's title left out; they are no part of the quote.
    """

    number: int
    document_id: str
    title: str
    source: str
    start: int
    end: int
    quote: str
    score: float
    page: int = 0
    path: Path = ()

    @property
    def where(self) -> str:
        """The document's title and the path, as they are shown over the quote."""
        return PATH.join([self.title, *self.path])


@dataclass(frozen=True, slots=True)
class ShortAnswer:
    """The words of a citation that answer by themselves: ``document.text[start:end] == text``, inside its span."""

    text: str
    citation: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class LookedIn:
    """A document that a question named, so that the answer was looked for in it."""

    document_id: str
    title: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One question of a conversation and the answer it got."""

    question: str
    answer: str
    abstained: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with the citations it stands on, or an abstention without any.

    ``text`` carries a marker such as ``[1]`` behind each statement, naming ``citations[i].number``.
    ``confidence`` is between 0 and 1; ``mode`` is "extractive" or the language model's name;
    ``timings`` are seconds by stage; ``short`` is None where the reader is off or saw no short answer; ``note`` says in
    one line why a configured language model did not write it, what of a long question was left out, and that the
    confidence was fitted for another embedding model. ``kind`` is "answer", "refusal" or "choices" where something was
    looked up. Choices are quotes of the two to four things that the question may mean. Otherwise it is what was wanted:
    "smalltalk", "overview", "collection" (which documents there are, or speak of something) or "task", something that
    Temei does not do; a task to compare quotes both sides where they are found. ``looked_in`` are the documents that
    the question named, to which the search was restricted; empty where it named none.
    """

    question: str
    text: str
    citations: tuple[Citation, ...]
    hits: tuple[Hit, ...]
    abstained: bool
    confidence: float
    standalone_question: str
    mode: str
    timings: Mapping[str, float] = field(default_factory=dict)
    short: ShortAnswer | None = None
    note: str = ""
    kind: str = "answer"
    looked_in: tuple[LookedIn, ...] = ()

    def __add__(self, later: Answer) -> Answer:
        """Return ``later``: a streamed answer repeats what came before it, and LangChain adds up what it streams."""
        return later

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object that ``temei ask --json`` prints."""
        return {
            "question": self.question,
            "text": self.text,
            "abstained": self.abstained,
            "confidence": round(self.confidence, 4),
            "mode": self.mode,
            "standalone_question": self.standalone_question,
            "citations": [
                {
                    "number": c.number,
                    "document_id": c.document_id,
                    "title": c.title,
                    "source": c.source,
                    "start": c.start,
                    "end": c.end,
                    "quote": c.quote,
                    "score": round(c.score, 4),
                    **({"page": c.page} if c.page else {}),
                    **({"path": list(c.path)} if c.path else {}),
                }
                for c in self.citations
            ],
            "timings": {stage: round(seconds, 6) for stage, seconds in self.timings.items()},
            "kind": self.kind,
            **({"short": asdict(self.short)} if self.short else {}),
            **({"note": self.note} if self.note else {}),
            **({"looked_in": [asdict(one) for one in self.looked_in]} if self.looked_in else {}),
        }

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Answer:
        """Return the answer of a JSON object that `to_dict` gave, now or in an earlier version; it has no hits.

        Raises:
            ValueError: the object is none of an answer.
        """
        try:
            citations = [Citation(**{**each, "path": tuple(each.get("path", ()))}) for each in given["citations"]]
            short = ShortAnswer(**given["short"]) if given.get("short") else None
            known = {one.name: given[one.name] for one in fields(cls) if one.name in given}
            looked_in = tuple(LookedIn(**each) for each in given.get("looked_in", ()))
            known |= {"citations": tuple(citations), "short": short, "looked_in": looked_in}
            return cls(**{"hits": (), **known})
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"This is no answer of Temei's as JSON: {type(error).__name__}: {error}") from error

    def _repr_html_(self) -> str:
        from rag.notebook import answer_html

        return answer_html(self)
