"""Readers beside a writer: a rebuild, an ingestion and a full disk change nothing until the new state is whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, check_whole
from fakes import FakeEmbedder

from ingest import ingest
from rag import Settings
from rag.index.index import Index

WRITE = """
import sys
from pathlib import Path
from fakes import FakeEmbedder
from ingest import ingest, rebuild
from rag import Settings
from rag.index.index import Index

what, home, *paths = sys.argv[1:]
index = Index(Settings(home=Path(home)), FakeEmbedder(delay=0.004), create=True, accept_stale=what == "rebuild")
print("begins", flush=True)
if what == "rebuild":
    rebuild(index)
else:
    ingest([Path(path) for path in paths], index, prune=True)
index.close()
print("ends", flush=True)
"""

ASK = """
import json, sys
from pathlib import Path
from fakes import FakeEmbedder
from rag import Settings, Temei

home, stop = map(Path, sys.argv[1:])
kept = Temei(Settings(home=home), embedder=FakeEmbedder())
last = False
while not last:
    last = stop.exists()
    for temei in (kept, Temei(Settings(home=home), embedder=FakeEmbedder())):  # a server, and a question from cold
        try:
            found = [(hit.passage.title, round(hit.score, 4)) for hit in temei.retrieve("Which thing is made of brass?")]
            told = [found, sorted(row.title for row in temei.index.documents())]
        except Exception as error:
            told = f"{type(error).__name__}: {error}"
        print(json.dumps(told), flush=True)
"""  # noqa: E501


def started(script: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def filled(settings: Settings, tmp_path: Path) -> Path:
    """A folder of articles, of which there is an index."""
    folder = tmp_path / "articles"
    folder.mkdir()
    for number in range(30):
        text = " ".join(f"The thing {number} of room {room} is made of {room % 7} parts." for room in range(9))
        (folder / f"{number:02}.txt").write_text(f"# Thing {number}\n\n{text} Its lid is brass.")
    index = Index(settings, FakeEmbedder(), create=True)
    ingest([folder], index)
    index.close()
    return folder


@pytest.mark.parametrize("what", ["rebuild", "ingest"])
def test_whoever_asks_while_another_writes_sees_all_of_the_old_or_all_of_the_new(
    filled: Path, settings: Settings, tmp_path: Path, what: str
) -> None:
    stop = tmp_path / "stop"
    for number in range(0, 30, 2):
        if what == "ingest":
            (filled / f"{number:02}.txt").write_text(f"# New {number}\n\nThis thing {number} is made of brass.")
    (filled / "01.txt").unlink()
    asker = started(ASK, settings.home, stop)
    assert asker.stdout is not None
    first = asker.stdout.readline()

    writer = started(WRITE, what, settings.home, filled)
    said, _ = writer.communicate(timeout=120)
    stop.touch()
    lines = [first, *asker.communicate(timeout=60)[0].splitlines()]

    assert said.splitlines() == ["begins", "ends"]
    told = [json.loads(line) for line in lines]
    assert not [one for one in told if isinstance(one, str)], "nobody is refused"
    assert len(told) > 20
    states = [told[0], told[-1]]
    assert all(one in states for one in told), "nobody sees a half"
    assert (states[0] == states[1]) == (what == "rebuild")
    check_whole(Index(settings, FakeEmbedder()))
