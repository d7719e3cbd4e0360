"""A disk that is full: a small file system of its own, filled at several points of an ingestion."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from conftest import ROOT

FULL = """
import json, os, shutil, signal, subprocess, sys
from pathlib import Path
from fakes import FakeEmbedder
from ingest import ingest, split
from ingest.load import to_document
from rag import Settings, Temei, TemeiError
from rag.index.index import Index

root = Path(sys.argv[1])
articles = root / "articles"


def sized(kilobytes, place, *options):
    subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join([f"size={kilobytes}k", *options]), "tmpfs", place], check=True)


def apart(what, *arguments):
    # In a process of its own, as people run it; forked, to save the imports.
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(40)
        try:
            told = what(*arguments)
        except TemeiError as error:
            told = str(error)
        os.write(writing, json.dumps(told).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    return json.loads(told) if told else f"ended by signal {status}"


def run(settings):
    index = Index(settings, FakeEmbedder(), create=True)
    ingest([articles], index)
    return ""


def first(settings):
    index = Index(settings, FakeEmbedder(), create=True)
    ingest(sorted(articles.iterdir())[:9], index)
    index.close()
    return ask(settings)


def ask(settings):
    temei = Temei(settings, embedder=FakeEmbedder())
    hits = temei.retrieve("What is number 7 made of?")
    return [[hit.passage.id for hit in hits], len(temei.index.documents())]


def look(settings):
    index = Index(settings, FakeEmbedder())
    rows = index.documents()
    held = {}
    for passage in index.scan():
        held[passage.document_id] = held.get(passage.document_id, 0) + 1
    hits = Temei(settings, embedder=FakeEmbedder()).retrieve("What is number 37 made of?", 1)
    return {
        "documents": len(rows),
        "agree": held == {row.id: row.passages for row in rows},
        "bm25": sorted(index.search_index().ids) == sorted(p.id for p in index.scan()),
        "vectors": len(index.vectors(index.search_index().ids)) == len(index),
        "found": ["number 37 " in hit.passage.text for hit in hits],
    }


split(to_document("Load once.", source="", name="what every child needs"), 99)
place = root / "filled"
place.mkdir()
sized(40_000, place)
filled = Settings(home=place)
whole = apart(first, filled)
(place / "ballast").write_bytes(bytes(shutil.disk_usage(place).free))
kept = [apart(run, filled), apart(ask, filled), apart(ask, filled)]
print(json.dumps({"whole": whole, "kept": kept}), flush=True)
for kilobytes in map(int, sys.argv[2:]):
    place = root / str(kilobytes)
    place.mkdir()
    sized(kilobytes, place)
    settings = Settings(home=place)
    told = {"errors": [apart(run, settings), apart(run, settings)]}
    sized(40_000, place, "remount")
    told["after"] = apart(run, settings)
    print(json.dumps(told | apart(look, settings)), flush=True)
"""  # noqa: E501

DOCUMENTS = 40
SIZES = [300, 700, 1100, 1500, 1800, 4000]
"""Kilobytes; what all documents take lies between the last two."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
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
        timeout=300,
        env={"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"},
    )
    assert child.returncode == 0, child.stderr[-2000:]
    return [json.loads(line) for line in child.stdout.splitlines()]


@pytest.fixture
def runs(told: list[dict[str, object]]) -> list[dict[str, object]]:
    return told[1:]


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


def test_while_the_disk_is_full_questions_are_answered_from_before(told: list[dict[str, object]]) -> None:
    failed, *asked = told[0]["kept"]  # type: ignore[misc]
    assert "is full" in failed or "ended by signal" in failed, failed  # Chroma may wait for ever
    assert asked == [told[0]["whole"], told[0]["whole"]]
    assert told[0]["whole"][1] == 9  # type: ignore[index]
