"""Several machines on one index: a real Chroma server, real processes, each with a home of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from conftest import ROOT, quotes
from fakes import FakeEmbedder

from ingest import ingest, split
from ingest.load import to_document
from rag import Settings, Temei
from rag.errors import UnreachableIndexError
from rag.index.chroma_calls import RETRIES
from rag.index.index import Index


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def chroma(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = Path(sys.executable).with_name("chroma")
    process = subprocess.Popen(
        [str(command), "run", "--path", str(folder), "--host", "127.0.0.1", "--port", str(port)],
        env={**os.environ, "ANONYMIZED_TELEMETRY": "False"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            try:
                if httpx.get(f"http://127.0.0.1:{port}/api/v2/heartbeat", timeout=1).is_success:
                    break
            except httpx.TransportError:
                time.sleep(0.1)
        else:
            pytest.fail("the Chroma server did not start")
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    port = free_port()
    with chroma(tmp_path / "server", port):
        yield f"http://127.0.0.1:{port}"


def machine(tmp_path: Path, name: str, url: str) -> Settings:
    return Settings(home=tmp_path / name, chroma_url=url)


INGEST = """
import sys
from pathlib import Path
from fakes import FakeEmbedder
from ingest import ingest, split
from ingest.load import to_document
from rag import Settings
from rag.index.index import Index

home, url, *paths = sys.argv[1:]
index = Index(Settings(home=Path(home), chroma_url=url), FakeEmbedder(), create=True)
report = ingest([Path(path) for path in paths], index)
print(len(report.added))
"""


def ingest_elsewhere(home: Path, url: str, *paths: Path) -> subprocess.Popen[str]:
    """Ingest in a process of its own, as another machine would."""
    return subprocess.Popen(
        [sys.executable, "-c", INGEST, str(home), url, *map(str, paths)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_what_one_machine_ingests_another_finds_by_meaning_and_by_word(url: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Bufnița zboară fără zgomot.")
    (tmp_path / "b.txt").write_text("Râsul vânează în zori.")
    Index(machine(tmp_path, "one", url), FakeEmbedder(), create=True)
    reader = Temei(machine(tmp_path, "one", url), embedder=FakeEmbedder())
    writer = ingest_elsewhere(tmp_path / "two", url, tmp_path / "a.txt")
    assert writer.communicate(timeout=60)[0] == "1\n"

    (hit, *_) = reader.retrieve("bufnița")
    assert hit.passage.text == "Bufnița zboară fără zgomot."
    assert hit.lexical > 0

    writer = ingest_elsewhere(tmp_path / "two", url, tmp_path / "b.txt")
    assert writer.communicate(timeout=60)[0] == "1\n"
    (hit, *_) = reader.retrieve("râsul")
    assert hit.passage.text == "Râsul vânează în zori."
    assert hit.lexical > 0
    document = reader.document(hit.passage.document_id)
    assert document is not None
    assert document.text[hit.passage.start : hit.passage.end] == hit.passage.text


def test_two_machines_that_ingest_at_once_lose_nothing(url: str, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("x", "y")]
    for folder in folders:
        folder.mkdir()
        for n in range(8):
            (folder / f"{n}.txt").write_text(f"Textul {folder.name} {n} spune ceva despre numărul {n}.")
    Index(machine(tmp_path, "reader", url), FakeEmbedder(), create=True)

    writers = [ingest_elsewhere(tmp_path / f"home {folder.name}", url, folder) for folder in folders]
    assert [writer.communicate(timeout=120)[0] for writer in writers] == ["8\n", "8\n"]

    index = Index(machine(tmp_path, "reader", url), FakeEmbedder())
    assert len(index.documents()) == len(index) == 16
    assert sorted(index.search_index().ids) == sorted(passage.id for passage in index.scan())


def test_a_machine_removes_what_it_left_itself_and_not_what_another_is_adding(url: str, tmp_path: Path) -> None:
    document = to_document("Bufnița zboară. Râsul vânează.", source="a", name="a")
    passages = split(document, 64)
    vectors = [FakeEmbedder().encode_passages(quotes(passage)) for passage in passages]
    one = Index(machine(tmp_path, "one", url), FakeEmbedder(), create=True)
    two = Index(machine(tmp_path, "two", url), FakeEmbedder())
    one.add_passages(passages, vectors)  # and then dies, or not yet

    with two.writing():
        pass
    assert len(two) == len(passages)

    with Index(machine(tmp_path, "one", url), FakeEmbedder()).writing():
        pass
    assert len(two) == 0


def test_a_lost_server_is_an_error_within_a_bound_and_never_an_answer(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    (tmp_path / "a.txt").write_text("Bufnița zboară fără zgomot.")
    with chroma(tmp_path / "server", port):
        index = Index(machine(tmp_path, "one", url), FakeEmbedder(), create=True)
        ingest([tmp_path / "a.txt"], index)
        temei = Temei(machine(tmp_path, "one", url), embedder=FakeEmbedder())
        assert temei.retrieve("bufnița")

    began = time.perf_counter()
    with pytest.raises(UnreachableIndexError) as caught:
        temei.answer("bufnița")
    assert url in str(caught.value)
    assert "\n" not in str(caught.value)
    assert time.perf_counter() - began < 2 ** (RETRIES + 1)

    with chroma(tmp_path / "server", port):  # it comes back, and so does the index
        assert temei.retrieve("bufnița")[0].passage.text == "Bufnița zboară fără zgomot."
