"""Privacy on disk: what Temei writes is its owner's, and the process that reads a file gets no secret."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import SEED
from fakes import FakeEmbedder

from ingest import ingest
from ingest.sandbox.child import Limits
from ingest.sandbox.extract import environment, extract
from rag import Settings, Temei
from rag.calibration import WITHOUT, Logistic, keep
from rag.files.private import OWN, keep_private, make_private
from rag.index.index import Index
from ui.page.document_list import Given
from ui.page.documents import Documents
from ui.page.feedback import keep_feedback
from ui.page.turn_view import TurnView

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _open_to_all() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    """Return what in a folder, itself included, somebody else than its owner has a right to."""
    found = [folder, *folder.rglob("*")]
    return [str(path) for path in found if path.lstat().st_mode & 0o077 and not path.is_symlink()]


def use(home: Path, fake: FakeEmbedder, tmp_path: Path) -> Temei:
    """Do all that writes: ingest, ask, upload, judge."""
    settings = Settings(home=home)
    index = Index(settings, fake, create=True)
    ingest([SEED], index)
    index.close()
    keep({WITHOUT: Logistic({}, 0.0, {})}, FakeEmbedder("another"), home)
    temei = Temei(settings, embedder=fake)
    temei.answer("Când a fost trimisă scrisoarea de felicitare?")
    (tmp_path / "n.txt").write_text("Vulpea sare peste gard.")
    assert Documents(temei).add(Given(tmp_path / "n.txt", "n.txt"), lambda source, done, total: None).key == "added"
    keep_feedback(home, TurnView("Ce?", "Da."), True)
    return temei


def test_everything_below_home_is_its_owners(home: Path, fake: FakeEmbedder, tmp_path: Path) -> None:
    use(home, fake, tmp_path)
    assert len(list(home.rglob("*"))) > 10
    assert open_to_others(home) == []
    assert set(os.listdir(home)) <= OWN


def test_a_home_that_was_open_is_closed_when_it_is_written_to(home: Path, fake: FakeEmbedder, tmp_path: Path) -> None:
    temei = use(home, fake, tmp_path)
    for write in (
        lambda: ingest([SEED], Index(temei.settings, fake)),
        lambda: keep_feedback(home, TurnView("Ce?", "Da."), False),
    ):
        for path in (home, *home.rglob("*")):
            path.chmod(0o777 if path.is_dir() else 0o666)
        assert open_to_others(home)
        write()
        assert open_to_others(home) == []


def test_what_other_processes_make_later_is_closed_too(home: Path, tmp_path: Path) -> None:
    env = os.environ | {"TEMEI_HOME": str(home), "PYTHONPATH": str(ROOT)}
    for command in (["ingest", str(SEED)], ["ask", "Când a fost trimisă scrisoarea?"], ["sources"]):
        command = [sys.executable, "-c", "from ui.cli import main; main()", *command]
        done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert open_to_others(home) == []


def test_what_is_not_temeis_stays_as_it_is(home: Path, fake: FakeEmbedder, tmp_path: Path) -> None:
    home.mkdir(mode=0o755)
    (home / "script.sh").touch(mode=0o755)
    (tmp_path / "elsewhere").mkdir(mode=0o755)
    (tmp_path / "elsewhere" / "x").touch(mode=0o644)
    (home / "uploads").symlink_to(tmp_path / "elsewhere")
    ingest([SEED], Index(Settings(home=home), fake, create=True))
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (home, home / "script.sh", tmp_path / "elsewhere" / "x")]
    assert modes == [0o755, 0o755, 0o644]
    assert open_to_others(home / "chroma") == []
    keep_private(tmp_path / "nowhere")


def test_a_folder_is_made_for_its_owner_and_one_that_exists_left(tmp_path: Path) -> None:
    make_private(tmp_path / "a" / "b")
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
    (tmp_path / "c").mkdir(mode=0o755)
    make_private(tmp_path / "c")
    assert stat.S_IMODE((tmp_path / "c").stat().st_mode) == 0o755


SECRETS = {
    "OPENAI_API_KEY": "sk-1",
    "TEMEI_AUTH": "user:secret",
    "TEMEI_CHAT_API_KEY": "k",
    "AWS_SECRET_ACCESS_KEY": "k",
    "DATABASE_URL": "postgres://u:p@h",
    "HTTPS_PROXY": "http://u:p@proxy",
    "SSH_AUTH_SOCK": "/tmp/agent",
}
SPY = """
import json, os
from ingest.sandbox.child import Extracted

def spy(data, limits):
    links = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            links[name] = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            pass
    return Extracted(json.dumps({"environment": dict(os.environ), "files": links, "folder": os.getcwd()}))
"""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to see open files")
def test_the_process_that_reads_a_file_gets_no_secret_and_no_open_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "spy_module.py").write_text(SPY)
    monkeypatch.setenv("PYTHONPATH", os.path.relpath(tmp_path))
    secret = os.open(tmp_path / "secret", os.O_CREAT | os.O_RDWR)
    os.set_inheritable(secret, True)
    try:
        told = json.loads(extract(tmp_path / "x", b"data", "spy_module:spy", Limits()).text)
    finally:
        os.close(secret)
    assert not SECRETS.keys() & told["environment"].keys()
    assert not [value for value in told["environment"].values() if value in SECRETS.values()]
    assert "secret" not in "".join(told["files"].values()).replace("(deleted)", "")
    assert told["folder"] == "/"
    # What the interpreter adds by itself, such as LC_CTYPE, tells nothing.
    assert told["environment"].keys() <= environment().keys() | {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"}
