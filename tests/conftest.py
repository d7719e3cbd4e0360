"""Shared by all tests: no network, no settings of the developer's own, real Chroma in temporary folders."""

# ruff: noqa: E402 (the environment is set before the imports that read it)

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Before anything imports the libraries that read them.
os.environ["HF_HUB_OFFLINE"] = "1"
for _name in [name for name in os.environ if name.upper().startswith("TEMEI_")]:
    del os.environ[_name]

import pytest
from fakes import FakeEmbedder
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from ingest import ingest, load, split
from rag import Passage, Settings, Temei
from rag.calibration import FittedFor
from rag.errors import DocumentError
from rag.index.index import Index
from rag.models.embeddings import Embedder, open_embedder

ROOT = Path(__file__).resolve().parents[1]
SEEDS = ROOT / "seeds"
SEED = SEEDS / "conferinta-mondiala-a-internetului.txt"

# The same examples every time, so that a check never fails by chance; HYPOTHESIS_PROFILE=explore looks for new ones.
_common: dict[str, Any] = {
    "deadline": None,
    "database": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
}
hypothesis_settings.register_profile("temei", derandomize=True, max_examples=100, **_common)
hypothesis_settings.register_profile("explore", max_examples=3000, **_common)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "temei"))


class NetworkRefusedError(ConnectionRefusedError):
    """A test tried to reach beyond this machine."""


_attempts: list[str] = []


def _is_local(address: object) -> bool:
    if not isinstance(address, tuple):  # a Unix socket
        return True
    host = str(address[0])
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in ("", "localhost")


def _refusing(original: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(self: socket.socket, *arguments: Any) -> Any:
        address = arguments[-1]  # the last of connect(address), sendto(data, flags, address)
        if not _is_local(address):
            _attempts.append(f"{address}")
            raise NetworkRefusedError(f"Tests may not reach the network, and this one tried to reach {address}.")
        return original(self, *arguments)

    return guarded


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, _refusing(getattr(socket.socket, name)))
        yield


@pytest.fixture(autouse=True)
def _no_attempt_on_the_network(_no_network: None) -> Iterator[None]:
    """Fail a test that tried, also where the library under test swallowed the refusal."""
    _attempts.clear()
    yield
    tried = list(_attempts)
    _attempts.clear()
    assert not tried, f"Tests may not reach the network, and this one tried to reach {', '.join(tried)}."


@pytest.fixture(scope="session", autouse=True)
def _away_from_dotenv(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("cwd"))
        yield


@pytest.fixture(scope="session", autouse=True)
def _calibrated_fake() -> Iterator[None]:
    """Let the shipped calibration be that of the fake embedder too, by its usual name: tests of answers count on it."""
    suits = FittedFor.suits
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            FittedFor, "suits", lambda fitted, model: model.name == FakeEmbedder().name or suits(fitted, model)
        )
        yield


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.upper().startswith("TEMEI_")]:
        monkeypatch.delenv(name)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder for Temei's state that does not exist yet."""
    return tmp_path / "home"


@pytest.fixture
def settings(home: Path) -> Settings:
    return Settings(home=home)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder where the `embedder` fixture prepares the bundled model; its parent is the home of `temei`."""
    return tmp_path_factory.mktemp("temei") / "models"


@pytest.fixture(scope="session")
def embedder(models: Path) -> Embedder:
    """The real model, prepared and loaded once."""
    return open_embedder("multilingual-e5-small", models)


@pytest.fixture(scope="session")
def temei(models: Path, embedder: Embedder) -> Temei:
    """The real chain on the real article; do not write to its index."""
    settings = Settings(home=models.parent)
    index = Index(settings, embedder, create=True)
    report = ingest([SEED], index)
    assert len(report.added) == 1
    assert not report.problems
    index.close()
    return Temei(settings, embedder=embedder)


@pytest.fixture
def fake() -> FakeEmbedder:
    return FakeEmbedder()


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of an empty index made with the fake embedder, to be copied: quicker than to make one."""
    home = tmp_path_factory.mktemp("empty") / "home"
    Index(Settings(home=home), FakeEmbedder(), create=True).close()
    return home


@pytest.fixture
def fake_index(empty_home: Path, settings: Settings, fake: FakeEmbedder) -> Iterator[Index]:
    """An empty index with the fake embedder, ready to be written."""
    shutil.copytree(empty_home, settings.home)
    index = Index(settings, fake)
    yield index
    index.close()


def write_articles(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, text in ARTICLES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    """A folder of three short articles, in Romanian, English and Chinese."""
    return write_articles(tmp_path / "articles")


def quotes(passage: Passage) -> list[str]:
    """Return the sentences of a passage."""
    return [passage.text[start - passage.start : end - passage.start] for start, end in passage.sentences]


def check_whole(index: Index) -> None:
    """Check that documents, passages and lexical index agree, and that nothing is lost or doubled."""
    documents = {row.id: index.document(row.id) for row in index.documents()}
    lexical = index.search_index()
    found = index.vectorstore.get(include=["metadatas", "documents"])
    expected = {p.id: p for document in documents.values() for p in split(document, index.settings.passage_tokens)}
    assert sorted(found["ids"]) == sorted(expected)
    assert sorted(lexical.ids) == sorted(expected)
    assert len(index) == len(expected)
    assert index.passages(found["ids"]) == {passage.id: passage for passage in index.scan()} == expected
    for passage in expected.values():
        assert documents[passage.document_id].text[passage.start : passage.end] == passage.text


ARTICLES = {
    "delta.md": (
        "---\ntitle: Delta Dunării\nurl: https://example.org/delta\nlanguage: ro\n---\n# Delta\n\n"
        "Delta Dunării se află în județul Tulcea. Are o suprafață de 3446 de kilometri pătrați. "
        "Pelicanii albi cuibăresc pe lacul Roșca. Cel mai vechi braț este Sfântu Gheorghe.\n\n"
        "Rezervația a intrat în patrimoniul UNESCO în anul 1991."
    ),
    "kettle.txt": (
        "A kettle boils water in three minutes. The lid of the kettle is made of brass.\n"
        "Limescale is removed with vinegar once a month."
    ),
    "wuzhen.txt": "会议在乌镇举行。来自八十个国家的代表参加了会议。主席在七月十二日发来贺信。",
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a file of bytes or text under a name; gives its path."""

    def write_bytes(data: bytes | str, name: str = "articol.txt") -> Path:
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return write_bytes


def refused(path: Path, **options: Any) -> str:
    """Return the one line with which a file is refused, which names it."""
    with pytest.raises(DocumentError) as caught:
        load(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message
