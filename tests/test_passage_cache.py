"""The format of the passage cache: its words are counted again when it changes, and its texts are never lost."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ARTICLES, check_whole
from fakes import FakeEmbedder

from ingest import ingest, rebuild
from rag import Settings
from rag.index import passage_cache_file
from rag.index.index import Index
from rag.text.language import terms

NEW_WORD = "xylophone"
"""A word that only the changed way of counting finds in a passage."""


@pytest.fixture
def filled(fake_index: Index, articles: Path) -> Settings:
    """The settings of an index with three articles, which nobody has open."""
    ingest([articles], fake_index)
    fake_index.close()
    return fake_index.settings


@pytest.fixture
def count_otherwise(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Change which words are counted, as a later version of Temei may."""

    def change() -> None:
        monkeypatch.setattr("rag.index.passage_cache.terms", lambda text, language: [*terms(text, language), NEW_WORD])

    return change


@pytest.fixture
def raise_format(count_otherwise: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Change which words are counted, and raise the number of the format."""

    def change() -> None:
        count_otherwise()
        monkeypatch.setattr(passage_cache_file, "FORMAT", passage_cache_file.FORMAT + 1)

    return change


def knows_the_new_word(index: Index) -> bool:
    scores = index.search_index().words.scores(NEW_WORD)[0]
    assert len(scores) == len(ARTICLES)
    assert bool((scores > 0).all()) == bool((scores > 0).any())
    return bool((scores > 0).all())


def opened(settings: Settings, *, create: bool = False, accept_stale: bool = False) -> Index:
    return Index(settings, FakeEmbedder(), create=create, accept_stale=accept_stale)


def ruin_chroma(settings: Settings) -> None:
    (settings.home / "chroma" / "chroma.sqlite3").write_bytes(b"nonsense" * 1000)


def test_a_question_counts_the_words_of_a_cache_in_another_format_again(
    filled: Settings, raise_format: Callable[[], None]
) -> None:
    before = opened(filled)
    raise_format()

    index = opened(filled)

    assert knows_the_new_word(index)
    check_whole(index)
    assert len(before.search_index()) == len(ARTICLES), "who has the one before open can go on"


def test_a_cache_without_a_number_is_counted_again(filled: Settings, count_otherwise: Callable[[], None]) -> None:
    (path,) = (filled.home / "mirror").glob("*.sqlite3")
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM state WHERE name = 'format'")
    count_otherwise()

    assert knows_the_new_word(opened(filled))


def test_a_cache_in_the_present_format_is_used_as_it_is(
    filled: Settings, count_otherwise: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    count_otherwise()
    monkeypatch.setattr("rag.index.generations.InStep._again", lambda *_: pytest.fail("it was made again"))

    assert not knows_the_new_word(opened(filled))


def test_adding_documents_counts_all_words_in_the_present_format(
    filled: Settings, raise_format: Callable[[], None], tmp_path: Path
) -> None:
    (tmp_path / "lynx.txt").write_text("The lynx hunts at dawn.")
    raise_format()
    index = opened(filled, create=True)

    ingest([tmp_path / "lynx.txt"], index)

    scores = index.search_index().words.scores(NEW_WORD)[0]
    assert len(scores) == len(ARTICLES) + 1
    assert (scores > 0).all()
    check_whole(index)


def test_a_rebuild_counts_all_words_again(filled: Settings, count_otherwise: Callable[[], None]) -> None:
    count_otherwise()
    index = opened(filled, create=True, accept_stale=True)

    rebuild(index)

    assert knows_the_new_word(index)
    check_whole(index)


def test_a_rebuild_that_was_cut_short_counts_all_words_again_when_it_goes_on(
    filled: Settings, articles: Path, count_otherwise: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    count_otherwise()
    index = opened(filled, create=True, accept_stale=True)
    with monkeypatch.context() as patch:
        patch.setattr("ingest.pipeline.add_document", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            rebuild(index)
    index.close()

    later = opened(filled, create=True)
    ingest([articles], later)

    assert knows_the_new_word(later)
    check_whole(later)


def _interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_questions_are_answered_from_another_format_where_chroma_is_damaged(
    filled: Settings, raise_format: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    raise_format()
    ruin_chroma(filled)

    index = opened(filled)

    assert not knows_the_new_word(index)
    assert len(index.documents()) == len(ARTICLES)
    assert any("temei ingest --rebuild" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("question_first", [False, True])
@pytest.mark.parametrize("search_files", [True, False], ids=["with search files", "without search files"])
def test_chroma_is_restored_from_a_cache_in_another_format(
    filled: Settings,
    raise_format: Callable[[], None],
    question_first: bool,
    search_files: bool,
) -> None:
    raise_format()
    ruin_chroma(filled)
    if question_first:
        assert len(opened(filled).documents()) == len(ARTICLES)
    if not search_files:
        shutil.rmtree(filled.home / "bm25")

    rebuild(opened(filled, create=True, accept_stale=True))

    index = opened(filled)
    assert len(index.documents()) == len(ARTICLES)
    assert knows_the_new_word(index)
    check_whole(index)


def test_an_unfinished_newer_cache_does_not_hide_the_older_one_that_is_whole(filled: Settings) -> None:
    ruin_chroma(filled)
    shutil.rmtree(filled.home / "bm25")
    passage_cache_file.CacheFile(filled.home / "mirror" / "newer.sqlite3").close()  # a process died as it began it

    rebuild(opened(filled, create=True, accept_stale=True))

    index = opened(filled)
    assert len(index.documents()) == len(ARTICLES)
    check_whole(index)


def test_a_home_that_may_only_be_read_is_answered_in_the_present_format(
    filled: Settings, raise_format: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    raise_format()
    (path,) = (filled.home / "mirror").glob("*.sqlite3")
    before = path.read_bytes()
    monkeypatch.setattr("rag.index.generations.LOCK_SECONDS", 0)
    other = opened(filled, create=True)
    with other._writer.acquire(timeout=0):  # as a home that may not be written: the search files are made apart
        assert knows_the_new_word(opened(filled))

    assert path.read_bytes() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
