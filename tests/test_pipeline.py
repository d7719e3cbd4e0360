"""Ingestion: the index holds exactly what the files say, however often, and whatever happens in between."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chromadb import Collection
from conftest import ARTICLES, ROOT, check_whole, write_articles
from fakes import FakeEmbedder

from ingest import IngestReport, add, bounds, ingest, rebuild
from rag import Document, Passage, Settings, Temei, TemeiError
from rag.errors import LockedIndexError, MissingIndexError, StaleIndexError
from rag.index import changes, pending
from rag.index.index import Index
from rag.index.records import sentence_texts
from rag.index.search_index import SearchIndex


def texts(index: Index) -> list[str]:
    """Return the texts of the documents, so that a doubled one shows."""
    return sorted(index.document(row.id).text for row in index.documents())


def on_disk(folder: Path) -> list[str]:
    return sorted({path.read_bytes().decode() for path in folder.rglob("*") if path.is_file()})


def finds(index: Index, sentence: str) -> bool:
    """Say whether a search for a sentence finds a passage that holds it."""
    hits = Temei(index.settings, embedder=index.embedder).retrieve(sentence)
    return any(sentence in hit.passage.text for hit in hits)


def nothing_but(report: IngestReport, **expected: list[str]) -> bool:
    return {name: value for name, value in vars(report).items() if value} == expected


def test_a_first_ingestion(fake_index: Index, fake: FakeEmbedder, articles: Path) -> None:
    report = ingest([articles], fake_index)

    assert nothing_but(report, added=[str(articles / name) for name in ARTICLES])
    assert texts(fake_index) == sorted(ARTICLES.values())
    check_whole(fake_index)
    assert finds(fake_index, "The lid of the kettle is made of brass.")
    row = next(row for row in fake_index.documents() if row.title == "Delta Dunării")
    assert row.url == "https://example.org/delta"


def test_the_sentences_of_a_passage_are_put_into_words_once(
    fake_index: Index, articles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    def counted(passage: Passage) -> list[str]:
        told.append(passage.id)
        return sentence_texts(passage)

    for module in (add, changes):
        monkeypatch.setattr(module, "sentence_texts", counted)

    ingest([articles], fake_index)

    assert sorted(told) == sorted(passage.id for passage in fake_index.scan())


def test_the_second_ingestion_changes_and_embeds_nothing(fake_index: Index, fake: FakeEmbedder, articles: Path) -> None:
    ingest([articles], fake_index)
    embedded, generation, rows = list(fake.passages), fake_index.generation, fake_index.documents()

    report = ingest([articles], fake_index)

    assert nothing_but(report, unchanged=[str(articles / name) for name in ARTICLES])
    assert fake.passages == embedded
    assert fake_index.generation == generation
    assert fake_index.documents() == rows


def test_a_file_of_the_same_bytes_is_not_read_for_its_text_again(
    fake_index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "a.html").write_text("<html><body><p>The owl flies without a sound.</p></body></html>")
    assert ingest([folder], fake_index).added == [str(folder / "a.html")]

    def extract(*arguments: object) -> None:
        raise AssertionError("it was read again")

    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["ingest.load"], "extract", extract)
        shutil.copy(folder / "a.html", folder / "b.html")
        report = ingest([folder], fake_index)
    assert report.unchanged == [str(folder / "a.html")]
    assert report.duplicates == [f"{folder / 'b.html'} (same text as {folder / 'a.html'})"]

    (folder / "a.html").unlink()
    assert ingest([folder], fake_index).renamed == [f"{folder / 'a.html'} -> {folder / 'b.html'}"]
    check_whole(fake_index)


def test_a_sentence_in_two_passages_is_embedded_once(settings: Settings, tmp_path: Path) -> None:
    sentences = [f"Propoziția {n} vorbește despre râul {n}." for n in range(30)]
    (tmp_path / "a.txt").write_text(" ".join(sentences))
    fake = FakeEmbedder()
    index = Index(settings.model_copy(update={"passage_tokens": 40}), fake, create=True)

    ingest([tmp_path / "a.txt"], index)

    assert len(index) > 3
    assert fake.passages == sentences


def test_a_changed_file_replaces_its_passages(fake_index: Index, fake: FakeEmbedder, articles: Path) -> None:
    ingest([articles], fake_index)
    fake.passages.clear()
    (articles / "kettle.txt").write_text("A kettle whistles when it boils.")

    report = ingest([articles], fake_index)

    assert report.changed == [str(articles / "kettle.txt")]
    assert len(report.unchanged) == 2
    assert fake.passages == ["A kettle whistles when it boils."]
    assert texts(fake_index) == on_disk(articles)
    check_whole(fake_index)
    assert finds(fake_index, "A kettle whistles when it boils.")
    assert not finds(fake_index, "The lid of the kettle is made of brass.")


def test_a_document_without_a_file_is_not_pruned(fake_index: Index, articles: Path) -> None:
    with fake_index.writing():
        passage = Passage("p", "d", "Notă", "notă", 0, 9, "Un ceasl.", "ro", ((0, 9),))
        fake_index.add(
            Document("d", "Notă", "notă", "Un ceasl.", "ro"), [passage], [fake_index.embedder.encode_passages(["Un"])]
        )

    report = ingest([articles], fake_index, prune=True, everywhere=True)

    assert (report.removed, report.problems) == ([], [])
    assert "d" in {record.id for record in fake_index.documents()}


def test_a_deleted_file_stays_until_it_is_pruned(fake_index: Index, articles: Path) -> None:
    ingest([articles], fake_index)
    (articles / "kettle.txt").unlink()

    report = ingest([articles], fake_index)
    assert report.missing == [str(articles / "kettle.txt")]
    assert not report.problems
    assert len(fake_index.documents()) == 3

    report = ingest([articles], fake_index, prune=True)
    assert report.removed == [str(articles / "kettle.txt")]
    assert not report.missing
    assert texts(fake_index) == on_disk(articles)
    check_whole(fake_index)


def test_pruning_keeps_to_the_paths_that_are_named(fake_index: Index, articles: Path, tmp_path: Path) -> None:
    other = tmp_path / "articles-2"
    other.mkdir()
    (other / "rest.txt").write_text("Textul celălalt.")
    ingest([articles, other], fake_index)
    (articles / "kettle.txt").unlink()
    (other / "rest.txt").unlink()

    assert ingest([articles], fake_index, prune=True).removed == [str(articles / "kettle.txt")]
    assert "Textul celălalt." in texts(fake_index)
    assert ingest([articles], fake_index, prune=True, everywhere=True).removed == [str(other / "rest.txt")]
    assert texts(fake_index) == on_disk(articles)


def test_pruning_one_deleted_file_by_name(fake_index: Index, articles: Path) -> None:
    ingest([articles], fake_index)
    (articles / "kettle.txt").unlink()

    report = ingest([articles / "kettle.txt"], fake_index, prune=True)

    assert nothing_but(report, removed=[str(articles / "kettle.txt")])


def test_pruning_everything_leaves_an_index_that_can_be_filled_again(fake_index: Index, articles: Path) -> None:
    ingest([articles], fake_index)
    for path in articles.iterdir():
        path.unlink()

    assert len(ingest([articles], fake_index, prune=True).removed) == 3
    assert len(fake_index) == 0
    with pytest.raises(MissingIndexError, match="temei ingest"):
        Temei(fake_index.settings, embedder=fake_index.embedder).answer("Ce este?")

    (articles / "nou.txt").write_text("Un text nou.")
    ingest([articles], fake_index)
    assert finds(fake_index, "Un text nou.")


def test_a_renamed_file_costs_no_embedding(fake_index: Index, fake: FakeEmbedder, articles: Path) -> None:
    ingest([articles], fake_index)
    embedded = list(fake.passages)
    (articles / "sub").mkdir()
    (articles / "kettle.txt").rename(articles / "sub" / "ceainic.txt")

    report = ingest([articles], fake_index, prune=True)

    assert report.renamed == [f"{articles / 'kettle.txt'} -> {articles / 'sub' / 'ceainic.txt'}"]
    assert not report.added + report.removed + report.missing
    assert fake.passages == embedded
    check_whole(fake_index)
    row = next(row for row in fake_index.documents() if row.source.endswith("ceainic.txt"))
    assert row.title == "Ceainic"
    (hit, *_) = Temei(fake_index.settings, embedder=fake).retrieve("The lid of the kettle is made of brass.")
    assert (hit.passage.title, hit.passage.source) == (row.title, row.source)


def test_a_file_moved_over_another(fake_index: Index, fake: FakeEmbedder, articles: Path) -> None:
    ingest([articles], fake_index)
    embedded = list(fake.passages)
    (articles / "kettle.txt").replace(articles / "wuzhen.txt")

    ingest([articles], fake_index, prune=True)

    assert fake.passages == embedded
    assert texts(fake_index) == on_disk(articles)
    check_whole(fake_index)


def test_the_same_text_twice_is_one_document(fake_index: Index, articles: Path) -> None:
    shutil.copy(articles / "kettle.txt", articles / "z-copy.txt")

    report = ingest([articles], fake_index)

    assert report.duplicates == [f"{articles / 'z-copy.txt'} (same text as {articles / 'kettle.txt'})"]
    assert texts(fake_index) == on_disk(articles)
    check_whole(fake_index)

    (articles / "kettle.txt").unlink()
    report = ingest([articles], fake_index, prune=True)
    assert report.renamed == [f"{articles / 'kettle.txt'} -> {articles / 'z-copy.txt'}"]
    assert texts(fake_index) == on_disk(articles)


def test_two_files_that_swapped_their_texts(fake_index: Index, articles: Path) -> None:
    ingest([articles], fake_index)
    kettle, wuzhen = articles / "kettle.txt", articles / "wuzhen.txt"
    one, other = kettle.read_bytes(), wuzhen.read_bytes()
    kettle.write_bytes(other)
    wuzhen.write_bytes(one)

    ingest([articles], fake_index, prune=True)

    assert texts(fake_index) == on_disk(articles)
    check_whole(fake_index)


def test_a_copy_outlives_the_change_of_its_original(fake_index: Index, articles: Path) -> None:
    ingest([articles], fake_index)
    shutil.copy(articles / "kettle.txt", articles / "a-copy.txt")
    (articles / "kettle.txt").write_text("Altceva.")

    ingest([articles], fake_index, prune=True)

    assert texts(fake_index) == on_disk(articles)
    check_whole(fake_index)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_to_the_files_the_index_follows(fake_index: Index, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    folder = tmp_path / "articles"
    folder.mkdir()
    names = [folder / f"{letter}.txt" for letter in "abcdef"]
    possible = [f"Textul {n}. A doua propoziție, {n}." for n in range(5)]
    for name in names[:4]:
        name.write_text(chance.choice(possible))
    done = []
    for _ in range(12):
        for _ in range(chance.randint(1, 3)):
            there = [name for name in names if name.exists()]
            action = chance.choice(["write", "delete", "move", "copy", "swap"])
            one, other = chance.choice(there or names), chance.choice(names)
            done.append(f"{action} {one.name} {other.name}")
            if action == "write" or not there:
                other.write_text(chance.choice(possible))
            elif action == "delete" and len(there) > 1:
                one.unlink()
            elif action == "move":
                one.replace(other)
            elif action == "copy" and one != other:
                shutil.copy(one, other)
            elif action == "swap" and other.exists():
                content = one.read_text(), other.read_text()
                one.write_text(content[1])
                other.write_text(content[0])
        done.append("ingest")
        report = ingest([folder], fake_index, prune=True)

        assert not report.problems
        assert texts(fake_index) == on_disk(folder), done
        for row in fake_index.documents():
            assert Path(row.path).read_text() == fake_index.document(row.id).text, done
    check_whole(fake_index)
    again = ingest([folder], fake_index, prune=True)
    assert not again.added + again.changed + again.renamed + again.removed


def test_bad_files_are_reported_and_the_rest_goes_on(fake_index: Index, articles: Path) -> None:
    bad = {
        "a-utf16.txt": "Două.".encode("utf-16")[:-1],
        "b-bytes.txt": bytes(range(128, 256)),
        "c-empty.txt": b"",
        "m-huge.txt": b"a " * 11_000_000,
    }
    for name, data in bad.items():
        (articles / name).write_bytes(data)

    report = ingest([articles / "nu.txt", articles / "x.xyz", articles], fake_index)

    assert len(report.added) == 3
    assert len(report.problems) == len(bad) + 2
    for name in [*bad, "nu.txt", "x.xyz"]:
        assert sum(name in str(problem) for problem in report.problems) == 1
    assert all("\n" not in str(problem) for problem in report.problems)
    assert texts(fake_index) == sorted(ARTICLES.values())
    check_whole(fake_index)


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS refuses such names itself")
def test_a_file_whose_name_is_not_utf8_does_not_stop_the_rest(fake_index: Index, articles: Path) -> None:
    Path(os.fsdecode(os.fsencode(articles) + b"/caf\xe9.txt")).write_text("Cafea.")

    report = ingest([articles], fake_index)

    assert len(report.added) + len(report.problems) == 4
    assert set(ARTICLES.values()) <= set(texts(fake_index))
    "".join([*map(str, report.problems), *report.added]).encode(errors="surrogateescape")
    check_whole(fake_index)


def test_a_file_that_turned_bad_keeps_what_is_known_of_it(fake_index: Index, articles: Path) -> None:
    ingest([articles], fake_index)
    (articles / "kettle.txt").write_bytes(b"\xff\xfe\0")

    report = ingest([articles], fake_index, prune=True)

    assert len(report.problems) == 1
    assert not report.removed
    assert finds(fake_index, "The lid of the kettle is made of brass.")


def test_sources_are_named_from_the_working_folder(
    fake_index: Index, articles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(articles.parent)
    report = ingest([Path("articles")], fake_index)
    assert report.added == [f"articles/{name}" for name in ARTICLES]

    monkeypatch.chdir(articles)
    assert ingest([Path()], fake_index).unchanged == list(ARTICLES)
    assert [row.source for row in fake_index.documents()] == list(ARTICLES)
    check_whole(fake_index)


def test_progress_is_told_by_sentence(fake_index: Index, articles: Path) -> None:
    told: list[tuple[str, int, int]] = []

    ingest([articles / "wuzhen.txt"], fake_index, advance=lambda *progress: told.append(progress))

    assert told == [(str(articles / "wuzhen.txt"), done, 3) for done in (1, 2, 3)]


@pytest.mark.slow
def test_a_document_of_many_passages_is_added_renamed_and_removed(settings: Settings, tmp_path: Path) -> None:
    class Quick(FakeEmbedder):
        def encode_passages(self, texts, done=lambda count: None):
            return self._vector("una").repeat(len(texts)).reshape(self.dimension, -1).T.copy()

    index = Index(settings.model_copy(update={"passage_tokens": 16}), Quick(), create=True)
    count = 5500  # more than Chroma takes at once
    path = tmp_path / "lung.txt"
    path.write_text(" ".join(f"Aceasta este o altă propoziție: {n}." for n in range(count)))

    ingest([path], index)
    assert len(index) == count
    path = path.rename(tmp_path / "alt.txt")
    assert ingest([path], index).renamed
    assert {meta["source"] for meta in index.vectorstore.get(include=["metadatas"])["metadatas"]} == {str(path)}
    path.unlink()
    ingest([path], index, prune=True)
    assert len(index) == 0


# One writer


HOLD = """
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from fakes import FakeEmbedder
from rag import Settings
from rag.index.index import Index

with Index(Settings(home=Path(sys.argv[1])), FakeEmbedder(), create=True).writing():
    print("writing", flush=True)
    sys.stdin.read()
"""


def python(*arguments: str, **options: object) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    return subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


def test_a_second_writer_is_refused_while_readers_go_on(fake_index: Index, articles: Path) -> None:
    ingest([articles], fake_index)
    (articles / "nou.txt").write_text("Un text nou.")
    with python("-c", HOLD, str(fake_index.settings.home)) as holder:
        assert holder.stdout.readline() == "writing\n"

        with pytest.raises(LockedIndexError) as caught:
            ingest([articles], fake_index)

        assert "\n" not in str(caught.value)
        assert len(fake_index.documents()) == 3
        assert finds(fake_index, "The lid of the kettle is made of brass.")
        holder.communicate("")
    assert ingest([articles], fake_index).added == [str(articles / "nou.txt")]
    check_whole(fake_index)


def test_a_second_index_of_the_same_process_may_not_write_either(fake_index: Index, articles: Path) -> None:
    other = Index(fake_index.settings, fake_index.embedder)

    with fake_index.writing(), pytest.raises(LockedIndexError):
        ingest([articles], other)
    assert len(ingest([articles], other).added) == 3


def test_an_open_reader_sees_what_another_index_writes(fake_index: Index, articles: Path) -> None:
    ingest([articles], fake_index)
    reader = Temei(fake_index.settings, embedder=FakeEmbedder())
    assert reader.retrieve("kettle")
    (articles / "nou.txt").write_text("Bufnița zboară fără zgomot.")
    (articles / "kettle.txt").unlink()

    ingest([articles], fake_index, prune=True)

    (hit, *_) = reader.retrieve("Bufnița zboară fără zgomot.")
    assert hit.passage.text == "Bufnița zboară fără zgomot."
    assert hit.lexical > 0
    assert "kettle" not in "".join(hit.passage.text for hit in reader.retrieve("kettle"))


# Interrupted


@pytest.mark.parametrize("sentence", [1, 2, 5, 6, 8, 10])
@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_ingestion_is_taken_up_again(
    settings: Settings, articles: Path, sentence: int, stop: type[BaseException]
) -> None:
    index = Index(settings, FakeEmbedder(stop_at=sentence, stop=stop), create=True)

    with pytest.raises(stop):
        ingest([articles], index)

    check_whole(index)
    there = texts(index)
    assert len(there) < 3
    if there:
        assert finds(index, "Pelicanii albi cuibăresc pe lacul Roșca.")
    index.close()
    fake = FakeEmbedder()
    index = Index(settings, fake)
    report = ingest([articles], index)
    assert (len(report.unchanged), len(report.added)) == (len(there), 3 - len(there))
    assert len(report.added) == 3 or not any("Delta" in text for text in fake.passages)
    assert texts(index) == sorted(ARTICLES.values())
    check_whole(index)


def failing(method: str, collection: str, monkeypatch: pytest.MonkeyPatch, after: int = 0) -> None:
    """Let a Chroma collection's method raise KeyboardInterrupt once, on the call behind the first ``after``."""
    real = getattr(Collection, method)
    calls = 0

    def interrupted(self: Collection, *arguments: object, **options: object) -> object:
        nonlocal calls
        if self.name == collection:
            calls += 1
            if calls == after + 1:
                raise KeyboardInterrupt
        return real(self, *arguments, **options)

    monkeypatch.setattr(Collection, method, interrupted)


@pytest.mark.parametrize(
    ("method", "collection", "after"),
    [
        ("upsert", "temei-passages", 0),
        ("upsert", "temei-documents", 0),
        ("upsert", "temei-passages", 2),
        ("upsert", "temei-documents", 2),
        ("modify", "temei-passages", 0),
        ("modify", "temei-passages", 1),
    ],
)
def test_an_interruption_between_the_writes_leaves_no_half_document(
    settings: Settings, articles: Path, monkeypatch: pytest.MonkeyPatch, method: str, collection: str, after: int
) -> None:
    index = Index(settings, FakeEmbedder(), create=True)
    with monkeypatch.context() as patch:
        patch.setattr(pending, "MOST_PASSAGES", 1)  # so that there are several writes
        failing(method, collection, patch, after)
        with pytest.raises(KeyboardInterrupt):
            ingest([articles], index)
    index.close()

    index = Index(settings, FakeEmbedder())
    check_whole(index)
    ingest([articles], index)
    assert texts(index) == sorted(ARTICLES.values())
    check_whole(index)


def test_many_small_documents_are_written_in_few_calls(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    real = Collection.upsert
    monkeypatch.setattr(pending, "MOST_SECONDS", 600.0)
    monkeypatch.setattr(Collection, "upsert", lambda self, **given: (calls.append(self.name), real(self, **given)))
    for number in range(250):
        (tmp_path / f"{number}.txt").write_text(f"Nota {number} spune ceva despre lucrul {number}.")

    index = Index(settings, FakeEmbedder(), create=True)
    report = ingest(tmp_path.glob("*.txt"), index)

    assert len(report.added) == len(index.documents()) == len(index) == 250
    assert calls.count("temei-passages") == calls.count("temei-documents") == 2
    check_whole(index)


@pytest.mark.parametrize("after", [0, 1])
def test_an_interruption_while_documents_wait_keeps_those_that_were_read(
    settings: Settings, articles: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    index = Index(settings, FakeEmbedder(), create=True)
    done = 0

    def advance(source: str, embedded: int, total: int) -> None:
        nonlocal done
        done += embedded == total
        if done > after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest([articles], index, advance=advance)

    check_whole(index)
    assert len(index.documents()) == after
    ingest([articles], index)
    assert texts(index) == sorted(ARTICLES.values())
    check_whole(index)


@pytest.mark.parametrize("new", ["Unu.", "Doi.", "Trei.", "Patru.", "Cinci."])
@pytest.mark.parametrize("collection", ["temei-documents", "temei-passages"])
def test_an_interrupted_replacement_is_finished_by_the_next_run(
    fake_index: Index, articles: Path, monkeypatch: pytest.MonkeyPatch, collection: str, new: str
) -> None:
    ingest([articles], fake_index)
    (articles / "kettle.txt").write_text(new)
    with monkeypatch.context() as patch:
        failing("delete", collection, patch)
        with pytest.raises(KeyboardInterrupt):
            ingest([articles], fake_index)

    ingest([articles], fake_index)

    assert texts(fake_index) == on_disk(articles)
    check_whole(fake_index)


def test_a_full_disk_while_the_lexical_index_is_saved(
    settings: Settings, articles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = Index(settings, FakeEmbedder(), create=True)

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(SearchIndex, "build", full)
        with contextlib.suppress(OSError, TemeiError):
            ingest([articles], index)
    index.close()

    index = Index(settings, FakeEmbedder())
    check_whole(index)
    assert texts(index) == sorted(ARTICLES.values())


# Rebuilt


def everything(index: Index) -> list[tuple[object, ...]]:
    rows = index.documents()
    return [(index.document(row.id), row.path, row.passages, row.characters) for row in rows]


def test_rebuilding_with_another_model_keeps_all_documents(
    fake_index: Index, settings: Settings, articles: Path
) -> None:
    ingest([articles], fake_index)
    before = everything(fake_index)
    for path in articles.iterdir():
        path.unlink()  # the stored texts are enough
    other = FakeEmbedder("other", 48)
    with pytest.raises(StaleIndexError, match="temei ingest --rebuild"):
        Index(settings, other)

    index = Index(settings, other, accept_stale=True)
    sources = rebuild(index)

    assert sources == [row.source for row in index.documents()]
    assert everything(index) == before
    check_whole(index)
    assert finds(index, "The lid of the kettle is made of brass.")
    index.close()
    index = Index(settings, other)
    check_whole(index)
    with pytest.raises(StaleIndexError):
        Index(settings, FakeEmbedder())


def test_rebuilding_with_another_passage_size(fake_index: Index, settings: Settings, articles: Path) -> None:
    ingest([articles], fake_index)
    before = len(fake_index)

    index = Index(settings.model_copy(update={"passage_tokens": 16}), FakeEmbedder())
    rebuild(index)

    assert len(index) > before
    check_whole(index)


@pytest.mark.parametrize("sentence", [1, 6, 9])
def test_an_interrupted_rebuild_loses_nothing(
    fake_index: Index, settings: Settings, articles: Path, sentence: int
) -> None:
    ingest([articles], fake_index)
    before = everything(fake_index)
    index = Index(settings, FakeEmbedder("other", stop_at=sentence), accept_stale=True)
    with pytest.raises(KeyboardInterrupt):
        rebuild(index)
    index.close()

    # Either the index says that it must be rebuilt, or the next ingestion completes it.
    try:
        index = Index(settings, FakeEmbedder("other"))
        ingest([articles], index)
    except StaleIndexError:
        index = Index(settings, FakeEmbedder("other"), accept_stale=True)
        rebuild(index)

    assert everything(index) == before
    check_whole(index)


def test_a_reader_open_during_a_rebuild_is_not_told_to_move_the_index_away(
    fake_index: Index, settings: Settings, articles: Path
) -> None:
    ingest([articles], fake_index)
    reader = Temei(settings, embedder=FakeEmbedder())
    assert reader.retrieve("kettle")

    rebuild(fake_index)

    assert "kettle" in reader.retrieve("The lid of the kettle is made of brass.")[0].passage.text
    assert reader.document(fake_index.documents()[0].id) is not None


@pytest.mark.parametrize("apart", [False, True])
def test_a_reader_who_asks_during_a_rebuild_is_not_misled(
    fake_index: Index, settings: Settings, articles: Path, apart: bool
) -> None:
    ingest([articles], fake_index)
    reader = Temei(settings, embedder=FakeEmbedder())
    reader.retrieve("kettle")
    if apart:  # having seen a change, the reader has a Chroma engine of its own, as in another process
        (articles / "lynx.txt").write_text("The lynx hunts at dawn.")
        ingest([articles], fake_index)
        reader.retrieve("kettle")
    said: list[str] = []

    def ask(*_: object) -> None:
        try:
            said.append("".join(hit.passage.text for hit in reader.retrieve("kettle")))
        except TemeiError as error:
            said.append(str(error))

    rebuild(fake_index, advance=ask)
    ask()

    assert len(said) > 5
    assert all("A kettle boils" in text for text in said), said


def test_a_rebuild_in_the_middle_of_a_search_is_no_traceback(
    fake_index: Index, settings: Settings, articles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest([articles], fake_index)
    reader = Temei(settings, embedder=FakeEmbedder())
    vectors = reader.index.vectors

    def overtaken(*arguments: object) -> object:
        rebuild(fake_index)
        return vectors(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(reader.index, "vectors", overtaken)
        with contextlib.suppress(TemeiError):
            reader.retrieve("kettle")
    assert reader.retrieve("The lid of the kettle is made of brass.")


# Killed

POINTS = ["embedding", "vectors", "passages", "record", "lexical", "generation", "removing", "a while", "rebuild"]
"""Where an ingestion is killed."""

KILL = """
import os, signal, sqlite3, sys, time
from pathlib import Path
from chromadb import Collection
from fakes import FakeEmbedder
from ingest import ingest, rebuild, split
from ingest.load import to_document
from rag import Settings
from rag.index.index import Index
from rag.index.passage_cache import PassageCache
from rag.index.vectors import PassageVectors

root = Path(sys.argv[1])


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def patch(owner, name, when, after=False):
    real = getattr(owner, name)

    def patched(self, *arguments, **options):
        dying = when(self)
        if dying and not after:
            die()
        result = real(self, *arguments, **options)
        if dying:
            die()
        return result

    setattr(owner, name, patched)


class Dying(FakeEmbedder):
    at = 0

    def encode_passages(self, texts, done=lambda n: None):
        vectors = super().encode_passages(texts, lambda n: die() if len(self.passages) == self.at else None)
        return vectors


def run(point):
    home, articles = root / point / "home", root / point / "articles"
    fake = Dying()
    index = Index(Settings(home=home), fake)
    (articles / "lynx.txt").write_text("The lynx hunts at dawn. It lives in the Carpathians.")
    (articles / "kettle.txt").write_text("A kettle whistles when it boils. It is made of copper.")
    if point == "embedding":
        fake.at = len(fake.passages) + 3
    elif point == "vectors":
        patch(PassageVectors, "put", lambda self: True, after=True)
    elif point == "passages":
        patch(Collection, "upsert", lambda self: self.name == "temei-passages", after=True)
    elif point == "record":
        patch(Collection, "upsert", lambda self: self.name == "temei-documents", after=True)
    elif point == "lexical":
        patch(PassageCache, "highest", lambda self: True)
    elif point == "generation":
        patch(Index, "_make", lambda self: True, after=True)
    elif point == "removing":
        patch(Collection, "delete", lambda self: self.name == "temei-documents", after=True)
    elif point == "a while":
        fake.delay = 0.2
        print("ready", flush=True)
    elif point == "rebuild":
        fake.at = len(fake.passages) + 7
        index = Index(Settings(home=home), fake, accept_stale=True)
        rebuild(index)
    ingest([articles], index)


split(to_document("Load once.", source="", name="what every child needs"), 99)
for point in sys.argv[2:]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writing, 1)
        run(point)
        os._exit(0)
    if point == "a while":
        os.read(reading, 1)
        time.sleep(0.3)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    print(point, os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, flush=True)
"""


@pytest.fixture(scope="module")
def killed(empty_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of ingestions, each killed at one of the points; forked from one process to save its imports."""
    root = tmp_path_factory.mktemp("killed")
    for point in POINTS:
        shutil.copytree(empty_home, root / point / "home")
        index = Index(Settings(home=root / point / "home"), FakeEmbedder())
        ingest([write_articles(root / point / "articles")], index)
        index.close()
    with python("-c", KILL, str(root), *POINTS) as process:
        said, _ = process.communicate(timeout=120)
    assert said.splitlines() == [f"{point} True" for point in POINTS]
    return root


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_ingestion_leaves_an_index_that_answers_and_is_completed(killed: Path, point: str) -> None:
    home, articles = killed / point / "home", killed / point / "articles"
    index = Index(Settings(home=home), FakeEmbedder())
    if point == "rebuild":
        assert len(index.search_index()) == 3, "answers come from before, rather than from a part"
    else:
        check_whole(index)
    assert finds(index, "Pelicanii albi cuibăresc pe lacul Roșca.")
    paths = [row.path for row in index.documents()]
    assert len(paths) == len(set(paths)), "a file's new text stands beside its old one"
    index.close()

    index = Index(Settings(home=home), FakeEmbedder())
    ingest([articles], index)

    assert texts(index) == on_disk(articles)
    check_whole(index)
    assert finds(index, "The lynx hunts at dawn.")
    assert not [path for path in home.iterdir() if path.name.startswith(".")], "rubbish is left"
    again = ingest([articles], index)
    assert nothing_but(again, unchanged=sorted(str(path) for path in articles.iterdir()))


class PanicException(BaseException):
    """As a library in Rust raises where it gives up."""


@pytest.mark.parametrize("stop", [RuntimeError, RecursionError, MemoryError, UnicodeEncodeError, PanicException])
@pytest.mark.parametrize("stage", ["load", "split", "embed"])
def test_whatever_is_raised_over_one_file_the_files_after_it_are_read(
    fake_index: Index, articles: Path, monkeypatch: pytest.MonkeyPatch, stage: str, stop: type[BaseException]
) -> None:
    raised = UnicodeEncodeError("utf-8", "\ud800", 0, 1, "no") if stop is UnicodeEncodeError else stop("b\nad")
    first = articles / "a.txt"
    first.write_text("Un fișier rău. A doua propoziție.", "utf-8")

    def failing(original: Callable[..., Any]) -> Callable[..., Any]:
        def called(given: Any, *arguments: Any, **named: Any) -> Any:
            if "rău" in str(given) or "a.txt" in str(given):
                raise raised
            return original(given, *arguments, **named)

        return called

    if stage == "embed":
        monkeypatch.setattr(fake_index.embedder, "encode_passages", failing(fake_index.embedder.encode_passages))
    else:
        module = bounds if stage == "load" else add
        monkeypatch.setattr(module, stage, failing(getattr(module, stage)))

    report = ingest([articles], fake_index)

    (problem,) = report.problems
    assert "a.txt" in str(problem)
    assert "\n" not in str(problem)
    assert [Path(source).name for source in report.added] == ["delta.md", "kettle.txt", "wuzhen.txt"]
    check_whole(fake_index)

    monkeypatch.undo()
    assert [Path(source).name for source in ingest([articles], fake_index).added] == ["a.txt"]
    check_whole(fake_index)


def test_front_matter_that_cannot_be_used_is_remarked_and_the_text_read(fake_index: Index, articles: Path) -> None:
    (articles / "a.md").write_text("---\ntitle: a: b\n---\nTextul se citește.", "utf-8")
    report = ingest([articles], fake_index)
    assert not report.problems
    (remark,) = report.remarks
    assert "a.md" in str(remark)
    assert len(report.added) == 4


@pytest.mark.parametrize("name", ["loop.txt", "x" * 300 + ".txt", "file.txt/below.txt", "loop.txt/below.txt"])
def test_a_path_that_the_system_refuses_does_not_stop_the_rest(fake_index: Index, articles: Path, name: str) -> None:
    ingest([articles], fake_index)
    (articles / "loop.txt").symlink_to("loop.txt")
    (articles / "file.txt").write_text("Un text.", "utf-8")

    report = ingest([articles / name, articles], fake_index)

    assert [Path(source).name for source in report.added] == ["file.txt"]
    (problem,) = report.problems
    assert "does not exist" in str(problem)


def test_folders_may_be_nested_deeper_than_functions(fake_index: Index, articles: Path) -> None:
    here, levels = os.getcwd(), 1200
    os.chdir(articles)
    try:
        for _ in range(levels):
            os.mkdir("d")
            os.chdir("d")
        assert len(ingest([articles], fake_index).added) == 3
    finally:
        # What removes temporary folders is a function that calls itself.
        for _ in range(levels):
            os.chdir("..")
            os.rmdir("d")
        os.chdir(here)
