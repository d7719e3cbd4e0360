"""A disk that is full: a small file system of its own, filled at several points of an ingestion."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FULL = """
import json, subprocess, sys
from pathlib import Path
from fakes import FakeEmbedder
from ingest import ingest
from rag import Settings, Temei, TemeiError
from rag.doctor import examine
from rag.index import Index

root = Path(sys.argv[1])
articles = root / "articles"


def sized(kilobytes, place, *options):
    subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join([f"size={kilobytes}k", *options]), "tmpfs", place], check=True)


def attempt(what):
    try:
        what()
        return ""
    except TemeiError as error:
        return str(error)


for kilobytes in map(int, sys.argv[2:]):
    place = root / str(kilobytes)
    place.mkdir()
    sized(kilobytes, place)
    settings = Settings(home=place)

    def run():
        index = Index(settings, FakeEmbedder(), create=True)
        try:
            ingest([articles], index)
        finally:
            index.close()

    errors = [attempt(run), attempt(run)]
    asked = attempt(lambda: Temei(settings, embedder=FakeEmbedder()).retrieve("kettle"))
    sized(40_000, place, "remount")
    after = attempt(run)
    index = Index(settings, FakeEmbedder())
    rows = index.documents()
    held = {}
    for passage in index.scan():
        held[passage.document_id] = held.get(passage.document_id, 0) + 1
    print(json.dumps({
        "errors": errors, "asked": asked, "after": after, "documents": len(rows),
        "agree": held == {row["id"]: row["passages"] for row in rows},
        "bm25": sorted(index.bm25().ids) == sorted(p.id for p in index.scan()),
        "vectors": len(index.vectors(index.bm25().ids)) == len(index),
        "found": ["number 37 " in h.passage.text for h in Temei(settings, embedder=FakeEmbedder()).retrieve("What is number 37 made of?", 1)],
    }), flush=True)
    index.close()
"""  # noqa: E501

DOCUMENTS = 40
SIZES = [300, 700, 1100, 1500, 1800, 4000]
"""Kilobytes; what all documents take lies between the last two."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    root = tmp_path_factory.mktemp("full")
    (root / "articles").mkdir()
    for number in range(DOCUMENTS):
        text = " ".join(f"The thing number {number} in room {room} is made of {room % 7} parts." for room in range(20))
        (root / "articles" / f"{number:02}.txt").write_text(f"What is number {number} made of? {text}")
    alone = ["unshare", "--map-root-user", "--mount"]
    try:
        probe = subprocess.run([*alone, "mount", "-t", "tmpfs", "tmpfs", root / "articles"], capture_output=True)
    except FileNotFoundError:
        pytest.skip("unshare is missing (util-linux), so that no small disk can be made")
    if probe.returncode:
        pytest.skip("this user may not mount a small disk in a namespace of its own")
    child = subprocess.run(
        [*alone, sys.executable, "-c", FULL, root, *map(str, SIZES)],
        capture_output=True,
        text=True,
        timeout=100,
        env={"PYTHONPATH": str(Path(__file__).parent), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"},
    )
    assert child.returncode == 0, child.stderr[-2000:]
    return [json.loads(line) for line in child.stdout.splitlines()]


def test_a_full_disk_is_named_and_nothing_is_lost(runs: list[dict[str, object]]) -> None:
    assert len(runs) == len(SIZES)
    full = [run for run in runs if any(run["errors"])]  # type: ignore[arg-type]
    assert len(full) == len(SIZES) - 1
    for run in full:
        for error in run["errors"]:  # type: ignore[attr-defined]
            assert "is full" in error, run
            assert "make room" in error, run
    for run in runs:
        assert run["after"] == "", run
        assert run["documents"] == DOCUMENTS, run
        assert (run["agree"], run["bm25"], run["vectors"]) == (True, True, True), run
        assert run["found"] == [True], run
