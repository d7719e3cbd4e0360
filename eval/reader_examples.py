"""Training examples of the reader: SQuAD-format files with hard negatives and questions across languages.

Of every hundred examples about twenty cannot be answered: the answer's sentence is taken out of the passage, the
passage is the nearest other one by BM25, a name or number of the question is exchanged or its sense turned round, or
the passage is any other. In four of ten English ones words of the question, of the passage or of both are exchanged for
another language's (`eval.lexicon`). XQuAD and SQuAD are never read.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import bm25s
import regex

from eval.lexicon import Lexicon, switch
from ingest.split import sentence_spans
from rag.language import terms

SOURCES: Mapping[str, tuple[str, int]] = {
    "new_wiki": ("en", 20_000),
    "tydiqa-en": ("en", 20_000),
    "reddit": ("en", 6_000),
    "amazon_reviews": ("en", 4_000),
    "tquad-train": ("tr", 20_000),
    "jaquad": ("ja", 9_000),
}
"""File, its language, and the most questions taken of it."""

_NUMBER = regex.compile(r"(?<!\p{L})\d[\d.,]*\d|(?<!\p{L})\d")
_NAME = regex.compile(r"(?<=[\p{Ll}\d,] )\p{Lu}\p{L}{2,}(?: \p{Lu}\p{L}+)*")
_TURNS = [
    ("first", "last"), ("before", "after"), ("largest", "smallest"), ("most", "least"), ("more", "fewer"),
    ("highest", "lowest"), ("north", "south"), ("east", "west"), ("northern", "southern"), ("eastern", "western"),
    ("increase", "decrease"), ("increased", "decreased"), ("oldest", "youngest"), ("early", "late"), ("high", "low"),
    ("above", "below"), ("begin", "end"), ("began", "ended"), ("start", "finish"), ("started", "stopped"),
    ("large", "small"), ("old", "new"), ("always", "never"), ("can", "cannot"), ("best", "worst"),
    ("good", "bad"), ("win", "lose"), ("won", "lost"), ("true", "false"), ("long", "short"), ("allowed", "forbidden"),
    ("with", "without"), ("like", "dislike"), ("love", "hate"), ("buy", "sell"), ("bought", "sold"),
    ("inside", "outside"),
]  # fmt: skip
_OPPOSITE = {a: b for pair in _TURNS for a, b in (pair, pair[::-1])}
_AUXILIARY = regex.compile(r"\b(did|do|does|is|are|was|were|can|could|will|would|has|have|had|should)\b")
_DENIED = {"can": "can't", "will": "won't"}


@dataclass(frozen=True, slots=True)
class Reading:
    """A question, a passage, and the span of its answer there; None where the passage does not answer."""

    question: str
    passage: str
    answer: tuple[int, int] | None
    language: str
    file: str
    kind: str = "answered"


def read_source(path: Path, language: str) -> Iterator[Reading]:
    """Yield the questions of one file with the answer that the annotators agree on most; none where they do not."""
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        articles = json.load(stream)["data"]
    for article in articles:
        for paragraph in article["paragraphs"]:
            text = paragraph["context"]
            for question in paragraph["qas"]:
                spans = [
                    (int(a["answer_start"]), int(a["answer_start"]) + len(a["text"]))
                    for a in question["answers"]
                    if a["text"].strip() and text[int(a["answer_start"]) :].startswith(a["text"])
                ]
                span = agreed(spans)
                if span and question["question"].strip():
                    yield Reading(question["question"].strip(), text, span, language, path.name.split(".")[0])


def agreed(spans: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """Return the span that has most in common with all, the shortest of several; None where no two touch."""

    def common(a: tuple[int, int], b: tuple[int, int]) -> float:
        shared = max(0, min(a[1], b[1]) - max(a[0], b[0]))
        return shared / (a[1] - a[0] + b[1] - b[0] - shared)

    agreement = {span: sum(common(span, other) for other in spans) for span in spans}
    best = min(agreement, key=lambda span: (-round(agreement[span], 6), span[1] - span[0], span), default=None)
    return None if best is None or (len(spans) > 1 and agreement[best] <= 1) else best


def examples(folder: Path, lexicon: Lexicon, seed: int, longest: int) -> list[Reading]:
    """Return the examples of one epoch in their order, passages of ``longest`` characters; a seed's are the same."""
    random = Random(seed)
    made: list[Reading] = []
    for name, (language, most) in SOURCES.items():
        read = list(read_source(folder / f"{name}.json.gz", language))
        random.shuffle(read)
        read = read[:most]
        others = _Others(read)
        made += [_varied(reading, others, lexicon, random) for reading in read]
    random.shuffle(made)
    return [_cut(reading, longest, random) for reading in made]


class _Others:
    """The other passages of a file, nearest by words first."""

    def __init__(self, read: Sequence[Reading]) -> None:
        self.passages = list(dict.fromkeys(reading.passage for reading in read))
        self.language = read[0].language
        self._model = bm25s.BM25()
        self._model.index([terms(text, self.language) for text in self.passages], show_progress=False)
        self.names = sorted({name for reading in read for name in _NAME.findall(reading.question)})

    def nearest(self, reading: Reading, answer: str) -> str | None:
        """Return the best passage by BM25 that does not hold the answer."""
        asked = terms(reading.question, self.language)
        if not asked:
            return None
        best, _ = self._model.retrieve([asked], k=min(6, len(self.passages)), show_progress=False)
        for row in best[0]:
            passage = self.passages[int(row)]
            if passage != reading.passage and answer.lower() not in passage.lower():
                return passage
        return None


def _varied(reading: Reading, others: _Others, lexicon: Lexicon, random: Random) -> Reading:
    assert reading.answer is not None
    answer = reading.passage[slice(*reading.answer)]
    dice = random.random()
    varied: Reading | None = None
    if dice < 0.06:
        varied = _without_sentence(reading)
    elif dice < 0.11:
        passage = others.nearest(reading, answer)
        varied = (passage and replace(reading, passage=passage, answer=None, kind="nearest")) or None
    elif dice < 0.19:
        varied = _turned(reading, others, random)
    elif dice < 0.20:
        passage = random.choice(others.passages)
        if answer.lower() not in passage.lower():
            varied = replace(reading, passage=passage, answer=None, kind="random")
    return _switched(varied or reading, lexicon, random)


def _without_sentence(reading: Reading) -> Reading | None:
    """Take out of the passage the sentences that the answer touches, and all others that hold the answer's words."""
    assert reading.answer is not None
    first, last = reading.answer
    answer = reading.passage[first:last].lower()
    spans = list(sentence_spans(reading.passage, reading.language))
    kept = [
        reading.passage[a:b]
        for a, b in spans
        if (b <= first or last <= a) and answer not in reading.passage[a:b].lower()
    ]
    if not kept or len(kept) == len(spans):
        return None
    return replace(reading, passage=" ".join(kept), answer=None, kind="sentence removed")


def _turned(reading: Reading, others: _Others, random: Random) -> Reading | None:
    """Change the question so that the passage, most likely, no longer answers it."""
    question = reading.question
    ways: list[str] = []
    for match in _NUMBER.finditer(question):
        digits = match.group()
        changed = "".join(str((int(c) + random.randint(1, 9)) % 10) if c.isdigit() else c for c in digits[-2:])
        ways.append(question[: match.start()] + digits[:-2] + changed + question[match.end() :])
    for match in _NAME.finditer(question):
        inside = [name for name in _NAME.findall(reading.passage) if name not in question]
        name = random.choice(inside) if inside and random.random() < 0.5 else random.choice(others.names or ["Ada"])
        if name not in match.group():
            ways.append(question[: match.start()] + name + question[match.end() :])
    if reading.language == "en":
        for match in regex.finditer(r"\p{Ll}+", question):
            if match.group() in _OPPOSITE:
                ways.append(question[: match.start()] + _OPPOSITE[match.group()] + question[match.end() :])
        found = _AUXILIARY.search(question)
        if found:
            denied = _DENIED.get(found.group(), found.group() + "n't")
            ways.append(question[: found.start()] + denied + question[found.end() :])
    if not ways:
        return None
    return replace(reading, question=random.choice(ways), answer=None, kind="turned")


def _switched(reading: Reading, lexicon: Lexicon, random: Random) -> Reading:
    """Exchange words of the question, of the passage, or of both, for those of one other language."""
    if reading.language != "en" or random.random() > 0.40:
        return reading
    translations = lexicon[random.choice(sorted(lexicon)) if random.random() < 0.5 else "ro"]
    share = random.choice((0.3, 0.6, 0.9))
    where = random.choice(("question", "passage", "both"))

    def switched(text: str) -> str:
        return switch(text, translations, share, random)

    question = switched(reading.question) if where != "passage" else reading.question
    if where == "question":
        return replace(reading, question=question)
    first, last = reading.answer or (0, 0)
    before, answer = switched(reading.passage[:first]), switched(reading.passage[first:last])
    span = None if reading.answer is None else (len(before), len(before) + len(answer))
    return replace(reading, question=question, passage=before + answer + switched(reading.passage[last:]), answer=span)


def _cut(reading: Reading, longest: int, random: Random) -> Reading:
    """Cut a long passage down to a run of characters that holds the answer."""
    text = reading.passage
    if len(text) <= longest:
        return reading
    first, last = reading.answer or (random.randrange(len(text)),) * 2
    start = max(0, min(random.randint(last - longest, first) if last - longest < first else first, len(text) - longest))
    start = 0 if start == 0 else text.find(" ", start, first) + 1 or start
    span = None if reading.answer is None else (first - start, last - start)
    return replace(reading, passage=text[start : start + longest], answer=span)
