"""A home that may only be read: questions, sources and the check-up are answered; what would write says so."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, write_articles
from fakes import FakeEmbedder

from ingest import ingest
from rag import Settings, Temei
from rag.index.index import Index

READ = """
import json, logging, sys
from pathlib import Path
from fakes import FakeEmbedder
import rag.doctor
from ingest import ingest
from rag import Settings, Temei, TemeiError
from rag.index.index import Index

class Saying(logging.Handler):
    def __init__(self, said):
        super().__init__()
        self.said = said

    def emit(self, record):
        self.said.append(record.getMessage())


articles, *homes = map(Path, sys.argv[1:])


def tell(home):
  try:
    (home / "probe").write_text("")
    return "writable"
  except OSError:
    pass
  said = []
  logging.getLogger("temei").handlers = [Saying(said)]
  settings = Settings(home=home)
  temei = Temei(settings, embedder=FakeEmbedder())
  hits = temei.retrieve("The lid of the kettle is made of brass.")
  rows = temei.index.documents()
  told = {
      "hits": [[hit.passage.id, round(hit.score, 4)] for hit in hits],
      "documents": [row.title for row in rows],
      "text": temei.document(rows[0].id).text,
      "doctor": [[finding.subject, finding.ok, finding.detail] for finding in rag.doctor.examine(settings)],
  }
  try:
      ingest([articles], temei.index)
      told["writing"] = "went"
  except TemeiError as error:
      told["writing"] = str(error)
  try:
      Index(settings, FakeEmbedder(), create=True)
      told["creating"] = "went"
  except TemeiError as error:
      told["creating"] = str(error)
  return told | {"said": said}


rag.doctor.open_embedder = lambda *_: FakeEmbedder()
for home in homes:
    print(json.dumps(tell(home)), flush=True)
"""

ALONE = ["unshare", "--map-root-user", "--mount"]


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("read only")
    index = Index(Settings(home=folder / "home"), FakeEmbedder(), create=True)
    ingest([write_articles(folder / "articles")], index)
    index.close()
    return folder


GONE = ["nothing", "bm25/about.json", "bm25/*/rows.npy", "mirror/*", "vectors/*", "bm25", "mirror"]


@pytest.fixture(scope="module")
def homes(origin: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Copies of the home, each without something, which may only be read: as root, those of somebody else.

    One more is a copy of a home in use: the passage cache's last writes lie in the file beside it.
    """
    folder = tmp_path_factory.mktemp("closed")
    made = {}
    for number, gone in enumerate(GONE):
        made[gone] = Path(shutil.copytree(origin / "home", folder / str(number)))
        for path in made[gone].glob(gone):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    index = Index(Settings(home=Path(shutil.copytree(origin / "home", folder / "used"))), FakeEmbedder(), create=True)
    (folder / "lynx.txt").write_text("The lynx hunts at dawn.")
    ingest([folder / "lynx.txt"], index)
    made["in use"] = Path(shutil.copytree(folder / "used", folder / "copy"))
    index.close()
    assert any(path.stat().st_size for path in made["in use"].glob("mirror/*-wal"))
    for home in made.values():
        for path in (*home.rglob("*"), home):
            path.chmod(0o555 if path.is_dir() else 0o444)
            if os.geteuid() == 0:
                os.chown(path, 65534, 65534)
    yield made
    for home in made.values():
        for path in (home, *home.rglob("*")):
            if path.is_dir():
                path.chmod(0o755)


@pytest.fixture(scope="module")
def told(origin: Path, homes: dict[str, Path]) -> dict[str, dict[str, Any]]:
    """What a process says of each home that has no right to write there."""
    prefix: list[str] = []
    if os.geteuid() == 0:
        prefix = ["setpriv", "--bounding-set=-dac_override,-fowner", "--inh-caps=-dac_override,-fowner"]
        if shutil.which("setpriv") is None:
            pytest.skip("setpriv is missing (util-linux), and root may write everywhere")
    return dict(zip(homes, read(prefix, origin, *homes.values()), strict=True))


def read(prefix: list[str], origin: Path, *homes: Path) -> list[dict[str, Any]]:
    child = subprocess.run(
        [*prefix, sys.executable, "-c", READ, str(origin / "articles"), *map(str, homes)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert child.returncode == 0, child.stderr[-2000:]
    every: list[dict[str, Any]] = [json.loads(line) for line in child.stdout.splitlines()]
    assert "writable" not in every, "this process may write there after all"
    return every


def holds(told: dict[str, Any], origin: Path) -> None:
    temei = Temei(Settings(home=origin / "home"), embedder=FakeEmbedder())
    hits = temei.retrieve("The lid of the kettle is made of brass.")
    rows = temei.index.documents()
    document = temei.document(rows[0].id)
    assert told["hits"] == [[hit.passage.id, round(hit.score, 4)] for hit in hits]
    assert told["documents"] == [row.title for row in rows]
    assert document is not None
    assert told["text"] == document.text
    assert "TEMEI_HOME" in told["writing"]
    assert "TEMEI_HOME" in told["creating"]
    assert "move" not in str(told)


def test_a_home_of_somebody_else_answers(told: dict[str, dict[str, Any]], origin: Path) -> None:
    holds(told["nothing"], origin)
    assert [subject for subject, ok, _ in told["nothing"]["doctor"] if not ok] == ["calibration"], "the model is a fake"
    assert told["nothing"]["said"] == []


@pytest.mark.parametrize("gone", GONE[1:])
def test_what_is_missing_of_a_home_of_somebody_else_is_made_apart(
    told: dict[str, dict[str, Any]], origin: Path, gone: str
) -> None:
    holds(told[gone], origin)
    assert "made again" in str(told[gone]["said"])


def test_what_a_writer_had_not_moved_into_the_file_is_read_too(told: dict[str, dict[str, Any]]) -> None:
    assert len(told["in use"]["documents"]) == 4


def test_a_disk_that_is_mounted_to_be_read_answers(origin: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(origin / "home", tmp_path / "mounted"))
    if shutil.which("unshare") is None:
        pytest.skip("unshare is missing (util-linux), so that nothing can be mounted")
    mounted = f"mount --bind '{home}' '{home}' && mount -o remount,bind,ro '{home}'"
    if subprocess.run([*ALONE, "sh", "-c", mounted], capture_output=True).returncode:
        pytest.skip("this user may not mount in a namespace of its own")

    (told,) = read([*ALONE, "sh", "-c", f'{mounted} && exec "$@"', "sh"], origin, home)

    holds(told, origin)
    assert told["said"] == []
