"""Compare speed and memory with the plain pipeline of a tutorial on the same weights, in one run.

Machines are noisy. Both pipelines are therefore measured on the same text, and the ratios are what to read. The text
comes from the folder or archive given (Markdown and text files); where it is too short, it is read again with other
digits. Ingestion is measured on a part of the text. The larger indexes are then filled with further passages; their
vectors are noisy copies of the vectors already made, because embedding them would take hours and does not change the
time of a search.
"""

from __future__ import annotations

import itertools
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from eval import tutorial
from eval.bench_result import TEMEI, TUTORIAL, Bench, Side
from eval.bench_texts import endless_documents, first_documents
from eval.tutorial import export_model, open_splitter, open_store
from ingest.add import add_document
from rag.chain import Temei
from rag.index.index import Index
from rag.models.embeddings import BUNDLED, open_embedder
from rag.settings import Settings
from rag.types import Document, Floats, Passage

Report = Callable[[str], None]
COLD_RUNS = 5
"""Processes in which a question from cold is timed; the median is reported. Chosen by eye."""
PAUSE = 0.5
"""Seconds between the questions to one pipeline and those to another."""
_MEASURED = """
import json, os, sys, time
began = time.perf_counter()
quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
_, status, usage = os.wait4(process, 0)
print(json.dumps([time.perf_counter() - began, usage.ru_maxrss]))
sys.exit(bool(status))
"""
"""Run by a process of its own: a child's peak memory includes what its parent held when it was made."""
QUESTIONS = (
    "Care este termenul de prescripție?",
    "Cine aprobă bugetul de stat?",
    "Ce pedeapsă se aplică pentru furt?",
    "Când intră în vigoare legea?",
    "Cum se calculează impozitul pe venit?",
    "Ce drepturi are salariatul la concediu?",
    "What is the penalty for tax evasion?",
    "Who appoints the judges?",
    "How long is the probation period?",
    "Quelles sont les obligations de l'employeur ?",
)


def run_bench(corpus: Path, settings: Settings, *, sizes: Sequence[int], characters: int, report: Report) -> Bench:
    """Measure both pipelines on ``characters`` of text, then at each number of passages."""
    sizes = sorted(sizes)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        open_embedder(settings.embedding_model, settings.home / "models", report)  # prepared once, for every run
        prepared = Path("models") / BUNDLED
        if (settings.home / prepared).exists():
            shutil.copytree(settings.home / prepared, home / "temei" / prepared)
        temei = Temei(settings.model_copy(update={"home": home / "temei"}), report=report)
        model = export_model(settings.home / "models")
        documents = list(first_documents(corpus, characters))
        notes = [
            f"ingestion measured on {sum(len(d.text) for d in documents):,} characters of {corpus.name}",
            "larger indexes filled with further text, repeated with other digits where it ends, its vectors noisy "
            "copies of those made; written in batches, the sentence splitter run once",
        ]
        ours, theirs = Side(), Side()
        # The pipelines take turns on the same text, so that a slow minute of the machine affects both.
        report("ingesting with the tutorial's pipeline")
        store = open_store(model, home / "tutorial")
        chunks, vectors = _ingest_tutorial(store, documents, theirs)
        report("ingesting with Temei")
        index = Index(temei.settings, temei.embedder, create=True)
        _ingest_temei(index, documents, ours)
        rng = np.random.default_rng(0)
        more = endless_documents(corpus, settings.passage_tokens, sizes[-1] - len(index))
        for size in sizes:
            report(f"filling both to {size} passages")
            began = time.perf_counter()
            _grow_temei(index, more, size, rng)
            _grow_tutorial(store, chunks, vectors, size, rng)
            report(f"filled in {time.perf_counter() - began:.0f} s")
            report(f"searching {size} passages")
            _search(temei, store, size, ours, theirs)
            if size in (sizes[0], sizes[-1]):
                report("asking from cold")
                _cold(home, model, size, ours, theirs)
        index.close()
    machine = {
        "processors": str(os.cpu_count()),
        "machine": platform.machine(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("onnxruntime", "torch", "sentence-transformers", "chromadb")},
    }
    return Bench(ours, theirs, machine, notes)


def _ingest_temei(index: Index, documents: Sequence[Document], side: Side) -> None:
    index.embedder.encode_passages(["Se încarcă."])  # the model and its tokenizer are loaded
    began = time.perf_counter()
    with index.writing():
        for document in documents:
            add_document(document, index, where=document.source)
    seconds = time.perf_counter() - began
    side.passages_per_second = len(index) / seconds
    side.characters_per_second = sum(len(document.text) for document in documents) / seconds


def _ingest_tutorial(store: Any, documents: Sequence[Document], side: Side) -> tuple[list[Any], Floats]:
    from langchain_core.documents import Document as Page

    store.embeddings.embed_documents(["Se încarcă."])
    began = time.perf_counter()
    chunks = open_splitter().split_documents([Page(d.text, metadata={"source": d.source}) for d in documents])
    store.add_documents(chunks)
    seconds = time.perf_counter() - began
    side.passages_per_second = len(chunks) / seconds
    side.characters_per_second = sum(len(document.text) for document in documents) / seconds
    return chunks, np.asarray(store.get(include=["embeddings"])["embeddings"], dtype=np.float32)


def _noisy(vectors: Floats, rng: np.random.Generator) -> Floats:
    noise = rng.standard_normal(vectors.shape).astype(np.float32)
    mixed = vectors + 0.3 * noise / np.linalg.norm(noise, axis=1, keepdims=True)
    return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), dtype=np.float32)


def _grow_temei(
    index: Index, documents: Iterator[tuple[Document, list[Passage]]], size: int, rng: np.random.Generator
) -> None:
    some = list(itertools.islice(index.scan(), 2000))
    known = np.concatenate([rows[1:] for rows in index.vectors([passage.id for passage in some]).values()])
    # Drawing noise for every sentence would take most of the time.
    bank = _noisy(known[rng.integers(0, len(known), 50_000)], rng)
    with index.writing():
        while (missing := size - len(index)) > 0:
            document, passages = next(documents)
            rows = [bank[rng.integers(0, len(bank), len(passage.sentences))] for passage in passages[:missing]]
            index.add(document, passages[:missing], rows, path=document.source, ingested="")


def _grow_tutorial(store: Any, chunks: Sequence[Any], vectors: Floats, size: int, rng: np.random.Generator) -> None:
    collection = store._collection  # the store would embed what it adds; these passages have vectors already
    while (held := collection.count()) < size:
        picked = rng.integers(0, len(chunks), min(5000, size - held))
        collection.add(
            ids=[f"more-{held + row}" for row in range(len(picked))],
            embeddings=_noisy(vectors[picked], rng),
            documents=[f"{chunks[row].page_content} {held}" for row in picked],
            metadatas=[{"source": "more"} for _ in picked],
        )


def _search(temei: Temei, store: Any, size: int, ours: Side, theirs: Side) -> None:
    times: dict[str, list[float]] = {"temei": [], "answer": [], "tutorial": []}
    ways: dict[str, Callable[[str], object]] = {
        "temei": lambda question: temei.retrieve(question, 4),
        "answer": temei.answer,
        "tutorial": lambda question: store.similarity_search(question, k=4),
    }
    for turn in range(11):
        for name, ask in ways.items():
            # The threads of one pipeline stay busy for a moment and would slow down the next.
            time.sleep(PAUSE)
            for question in QUESTIONS:
                began = time.perf_counter()
                ask(question)
                if turn:  # the first turn warms up
                    times[name].append(time.perf_counter() - began)

    def percentile(name: str, share: int) -> float:
        return float(np.percentile(times[name], share))

    ours.search[size] = {
        "p50": percentile("temei", 50),
        "p95": percentile("temei", 95),
        "answer_p50": percentile("answer", 50),
        "answer_p95": percentile("answer", 95),
    }
    theirs.search[size] = {"p50": percentile("tutorial", 50), "p95": percentile("tutorial", 95)}


def _cold(home: Path, model: Path, size: int, ours: Side, theirs: Side) -> None:
    """Measure whole processes, the two pipelines in turns, and keep the medians."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("TEMEI_")}
    ask = "import sys; from temei.__main__ import main; sys.argv = ['temei', 'ask', sys.argv[1]]; main()"
    commands = {
        TEMEI: [sys.executable, "-c", ask, QUESTIONS[0]],
        TUTORIAL: [sys.executable, "-m", tutorial.__name__, str(model), str(home / "tutorial"), QUESTIONS[0]],
    }
    seconds: dict[str, list[float]] = {TEMEI: [], TUTORIAL: []}
    megabytes: dict[str, list[float]] = {TEMEI: [], TUTORIAL: []}
    for turn in range(COLD_RUNS + 1):
        for name, command in commands.items():
            result = subprocess.run(
                [sys.executable, "-S", "-c", _MEASURED, *command],
                env=env | {"TEMEI_HOME": str(home / "temei")},
                stdout=subprocess.PIPE,
                check=True,
            )
            took, peak = json.loads(result.stdout)
            if turn:  # the first turn reads the files from disk
                seconds[name].append(took)
                megabytes[name].append(peak / (1e6 if sys.platform == "darwin" else 1e3))
    for side, name in ((ours, TEMEI), (theirs, TUTORIAL)):
        side.cold[size] = {
            "seconds": float(np.median(seconds[name])),
            "megabytes": float(np.median(megabytes[name])),
        }
