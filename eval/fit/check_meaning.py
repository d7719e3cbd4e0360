"""Measure how similar a statement is to its evidence: ``python -m eval.fit.check_meaning DATA``.

The threshold of `rag.chat.check` comes from what this prints. DATA has ``xquad-dev.en.json`` and ``xquad-dev.ro.json``.
An English sentence and its Romanian translation represent a supported statement; the next sentence of the paragraph and
the same translation represent an unsupported one. A paragraph counts only where both languages have the same number of
sentences.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from eval.refusal_metrics import auroc
from eval.sets.squad import read_xquad
from ingest.split import sentence_spans
from rag.models.embeddings import Embedder, open_embedder
from rag.settings import Settings
from rag.types import Floats


def paragraphs(folder: Path) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the English and the Romanian sentences of every paragraph that has as many of both."""
    both = [read_xquad(folder, name) for name in ("en", "ro")]
    for english, romanian in zip(*both, strict=True):
        for one, other in zip(english["paragraphs"], romanian["paragraphs"], strict=True):
            texts = [
                [text[a:b] for a, b in sentence_spans(text, language)]
                for text, language in ((one["context"], "en"), (other["context"], "ro"))
            ]
            if len(texts[0]) == len(texts[1]) > 1:
                yield texts[0], texts[1]


def cosines(embedder: Embedder, english: Sequence[str], romanian: Sequence[str]) -> tuple[Floats, Floats]:
    """Return the cosine of each English sentence, and of its neighbour, with the translation of the first."""
    there, here = embedder.encode_passages(english), embedder.encode_passages(romanian)
    return (there * here).sum(axis=1), (np.roll(there, -1, axis=0) * here).sum(axis=1)


def main() -> None:
    """Print how many true statements every threshold keeps and how many neighbours it refuses."""
    parser = argparse.ArgumentParser(description="Show how near statements are to what carries them.")
    parser.add_argument("data", type=Path)
    settings = Settings()
    embedder = open_embedder(settings.embedding_model, settings.home / "models", print)
    pairs = [cosines(embedder, *texts) for texts in paragraphs(parser.parse_args().data)]
    true, false = (np.concatenate(some) for some in zip(*pairs, strict=True))
    supported = np.repeat([True, False], [len(true), len(false)])
    area = auroc(np.concatenate([true, false]), supported)
    print(f"{len(true)} sentences of {len(pairs)} paragraphs, AUROC {area:.4f}")
    print("least cosine  true kept  neighbours refused")
    for least in np.arange(0.74, 0.9, 0.01):
        print(f"{least:12.2f}  {(true >= least).mean():9.3f}  {(false < least).mean():18.3f}")


if __name__ == "__main__":
    main()
