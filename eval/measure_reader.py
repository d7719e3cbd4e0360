"""Measure the reader alone, the gold paragraph given: ``python -m eval.measure_reader FOLDER [READER]``.

FOLDER has ``xquad-dev.ro.json``, ``xquad-dev.en.json`` and ``adversarial-dev.en.jsonl``, READER is the file to measure
(that of the package where omitted). A paragraph is read as the chain reads a passage: as much of it as fits around the
sentence that is nearest to the question.
"""

from __future__ import annotations

import argparse
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from eval.abstention import auroc
from eval.grounds import exact_match, token_f1
from eval.squad import read_adversarial, read_xquad
from ingest.load import to_document
from ingest.split import split
from rag.embeddings import BundledEmbedder
from rag.reader import PATH, Found, Reader
from rag.records import sentence_texts
from rag.settings import Settings
from rag.types import Passage

PAIRS = (("ro", "ro"), ("en", "ro"), ("en", "en"), ("ro", "en"))
"""Languages of the questions and of the paragraphs."""
WHOLE = 100_000
"""More tokens than any paragraph has."""


def measure(path: Path, folder: Path) -> dict[str, Any]:
    """Return exact match and token F1 by languages, and how well the reader tells altered questions (AUROC)."""
    embedder = BundledEmbedder(Settings().home / "models")
    reader = Reader.open(embedder.encoder.weights, embedder.encoder.unigram, path)

    @cache
    def opened(text: str) -> tuple[Passage, Any]:
        (passage,) = split(to_document(text, source="paragraph", name="paragraph"), WHOLE)
        return passage, embedder.encode_passages(sentence_texts(passage))

    def read(question: str, text: str) -> tuple[str, Found]:
        """Return the likeliest answer in a paragraph, its words and what was found."""
        passage, vectors = opened(text)
        (answers,) = reader.read(question, [passage], [vectors @ embedder.encode_query(question)])
        found = max(answers, key=lambda answer: answer.score)
        return passage.quote(found.span), found

    sets = {language: read_xquad(folder, language) for language in ("ro", "en")}
    measured: dict[str, Any] = {}
    for asked, written in PAIRS:
        scores = []
        for a, b in zip(sets[asked], sets[written], strict=True):
            for p, r in zip(a["paragraphs"], b["paragraphs"], strict=True):
                for q, gold in zip(p["qas"], r["qas"], strict=True):
                    text, _ = read(q["question"], r["context"])
                    answers = [x["text"] for x in gold["answers"]]
                    scores.append((exact_match(text, answers), token_f1(text, answers)))
        em, f1 = np.mean(scores, axis=0)
        measured[f"{asked} on {written}"] = {"exact_match": round(float(em), 4), "token_f1": round(float(f1), 4)}
    texts = [p["context"] for a in sets["en"] for p in a["paragraphs"]]
    rows = read_adversarial(folder / "adversarial-dev.en.jsonl", len(texts)).values()
    sure = np.array([read(row.question, texts[row.paragraph])[1].score for row in rows])
    area = auroc(sure, np.array([row.answerable for row in rows]))
    return measured | {"adversarial auroc": round(area or 0.0, 4)}


def main() -> None:
    """Print the numbers as JSON."""
    parser = argparse.ArgumentParser(description="Measure the reader alone, the gold paragraph given.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("reader", type=Path, nargs="?", default=PATH)
    given = parser.parse_args()
    print(json.dumps(measure(given.reader, given.folder), indent=1))


if __name__ == "__main__":
    main()
