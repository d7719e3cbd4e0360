"""Ingestion streams: what it takes of memory does not grow with the corpus."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.slow

INGEST = """
import resource, sys
from pathlib import Path
from fakes import FakeEmbedder
from ingest import ingest
from rag import Settings
from rag.index.index import Index

class Forgetful(FakeEmbedder):
    def encode_passages(self, texts, done=lambda n: None):
        vectors = super().encode_passages(texts, done)
        self.passages.clear()
        return vectors

home, *paths = map(Path, sys.argv[1:])
index = Index(Settings(home=home), Forgetful(dimension=8), create=True)
ingest(paths, index)
print(len(index), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def write_corpus(folder: Path, characters: int, files: int) -> Path:
    """Write texts of made-up words, as unlike as those of a language are."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(files):
        sentences = []
        while sum(map(len, sentences)) < characters / files:
            words = [f"cuvânt{n}" for n in rng.zipf(1.2, 12) % 50_000]
            sentences.append(" ".join(words).capitalize() + ". ")
        (folder / f"{number}.txt").write_text("".join(sentences), encoding="utf-8")
    return folder


def peak(home: Path, *paths: Path) -> tuple[int, int]:
    """Ingest in a process of its own; give the passages of its index and its peak memory in KB."""
    said = subprocess.run(
        [sys.executable, "-c", INGEST, str(home), *map(str, paths)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout.split()
    scale = 1024 if sys.platform == "darwin" else 1
    return int(said[0]), int(said[1]) // scale


def test_ten_times_the_text_takes_no_more_memory(tmp_path: Path) -> None:
    few, small = peak(tmp_path / "one", write_corpus(tmp_path / "small", 300_000, 3))
    many, large = peak(tmp_path / "two", write_corpus(tmp_path / "large", 3_000_000, 3))

    assert many > 8 * few
    assert large - small < 80_000, (few, small, many, large)
