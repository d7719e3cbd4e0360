"""Measure the reader alone, without search: ``python -m eval.fit.measure_reader FOLDER [READER]``.

FOLDER has ``xquad-dev.ro.json``, ``xquad-dev.en.json``, ``adversarial-dev.en.jsonl``, ``nomiracl.jsonl.gz`` and
``reader/temei-*.json.gz``; a missing file is left out. READER is the file to measure, by default the one of the
package. A passage is read as the chain reads it: as much of it as fits around the sentence that is nearest to the
question.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from eval.citation_metrics import exact_match, token_f1
from eval.fit.reader_examples import under_heading
from eval.fit.reader_sets import WRITTEN, Question, is_kept_apart, names, read_set
from eval.refusal_metrics import auroc
from eval.sets.squad import read_adversarial, read_xquad
from ingest.load import to_document
from ingest.split import split
from rag.index.records import sentence_texts
from rag.models.embeddings import BundledEmbedder
from rag.models.reader import PATH, Reader, ReaderAnswer
from rag.settings import Settings
from rag.types import Floats, Passage

PAIRS = (("ro", "ro"), ("en", "ro"), ("en", "en"), ("ro", "en"))
"""Languages of the questions and of the paragraphs."""
WHOLE = 100_000
"""More tokens than any paragraph has."""
OVER_REFUSAL = 0.08
"""The share of answerable questions that may be refused where the share of the others that are is told."""
EUROPEAN = ("en", "de", "fr", "es", "ru")
FLOOR, CEILING = -10.0, 10.0
"""Between which log-odds count, so that one sure passage is not weighed against ten unsure ones by its size."""

Numbers = dict[str, Any]


class Measured:
    """A reader, with the encoder that finds the nearest sentence."""

    def __init__(self, path: Path) -> None:
        self._embedder = BundledEmbedder(Settings().home / "models")
        self._reader = Reader.open(self._embedder.encoder.weights, self._embedder.encoder.unigram, path)
        self._open = lru_cache(maxsize=20_000)(self._opened)

    def _opened(self, text: str) -> tuple[Passage, Floats]:
        (passage,) = split(to_document(text, source="paragraph", name="paragraph"), WHOLE)
        return passage, self._embedder.encode_passages(sentence_texts(passage))

    def read(self, question: str, texts: Sequence[str]) -> list[tuple[str, ReaderAnswer]]:
        """Return for each text the likeliest answer in it: its words, and what was found."""
        opened = [self._open(text) for text in texts]
        query = self._embedder.encode_query(question)
        answers = self._reader.read(question, [p for p, _ in opened], [vectors @ query for _, vectors in opened])
        best = [max(some, key=lambda answer: answer.score) for some in answers]
        return [(passage.quote(found.span), found) for (passage, _), found in zip(opened, best, strict=True)]


def evidence(found: ReaderAnswer) -> float:
    """Return the reader's certainty that a passage answers: the mean of its two bounded log-odds."""
    score = min(CEILING, max(FLOOR, found.score))
    return (score + min(CEILING, max(FLOOR, 2 * found.answerable))) / 2 if found.answerable else score


def xquad(measured: Measured, folder: Path) -> Numbers:
    """Return exact match and token F1 on XQuAD, the gold paragraph given, by languages of question and paragraph."""
    sets = {language: read_xquad(folder, language) for language in ("ro", "en")}
    numbers: Numbers = {}
    for asked, written in PAIRS:
        scores = []
        for a, b in zip(sets[asked], sets[written], strict=True):
            for p, r in zip(a["paragraphs"], b["paragraphs"], strict=True):
                for q, gold in zip(p["qas"], r["qas"], strict=True):
                    ((text, _),) = measured.read(q["question"], [r["context"]])
                    answers = [x["text"] for x in gold["answers"]]
                    scores.append((exact_match(text, answers), token_f1(text, answers)))
        em, f1 = np.mean(scores, axis=0)
        numbers[f"{asked} on {written}"] = {"exact_match": round(float(em), 4), "token_f1": round(float(f1), 4)}
    return numbers


def adversarial(measured: Measured, folder: Path) -> Numbers:
    """Return how well questions that only look answerable are told from the others, their paragraph given (AUROC)."""
    texts = [p["context"] for a in read_xquad(folder, "en") for p in a["paragraphs"]]
    rows = read_adversarial(folder / "adversarial-dev.en.jsonl", len(texts)).values()
    found = [measured.read(row.question, [texts[row.paragraph]])[0][1] for row in rows]
    return {"adversarial auroc": _areas(found, [row.answerable for row in rows])}


def nomiracl(measured: Measured, folder: Path) -> Numbers:
    """Return how well questions whose ten passages hold no answer are told from the others, by languages (AUROC).

    What is compared is the likeliest of the ten.
    """
    with gzip.open(folder / "nomiracl.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    found, answerable = [], []
    for row in rows:
        read = [one for _, one in measured.read(row["question"], row["passages"])]
        found.append(max(read, key=evidence))
        answerable.append(row["subset"] == "relevant")
    numbers: Numbers = {"nomiracl auroc": _areas(found, answerable)}
    for name, languages in {"european": EUROPEAN, **{row["language"]: (row["language"],) for row in rows}}.items():
        some = [number for number, row in enumerate(rows) if row["language"] in languages]
        area = auroc(np.array([evidence(found[i]) for i in some]), np.array([answerable[i] for i in some]))
        numbers[f"nomiracl auroc {name}"] = round(area or 0.0, 4)
    return numbers


def written(measured: Measured, folder: Path, *, headed: bool = False) -> Numbers:
    """Return the numbers on the written documents that are kept apart, the passage given, under its heading or not."""
    questions = [
        question
        for name, path in names([folder / "reader"]).items()
        if name.startswith(WRITTEN)
        for question in read_set(path)
        if is_kept_apart(question.heading.split(" › ")[0])
    ]
    if not questions:
        return {}
    texts = [under_heading(q.heading, q.passage, None)[0] if headed else q.passage for q in questions]
    read = [measured.read(q.text, [text])[0] for q, text in zip(questions, texts, strict=True)]
    name = "written, headed" if headed else "written"
    numbers: Numbers = {
        f"{name} auroc": _areas([found for _, found in read], [q.answer is not None for q in questions])
    }
    return numbers | {f"{name} {key}": value for key, value in _by_language(questions, read)}


def _by_language(questions: Sequence[Question], read: Sequence[tuple[str, ReaderAnswer]]) -> Iterator[tuple[str, Any]]:
    groups = {
        "all": [True] * len(questions),
        "ro on ro": [q.language == q.written_in == "ro" for q in questions],
        "across": [q.language != q.written_in for q in questions],
    }
    for name, chosen in groups.items():
        rows = [(q, r) for q, r, inside in zip(questions, read, chosen, strict=True) if inside]
        answered = [(q, text, found) for q, (text, found) in rows if q.answer is not None]
        scores = [
            (exact_match(text, [q.passage[slice(*q.answer)]]), token_f1(text, [q.passage[slice(*q.answer)]]))
            for q, text, _ in answered
            if q.answer is not None
        ]
        em, f1 = np.mean(scores, axis=0)
        line = float(np.quantile([evidence(found) for _, _, found in answered], OVER_REFUSAL))
        refused = float(np.mean([evidence(found) < line for q, (_, found) in rows if q.answer is None]))
        yield (
            name,
            {
                "questions": len(rows),
                "exact_match": round(float(em), 4),
                "token_f1": round(float(f1), 4),
                "refused at 8% over-refusal": round(refused, 4),
            },
        )


def _areas(found: Sequence[ReaderAnswer], answerable: Sequence[bool]) -> Numbers:
    """Return the AUROC of the span's log-odds, of the passage's, and of both together."""
    ways = {"span": lambda f: f.score, "passage": lambda f: f.answerable, "both": evidence}
    gold = np.array(answerable)
    return {name: round(auroc(np.array([way(f) for f in found]), gold) or 0.0, 4) for name, way in ways.items()}


def measure(path: Path, folder: Path, parts: Sequence[str] = ()) -> Numbers:
    """Return all numbers that the folder has questions for; ``parts`` names some of them."""
    measured = Measured(path)
    needs = {
        "xquad": (xquad, "xquad-dev.ro.json"),
        "adversarial": (adversarial, "adversarial-dev.en.jsonl"),
        "written": (written, "reader"),
        "nomiracl": (nomiracl, "nomiracl.jsonl.gz"),
    }
    numbers: Numbers = {}
    for name, (of, needed) in needs.items():
        if (not parts or name in parts) and (folder / needed).exists():
            numbers |= of(measured, folder)
    return numbers


def main() -> None:
    """Print the numbers as JSON."""
    parser = argparse.ArgumentParser(description="Measure the reader alone, the gold passage given.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("reader", type=Path, nargs="?", default=PATH)
    parser.add_argument("--part", action="append", default=[], choices=("xquad", "adversarial", "written", "nomiracl"))
    given = parser.parse_args()
    print(json.dumps(measure(given.reader, given.folder, given.part), indent=1))


if __name__ == "__main__":
    main()
