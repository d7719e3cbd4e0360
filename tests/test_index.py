"""The index: Chroma and what is derived from it, opened, damaged, mended and read back."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import chromadb
import numpy as np
import pytest
from chromadb.api.shared_system_client import SharedSystemClient
from chromadb.config import Settings as ChromaSettings
from conftest import ARTICLES, check_whole, quotes, write_articles
from fakes import FakeEmbedder
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ingest import ingest, rebuild, split
from rag import Document, Settings, Temei, TemeiError
from rag.errors import CorruptIndexError, MissingIndexError, SettingsError, StaleIndexError
from rag.index.index import Index
from rag.index.paths import embed_paths, under_paths
from rag.index.vectors import SHORT, SHORTER
from rag.text.language import letters, tells_something

BRASS = "The lid of the kettle is made of brass."


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three articles and the home of an index that holds them."""
    folder = tmp_path_factory.mktemp("origin")
    index = Index(Settings(home=folder / "home"), FakeEmbedder(), create=True)
    ingest([write_articles(folder / "articles")], index)
    index.close()
    return folder


@pytest.fixture
def filled(origin: Path, settings: Settings) -> Iterator[Index]:
    """A copy of that index, open."""
    shutil.copytree(origin / "home", settings.home)
    index = Index(settings, FakeEmbedder())
    yield index
    index.close()


@pytest.fixture
def damage(origin: Path, tmp_path: Path) -> Callable[[Callable[[Path], None]], Settings]:
    """Damage another copy, which is not open."""

    def damaged(how: Callable[[Path], None]) -> Settings:
        copy = tmp_path / "copy"
        shutil.copytree(origin / "home", copy)
        how(copy)
        return Settings(home=copy)

    return damaged


def one_line(error: BaseException) -> str:
    message = str(error)
    assert len(message.splitlines()) == 1
    return message


def answers_or_names_the_remedy(settings: Settings) -> None:
    found = ""
    try:
        found = Temei(settings, embedder=FakeEmbedder()).retrieve(BRASS)[0].passage.text
    except TemeiError as error:
        found = one_line(error)
    assert BRASS in found or "run: temei ingest" in found


def test_the_nearest_are_those_that_chroma_finds(filled: Index) -> None:
    configuration = filled.vectorstore._collection.configuration_json
    assert configuration["hnsw"]["space"] == "cosine"

    search_index = filled.search_index()
    near = search_index.ids_of(search_index.vectors.nearest(filled.embedder.encode_query(BRASS), 3))

    stored = filled.vectors(near)
    products = [float(stored[name][0] @ filled.embedder.encode_query(BRASS)) for name in near]
    assert products == sorted(products, reverse=True)
    found = filled.vectorstore.similarity_search_with_score(BRASS, k=3)
    assert [document.id for document, _ in found] == near
    assert [1 - distance for _, distance in found] == pytest.approx(products, abs=2e-3)


def test_no_telemetry(filled: Index) -> None:
    assert filled.vectorstore._client.get_settings().anonymized_telemetry is False


def test_a_missing_index_names_the_command_and_makes_nothing(settings: Settings) -> None:
    with pytest.raises(MissingIndexError, match="temei ingest") as caught:
        Index(settings, FakeEmbedder())

    one_line(caught.value)
    assert not settings.home.exists()
    with pytest.raises(MissingIndexError):
        Temei(settings, embedder=FakeEmbedder()).answer("Ce?")


def test_an_empty_index_is_told_apart_from_a_missing_one(fake_index: Index) -> None:
    with pytest.raises(MissingIndexError, match="temei ingest"):
        Temei(fake_index.settings, embedder=fake_index.embedder).answer("Ce?")
    assert len(fake_index) == 0
    assert fake_index.documents() == []


def test_another_model_is_refused(filled: Index) -> None:
    with pytest.raises(StaleIndexError, match="temei ingest --rebuild") as caught:
        Index(filled.settings, FakeEmbedder("other"))

    assert "fake" in one_line(caught.value)
    assert "other" in str(caught.value)
    with pytest.raises(StaleIndexError):
        Index(filled.settings, FakeEmbedder("other"), create=True)


def test_another_format_is_refused(filled: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("rag.index.made_by.FORMAT", 999)
        with pytest.raises(StaleIndexError, match="temei ingest --rebuild") as caught:
            Index(filled.settings, FakeEmbedder())
        one_line(caught.value)

        index = Index(filled.settings, FakeEmbedder(), accept_stale=True)
        rebuild(index)
        check_whole(Index(filled.settings, FakeEmbedder()))
    with pytest.raises(StaleIndexError):
        Index(filled.settings, FakeEmbedder())


def test_the_same_model_with_another_dimension_is_no_traceback(filled: Index) -> None:
    with pytest.raises(TemeiError) as caught:
        Temei(filled.settings, embedder=FakeEmbedder(dimension=32)).answer(BRASS)

    assert "temei ingest --rebuild" in one_line(caught.value)


def garbage(path: Path) -> None:
    path.write_bytes(b"\xde\xad\xbe\xef" * 5000)


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def scribbled(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for at in range(4096, len(data), 4096):
        data[at : at + 64] = b"\xff" * 64
    path.write_bytes(data)


@pytest.mark.parametrize("how", [garbage, half, scribbled])
@pytest.mark.parametrize("create", [False, True])
def test_a_damaged_database_is_one_line_and_is_left_alone(damage, how: Callable[[Path], None], create: bool) -> None:
    settings = damage(lambda home: how(home / "chroma" / "chroma.sqlite3"))
    before = (settings.home / "chroma" / "chroma.sqlite3").read_bytes()

    with pytest.raises(CorruptIndexError, match="temei ingest --rebuild") as caught:
        check_whole(Index(settings, FakeEmbedder(), create=create))

    assert str(settings.home) in one_line(caught.value)
    assert (settings.home / "chroma" / "chroma.sqlite3").read_bytes() == before


@pytest.mark.parametrize("how", [garbage, half, scribbled, Path.unlink, lambda path: path.write_bytes(b"")])
def test_a_question_is_answered_where_the_database_is_damaged_and_that_is_said(
    filled: Index, damage, how: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    settings = damage(lambda home: how(home / "chroma" / "chroma.sqlite3"))
    reader = Temei(settings, embedder=FakeEmbedder())

    assert reader.retrieve(BRASS) == Temei(filled.settings, embedder=FakeEmbedder()).retrieve(BRASS)
    assert reader.index.documents() == filled.documents()
    (line,) = {record.getMessage() for record in caplog.records}
    assert "run: temei ingest" in line
    assert "\n" not in line


def test_a_schema_that_is_no_text_is_one_line_and_no_panic(damage, capfd: pytest.CaptureFixture[str]) -> None:
    def harm(home: Path) -> None:
        path = home / "chroma" / "chroma.sqlite3"
        path.write_bytes(path.read_bytes().replace(b"CREATE TABLE collections", b"CREATE TABLE c\xffllections"))

    settings = damage(harm)

    with pytest.raises(CorruptIndexError, match="temei ingest --rebuild"):
        Index(settings, FakeEmbedder(), create=True)
    assert Temei(settings, embedder=FakeEmbedder()).retrieve(BRASS)
    assert "panicked" not in capfd.readouterr().err


@pytest.mark.parametrize("how", [garbage, half, scribbled, Path.unlink, lambda path: path.write_bytes(b"")])
@pytest.mark.parametrize("other", [False, True])
def test_a_rebuild_makes_a_damaged_database_again_from_what_is_kept_for_searching(
    filled: Index, damage, how: Callable[[Path], None], other: bool, caplog: pytest.LogCaptureFixture
) -> None:
    settings = damage(lambda home: how(home / "chroma" / "chroma.sqlite3"))
    fake = FakeEmbedder("other", 32) if other else FakeEmbedder()

    index = Index(settings, fake, create=True, accept_stale=True)
    rebuild(index)

    assert index.documents() == filled.documents()
    check_whole(index)
    assert "made again with its 3 documents" in caplog.text
    kept = [path for path in settings.home.iterdir() if path.name.startswith("chroma-damaged")]
    assert bool(kept) == (how is not Path.unlink) or kept, "what was damaged is kept"
    index.close()
    check_whole(Index(settings, fake))


def test_a_missing_database_is_made_again_before_anything_is_added(filled: Index, damage, tmp_path: Path) -> None:
    settings = damage(lambda home: shutil.rmtree(home / "chroma"))
    (tmp_path / "lynx.txt").write_text("The lynx hunts at dawn.")
    fake = FakeEmbedder()

    index = Index(settings, fake, create=True)
    ingest([tmp_path / "lynx.txt"], index)

    assert fake.passages == ["The lynx hunts at dawn."], "the vectors were kept"
    assert len(index.documents()) == len(filled.documents()) + 1
    check_whole(index)


def test_a_foreign_chroma_folder_is_refused_and_kept(home: Path) -> None:
    client = chromadb.PersistentClient(str(home / "chroma"), settings=ChromaSettings(anonymized_telemetry=False))
    client.create_collection("recipes", embedding_function=None).add(ids=["1"], embeddings=[[1.0]], documents=["soup"])

    for create in (False, True):
        with pytest.raises(CorruptIndexError, match="TEMEI_HOME") as caught:
            Index(Settings(home=home), FakeEmbedder(), create=create)
        one_line(caught.value)

    assert [collection.name for collection in client.list_collections()] == ["recipes"]
    assert client.get_collection("recipes").get()["documents"] == ["soup"]


def test_a_home_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    with pytest.raises(TemeiError, match="TEMEI_HOME") as caught:
        Index(Settings(home=tmp_path / "file"), FakeEmbedder(), create=True)

    one_line(caught.value)


def test_a_chroma_folder_without_its_segments_still_answers_or_says_so(damage) -> None:
    def drop(home: Path) -> None:
        for path in (home / "chroma").iterdir():
            if path.is_dir():
                shutil.rmtree(path)

    settings = damage(drop)

    answers_or_names_the_remedy(settings)


LEXICAL = [
    "directions.npy",
    "document_names.npy",
    "document_of.npy",
    "documents.npy",
    "firsts.npy",
    "keys.npy",
    "names.npy",
    "numbers_of.npy",
    "rows.npy",
    "starts.npy",
    "steps.npy",
    "stored.npy",
    "values.npy",
    "vectors.npy",
]


def test_these_are_the_files_of_the_lexical_index(filled: Index) -> None:
    (generation,) = (path for path in (filled.settings.home / "bm25").iterdir() if path.is_dir())

    assert sorted(path.name for path in generation.iterdir() if path.suffix == ".npy") == LEXICAL


def flipped(path: Path) -> None:
    """Change one bit behind the header, which leaves the file's layout as it was."""
    data = bytearray(path.read_bytes())
    data[min(140, len(data) - 1)] ^= 1
    path.write_bytes(data)


HARM = [Path.unlink, garbage, half, flipped, lambda path: path.write_bytes(b"")]


@pytest.mark.parametrize("name", [*LEXICAL, "about.json"])
@pytest.mark.parametrize("how", HARM)
def test_a_damaged_lexical_index_is_made_again_and_that_is_said(
    filled: Index, damage, name: str, how: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    settings = damage(lambda home: [how(path) for path in (home / "bm25").rglob(name)])
    expected = Temei(filled.settings, embedder=FakeEmbedder()).retrieve(BRASS)

    assert Temei(settings, embedder=FakeEmbedder()).retrieve(BRASS) == expected
    assert [record.getMessage().count("made again") for record in caplog.records] == [1]
    check_whole(Index(settings, FakeEmbedder()))
    assert len(caplog.records) == 1, "it is whole now"


def test_files_that_changed_places_are_found_out(filled: Index, damage) -> None:
    def swap(home: Path) -> None:
        one, other = ((home / "bm25").rglob(name) for name in ("rows.npy", "values.npy"))
        (one,), (other,) = list(one), list(other)
        data = one.read_bytes()
        one.write_bytes(other.read_bytes())
        other.write_bytes(data)

    settings = damage(swap)

    check_whole(Index(settings, FakeEmbedder()))
    hits = Temei(settings, embedder=FakeEmbedder()).retrieve(BRASS)
    assert hits == Temei(filled.settings, embedder=FakeEmbedder()).retrieve(BRASS)


@pytest.mark.parametrize("content", ["{}", "[]", "null", '{"generation": 1}', "1e999"])
def test_a_lexical_index_of_another_shape_is_made_again(damage, content: str) -> None:
    settings = damage(lambda home: (home / "bm25" / "about.json").write_text(content))

    check_whole(Index(settings, FakeEmbedder()))


def test_a_lexical_index_of_an_earlier_state_is_not_used(fake_index: Index, articles: Path, tmp_path: Path) -> None:
    filled = fake_index
    ingest([articles], filled)
    shutil.copytree(filled.settings.home / "bm25", tmp_path / "old")
    (articles / "lynx.txt").write_text("The lynx hunts at dawn.")
    (articles / "kettle.txt").unlink()
    ingest([articles], filled, prune=True)
    copy = tmp_path / "copy"
    shutil.copytree(filled.settings.home, copy)
    shutil.rmtree(copy / "bm25")
    shutil.copytree(tmp_path / "old", copy / "bm25")

    index = Index(Settings(home=copy), FakeEmbedder())

    check_whole(index)
    assert index.search_index().words.scores("lynx")[0].max() > 0


def test_a_deleted_lexical_index(damage) -> None:
    settings = damage(lambda home: shutil.rmtree(home / "bm25"))

    check_whole(Index(settings, FakeEmbedder()))
    assert (settings.home / "bm25" / "about.json").exists()


@pytest.mark.parametrize("how", [Path.unlink, garbage, half, scribbled, lambda path: path.write_bytes(b"")])
def test_a_damaged_passage_cache_is_made_again(damage, how: Callable[[Path], None]) -> None:
    def harm(home: Path) -> None:
        for path in list((home / "mirror").iterdir()):
            how(path) if path.suffix == ".sqlite3" else path.unlink()

    settings = damage(harm)

    check_whole(Index(settings, FakeEmbedder()))
    assert BRASS in Temei(settings, embedder=FakeEmbedder()).retrieve(BRASS)[0].passage.text


def test_deleted_vectors_are_embedded_again(filled: Index, damage) -> None:
    settings = damage(lambda home: shutil.rmtree(home / "vectors"))
    names = filled.search_index().ids
    before = filled.vectors(names)
    fake = FakeEmbedder()
    index = Index(settings, fake)

    after = index.vectors(names)

    passages = index.passages(names).values()
    paths = sum(bool(passage.path) for passage in passages)  # each is embedded beside the sentences
    assert len(fake.passages) == paths + sum(len(quotes(passage)) for passage in passages)
    assert all(np.allclose(after[name], before[name], atol=1e-3) for name in names)
    fake.passages.clear()
    index.vectors(names)
    assert fake.passages == []


@pytest.mark.parametrize("how", [garbage, half])
def test_damaged_vectors_are_mended_or_said_in_one_line(damage, how: Callable[[Path], None]) -> None:
    settings = damage(lambda home: [how(path) for path in (home / "vectors").glob("*.sqlite3")])

    answers_or_names_the_remedy(settings)


def test_a_vector_of_the_wrong_size_is_embedded_again_or_said_in_one_line(filled: Index) -> None:
    (path,) = (filled.settings.home / "vectors").glob("*.sqlite3")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE levels SET data = substr(data, 1, 7)")

    answers_or_names_the_remedy(filled.settings)


def test_row_0_is_the_passage_and_the_others_its_sentences(filled: Index) -> None:
    for name, passage in filled.passages(filled.search_index().ids).items():
        rows = filled.vectors([name])[name]
        assert rows.shape == (1 + len(passage.sentences), filled.embedder.dimension)
        expected = FakeEmbedder().encode_passages(quotes(passage))
        expected[[not tells_something(quote) for quote in quotes(passage)]] = 0  # "# Delta"
        expected = under_paths(expected, passage, embed_paths([passage], FakeEmbedder(), {}))
        counts = np.array([letters(quote) for quote in quotes(passage)])
        shorter = 1 - SHORTER * np.exp(-counts / SHORT)
        assert np.linalg.norm(rows[0]) == pytest.approx(1 - SHORTER * np.exp(-counts.sum() / SHORT), abs=2e-3)
        assert np.allclose(rows[1:], expected * shorter[:, None], atol=2e-3)


@hypothesis_settings(max_examples=15)
@given(
    text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=200),
    title=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30),
)
def test_any_document_comes_back_as_it_was(fake_index: Index, text: str, title: str) -> None:
    document = Document(id="d1", title=title, source="ş/ș.txt", text="A. " + text, language="ro", url="u", body=1)
    passages = split(document, 32)
    vectors = [fake_index.embedder.encode_passages(quotes(passage)) for passage in passages]

    with fake_index.writing():
        fake_index.add(document, passages, vectors, path="/p", ingested="today")

    assert fake_index.document("d1") == document
    assert fake_index.passages([passage.id for passage in passages]) == {passage.id: passage for passage in passages}
    with fake_index.writing():
        fake_index.remove(["d1"])
    assert fake_index.document("d1") is None
    assert len(fake_index) == 0


def test_documents_are_listed_with_what_is_known(filled: Index, origin: Path) -> None:
    articles = origin / "articles"
    rows = {row.source: row for row in filled.documents()}

    assert list(rows) == [str(articles / name) for name in ARTICLES]
    row = rows[str(articles / "delta.md")]
    assert (row.title, row.url, row.language) == ("Delta Dunării", "https://example.org/delta", "ro")
    assert (row.characters, row.passages) == (len(ARTICLES["delta.md"]), 1)
    assert filled.document("nu există") is None


def test_it_is_a_langchain_retriever(filled: Index) -> None:
    retriever = filled.vectorstore.as_retriever(search_kwargs={"k": 2})

    found = retriever.invoke(BRASS)

    assert len(found) == 2
    assert BRASS in found[0].page_content
    assert found[0].metadata["title"] == "Kettle"
    start = int(found[0].metadata["start"])
    assert ARTICLES["kettle.txt"][start : start + len(found[0].page_content)] == found[0].page_content


def test_a_search_within_some_documents(filled: Index) -> None:
    ids = {row.title: row.id for row in filled.documents()}
    query = filled.embedder.encode_query(BRASS)
    search_index = filled.search_index()

    (row,) = search_index.vectors.nearest(query, 5, search_index.within([ids["Wuzhen"]]))
    (name,) = search_index.ids_of([row])
    assert filled.passages([name])[name].document_id == ids["Wuzhen"]
    assert search_index.vectors.nearest(query, 5, search_index.within([])) == []
    assert search_index.vectors.nearest(query, 5, search_index.within(["nu există"])) == []


def test_several_homes_do_not_share_state(filled: Index, tmp_path: Path) -> None:
    other = Index(Settings(home=tmp_path / "other"), FakeEmbedder(), create=True)

    assert len(other) == 0
    assert len(filled) == 3


def test_everything_lies_below_home(filled: Index, tmp_path: Path) -> None:
    assert sorted(path.name for path in filled.settings.home.iterdir()) == [
        *[
            "bm25",
            "chroma",
            "ingest.lock",
            "mirror",
            "vectors",
        ]
    ]
    assert list((tmp_path / "work").iterdir()) == []


def test_emptying_the_index_warns_of_nothing(filled: Index) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with filled.writing():
            filled.remove([row.id for row in filled.documents()])
    assert filled.search_index().ids == []


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://localhost", "http://", "nonsense", "http://localhost:port"])
def test_a_chroma_url_that_is_none_is_refused(home: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="CHROMA_URL") as caught:
        Index(Settings(home=home, chroma_url=url), FakeEmbedder(), create=True)

    one_line(caught.value)


def test_a_chroma_server_that_does_not_answer(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)

    with pytest.raises(TemeiError, match=r"http://127\.0\.0\.1:9") as caught:
        Index(Settings(home=home, chroma_url="http://127.0.0.1:9"), FakeEmbedder(), create=True)

    one_line(caught.value)


def test_an_index_opens_chroma_once_and_lets_go_of_it(settings: Settings) -> None:

    def opened() -> int:
        counts = SharedSystemClient._identifier_to_refcount
        return sum(count for path, count in counts.items() if path.startswith(str(settings.home)))

    index = Index(settings, FakeEmbedder(), create=True)
    once = opened()
    assert once > 0
    for _ in range(3):  # an empty store counts as false, and is a store all the same
        assert index.documents() == []
        assert len(index.search_index()) == 0
    with index.writing():
        pass
    assert opened() == once
    index.close()
    assert opened() == 0


_KILLED = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE embedding_metadata SET string_value = 'other'")
connection.execute("CREATE TABLE left_over AS SELECT hex(randomblob(500000))")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_writer_killed_within_a_transaction_left_is_taken_back(empty_home: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(empty_home, home)
    (tmp_path / "a.txt").write_text("Pelicanii cuibăresc pe lacul Roșca.", encoding="utf-8")
    with contextlib.closing(Index(Settings(home=home), FakeEmbedder())) as index:
        ingest([tmp_path / "a.txt"], index)
        (before,) = index.stored_documents()
    database = home / "chroma" / "chroma.sqlite3"
    subprocess.run([sys.executable, "-c", _KILLED, database], check=False)
    assert database.with_name("chroma.sqlite3-journal").stat().st_size > 0, "nothing was left"

    with contextlib.closing(Index(Settings(home=home), FakeEmbedder())) as index:
        assert index.stored_documents() == [before]
        assert len(index) == 1
