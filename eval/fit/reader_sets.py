"""Read the question sets that the reader learns from: SQuAD-format files, one `Question` for each of their questions.

Several annotators may have marked the answer in a file; `agreed` chooses one span. Questions that people wrote as
unanswerable stay unanswerable. Questions that a measuring set also has (``without``) are left out. XQuAD and SQuAD are
never read.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import regex

from rag.types import Span


@dataclass(frozen=True, slots=True)
class Source:
    """How a file takes part in training.

    ``language`` is that of its passages. ``share`` is its part of all examples, before the parts are brought to the
    sum of one; questions of a file are drawn in turn, none twice before all were drawn once. ``mark`` stands in the
    question's prefix (``query [mark]: ``) where the file's answers are cut otherwise than SQuAD's: the reader learns
    the file's habit with the mark, and is asked without one.
    """

    language: str
    share: float
    mark: str = ""


SOURCES: Mapping[str, Source] = {
    "new_wiki": Source("en", 10),
    "reddit": Source("en", 4),
    "amazon_reviews": Source("en", 3),
    "qed": Source("en", 8, "qed"),
    "tydiqa-en": Source("en", 6, "tydi"),
    "policyqa": Source("en", 3, "policy"),
    "piaf": Source("fr", 4),
    "viquiquad": Source("ca", 2),
    "faquad": Source("pt", 1),
    "pquad": Source("fa", 6),
    "tquad-train": Source("tr", 3, "tquad"),
    "tydi-ar": Source("ar", 1.2, "tydi"),
    "tydi-bn": Source("bn", 0.3, "tydi"),
    "tydi-fi": Source("fi", 1.2, "tydi"),
    "tydi-id": Source("id", 0.8, "tydi"),
    "tydi-ko": Source("ko", 1.2, "tydi"),
    "tydi-ru": Source("ru", 1.3, "tydi"),
    "tydi-sw": Source("sw", 1, "tydi"),
    "tydi-te": Source("te", 0.6, "tydi"),
    "jaquad": Source("ja", 2.5, "jaquad"),
    "jsquad": Source("ja", 1.5, "jsquad"),
    "iapp": Source("th", 1.5, "iapp"),
    "drcd": Source("zh", 1.2, "drcd"),
    "cmrc2018": Source("zh", 1, "cmrc"),
}
"""The files by name. What is nearest to Romanian and to questions of daily life weighs most."""

WRITTEN = "temei-"
"""How the names of the files begin that were written for this purpose; their questions carry their language."""
WRITTEN_SHARE = 36.0
"""The part of all files of that kind together, on the scale of `Source.share`."""
KEPT_APART = 10
"""One document in so many of the written files is kept for measuring."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question, its passage, and the span of its answer there; None where the passage does not answer.

    ``heading`` is the document's title and the path of headings above the passage, joined by " › ". ``language`` is
    that of the question, ``written_in`` that of the passage. ``passage_number`` counts the passages of the file.
    """

    id: str
    text: str
    passage: str
    answer: Span | None
    heading: str
    language: str
    written_in: str
    file: str
    article: int
    passage_number: int
    kind: str = ""


def names(folders: Sequence[Path]) -> dict[str, Path]:
    """Return the files to learn from in the folders, by name without ending, in a fixed order."""
    found = {path.name.removesuffix(".json.gz"): path for folder in folders for path in folder.glob("*.json.gz")}
    return {name: found[name] for name in sorted(found) if name in SOURCES or name.startswith(WRITTEN)}


def is_kept_apart(title: str) -> bool:
    """Tell whether a written document is kept for measuring: by its title, so that sister sections stay together."""
    return int(hashlib.sha256(title.encode()).hexdigest(), 16) % KEPT_APART == 0


def read_set(path: Path, without: Collection[str] = ()) -> Iterator[Question]:
    """Yield the questions of a file, each with the span that its annotators agree on most.

    Args:
        without: questions to leave out, as `plain` has them.
    """
    name = path.name.removesuffix(".json.gz")
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        articles = json.load(stream)["data"]
    written = name.startswith(WRITTEN)
    count = -1
    for number, article in enumerate(articles):
        written_in = article.get("language") or (SOURCES[name].language if name in SOURCES else "ro")
        title = str(article.get("title") or "").replace("_", " ").strip()
        for paragraph in article["paragraphs"]:
            count += 1
            heading = " › ".join(part for part in (title, paragraph.get("path", "")) if part)
            for asked in paragraph["qas"]:
                text = asked["question"].strip()
                span = agreed(_spans(asked, paragraph["context"]))
                impossible = bool(asked.get("is_impossible")) or not asked["answers"]
                if not text or (span is None and not impossible) or plain(text) in without:
                    continue
                yield Question(
                    str(asked["id"]),
                    text,
                    paragraph["context"],
                    None if impossible else span,
                    heading if written or name not in _UNTITLED else "",
                    asked.get("language") or written_in,
                    written_in,
                    name,
                    number,
                    count,
                    str(asked.get("kind") or ""),
                )


_UNTITLED = {"reddit", "amazon_reviews", "policyqa"}
"""Files whose titles say nothing about the passage."""


def _spans(asked: Mapping[str, Any], text: str) -> list[Span]:
    return [
        (int(a["answer_start"]), int(a["answer_start"]) + len(a["text"]))
        for a in asked["answers"]
        if a["text"].strip() and text[int(a["answer_start"]) :].startswith(a["text"])
    ]


def plain(question: str) -> str:
    """Return a question's letters and digits in lower case, to compare questions by."""
    return "".join(regex.findall(r"[\p{L}\p{N}]+", question.lower()))


def agreed(spans: Sequence[Span]) -> Span | None:
    """Return the span that overlaps most with all spans, the shortest of equals; None where no two overlap."""

    def common(a: Span, b: Span) -> float:
        shared = max(0, min(a[1], b[1]) - max(a[0], b[0]))
        return shared / (a[1] - a[0] + b[1] - b[0] - shared)

    agreement = {span: sum(common(span, other) for other in spans) for span in spans}
    best = min(agreement, key=lambda span: (-round(agreement[span], 6), span[1] - span[0], span), default=None)
    return None if best is None or (len(spans) > 1 and agreement[best] <= 1) else best
