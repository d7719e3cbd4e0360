"""Uploads: none takes another document's place, all together are bounded, and what is left behind goes away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from fakes import FakeEmbedder
from gradio.data_classes import FileData, ListFiles
from serving import serving

from ingest import ingest, rebuild
from ingest.pipeline import UPLOADS
from rag import Settings, Temei
from rag.index.index import Index
from ui.api.uploaded_files import sweep
from ui.page.document_list import Added, Given, added_html
from ui.page.documents import LEFT_BEHIND, Documents
from ui.page.upload_cache import cache, claimed
from ui.serve import app

Put = Callable[..., Added]


@pytest.fixture
def temei(settings: Settings, fake: FakeEmbedder) -> Temei:
    return Temei(settings, embedder=fake)


@pytest.fixture
def put(temei: Temei, tmp_path: Path) -> Put:
    """Upload a text under a name, as the page does."""

    def upload(name: str, text: str) -> Added:
        given = tmp_path / f"given-{time.monotonic_ns()}"
        given.write_text(text, "utf-8")
        documents = Documents(temei)
        with documents.taking([Given(given, name)]) as (taken,):
            *_, last = documents.adding(taken)
        assert not given.exists()
        assert not list(documents.folder.glob(".*"))
        return last

    return upload


def shown(temei: Temei) -> dict[str, str]:
    """Return the texts of the documents by their names."""
    rows = Documents(temei).records()
    documents = [temei.document(row.id) for row in rows]
    assert all(document is not None for document in documents)
    assert len({row.path for row in rows}) == len(rows)
    assert all(Path(row.path).exists() for row in rows)
    return {document.source: document.text for document in documents if document is not None}


PAIRS = [
    ("Договор о поставке " * 8 + "2023.txt", "Договор о поставке " * 8 + "2024.txt"),
    ("ж" * 150 + "1.txt", "ж" * 150 + "2.txt"),
    ("🚀.txt", "🎉.txt"),
    ("Q&A?.txt", "Q:A*.txt"),
    ("2024/invoice.md", "2025/invoice.md"),
    ("Preț.txt", "preț.txt"),
    ("CON.txt", "_CON.txt"),
    (".txt", "document.txt"),
    (".a.txt", "a.txt"),
    ("a\\b.txt", "a_b.txt"),
    ("n.txt", "n.md"),
    ("n-2.txt", "n.txt"),
    ("%2e%2e%2fn.txt", "n (2).txt"),
]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_two_names_are_two_documents(temei: Temei, put: Put, first: str, second: str) -> None:
    assert put(first, "Prețul din 2023 este 100 de lei.").key == "added"
    assert put(second, "Prețul din 2024 este 200 de lei.").key == "added"
    assert shown(temei) == {
        first: "Prețul din 2023 este 100 de lei.",
        second: "Prețul din 2024 este 200 de lei.",
    }
    html = Documents(temei).html((), "ro")
    assert "data-replace" not in html


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("invoice.md", "invoice.md"),
        ("cafe\u0301.txt", "caf\u00e9.txt"),
        ("n.txt", " n.txt "),
        ("a\u200bb.txt", "ab.txt"),
        ("x/../n.txt", "x/n.txt"),
        ("ж" * 900 + ".txt", "ж" * 901 + ".txt"),
        ("a\ud800.txt", "a\ud801.txt"),
    ],
)
def test_one_name_twice_is_kept_beside_with_a_number(temei: Temei, put: Put, first: str, second: str) -> None:
    assert put(first, "Prețul este 100 de lei.").key == "added"
    added = put(second, "Prețul este 200 de lei.")
    assert added.key == "beside"
    assert added.detail in added_html([added], "ro")
    texts = shown(temei)
    assert sorted(texts.values()) == ["Prețul este 100 de lei.", "Prețul este 200 de lei."]
    assert texts[added.detail] == "Prețul este 200 de lei."
    assert " (2)." in added.detail


@pytest.mark.parametrize("name", ["", "..", "CON", ".", "/", "\0", "a.txt."])
def test_a_name_without_a_format_is_refused_and_costs_nothing(temei: Temei, put: Put, name: str) -> None:
    put("document.txt", "Prețul este 100 de lei.")
    refused = put(name, "Prețul este 200 de lei.")
    assert refused.failed
    assert "has no format" in str(refused.problem)
    assert shown(temei) == {"document.txt": "Prețul este 100 de lei."}
    assert len(list(Documents(temei).folder.iterdir())) == 1


def test_replacing_is_for_the_user_to_ask_for(temei: Temei, put: Put) -> None:
    documents = Documents(temei)
    put("Preț.md", "Prețul este 100 de lei.")
    put("alt.md", "Altceva.")
    put("Preț.md", "Prețul este 200 de lei.")
    html = documents.html((), "ro")
    assert html.count("data-replace") == 1
    assert "Înlocuiește Preț.md cu acesta" in html
    assert "Replace Preț.md by this one" in documents.html((), "en")
    (new,) = documents.replaceable(documents.records())
    assert documents.replace(new) == "Preț.md"
    assert shown(temei) == {"Preț.md": "Prețul este 200 de lei.", "alt.md": "Altceva."}
    titles = {row.source: row.title for row in documents.records()}
    assert titles == {"Preț.md": "Preț", "alt.md": "Alt"}
    assert {hit.passage.title for hit in temei.retrieve("Prețul este 200 de lei?", 5)} == {"Preț", "Alt"}
    assert len(list(documents.folder.iterdir())) == 2
    assert documents.replace(new) == ""
    assert documents.replace("unknown") == ""
    assert "data-replace" not in documents.html((), "ro")


def test_a_citation_names_an_upload_as_it_was_called(temei: Temei, put: Put) -> None:
    put("Q&A? 🚀.txt", "Prețul abonamentului este de 100 de lei pe lună.")
    (hit, *_) = temei.retrieve("Care este prețul abonamentului?", 1)
    assert hit.passage.source == "Q&A? 🚀.txt"
    assert hit.passage.title == "Q&A? 🚀"


def test_names_outlive_a_rebuild_and_an_ingestion_of_the_folder(temei: Temei, put: Put, fake: FakeEmbedder) -> None:
    put("🚀.txt", "Prețul este 100 de lei.")
    put("🎉.txt", "Prețul este 200 de lei.")
    before = shown(temei)
    index = Index(temei.settings, fake)
    rebuild(index)
    report = ingest([Documents(temei).folder], index)
    assert not report.renamed
    assert shown(temei) == before


def test_a_changed_file_keeps_the_name_it_was_uploaded_by(temei: Temei, put: Put, fake: FakeEmbedder) -> None:
    put("🚀.txt", "Prețul este 100 de lei.")
    (kept,) = Documents(temei).folder.iterdir()
    kept.write_text("Prețul este 300 de lei.", "utf-8")
    index = Index(temei.settings, fake)
    ingest([kept], index)
    (row,) = index.documents()
    assert (row.source, row.title) == ("🚀.txt", "🚀")


def test_uploads_of_an_older_index_go_on(temei: Temei, put: Put, fake: FakeEmbedder) -> None:
    folder = Documents(temei).folder
    folder.mkdir(parents=True)
    (folder / "Preț.md").write_text("Prețul este 100 de lei.", "utf-8")
    ingest([folder / "Preț.md"], Index(temei.settings, fake, create=True))
    documents = Documents(temei)
    (row,) = documents.records()
    assert row.source.endswith("/uploads/Preț.md")
    assert "uploads/" not in documents.html((), "ro")
    assert put("Preț.md", "Prețul este 100 de lei.").key == "unchanged"
    assert put("Preț.md", "Prețul este 200 de lei.").detail == "Preț (2).md"
    (new,) = documents.replaceable(documents.records())
    assert documents.replace(new) == "Preț.md"
    assert shown(temei) == {"Preț.md": "Prețul este 200 de lei."}


def test_a_document_whose_file_is_gone_is_not_displaced(temei: Temei, put: Put) -> None:
    put("n.txt", "Prețul este 100 de lei.")
    (kept,) = Documents(temei).folder.iterdir()
    kept.unlink()
    assert put("n.txt", "Prețul este 200 de lei.").key == "beside"
    assert len(Documents(temei).records()) == 2


def test_two_sources_of_one_name_show_their_folders(temei: Temei, tmp_path: Path, fake: FakeEmbedder) -> None:
    for year in ("2024", "2025"):
        (tmp_path / year).mkdir()
        (tmp_path / year / "invoice.md").write_text(f"Factura din {year}.", "utf-8")
    ingest([tmp_path / "2024", tmp_path / "2025"], Index(temei.settings, fake, create=True))
    html = Documents(temei).html((), "ro")
    assert ">2024/invoice.md<" in html
    assert ">2025/invoice.md<" in html
    assert f">{tmp_path}" not in html


# Bounds


def test_uploads_are_bounded_in_number_and_in_bytes(tmp_path: Path, fake: FakeEmbedder) -> None:
    few = Temei(Settings(home=tmp_path / "few", max_uploads=2), embedder=fake)
    small = Temei(Settings(home=tmp_path / "small", max_uploads_mb=0.01), embedder=fake)

    def put(temei: Temei, name: str, text: str) -> Added:
        (tmp_path / "given").write_text(text, "utf-8")
        documents = Documents(temei)
        with documents.taking([Given(tmp_path / "given", name)]) as (taken,):
            return documents.add(taken, lambda source, done, total: None)

    assert [put(few, f"{n}.txt", f"Textul {n}.").failed for n in range(3)] == [False, False, True]
    refused = put(few, "3.txt", "Textul 3.")
    assert "TEMEI_MAX_UPLOADS" in str(refused.problem)
    assert "nu mai încape" in added_html([refused], "ro")
    Documents(few).remove(Documents(few).records()[0].id)
    assert not put(few, "3.txt", "Textul 3.").failed

    assert not put(small, "a.txt", "Un text. " * 100).failed
    refused = put(small, "b.txt", "Alt text. " * 1000)
    assert "TEMEI_MAX_UPLOADS_MB" in str(refused.problem)
    assert "nu încape în cei 0,01 MB" in added_html([refused], "ro")
    assert [path.name for path in Documents(small).folder.iterdir()] == ["a.txt"]


def test_what_is_uploaded_and_never_claimed_is_bounded(temei: Temei, fake: FakeEmbedder) -> None:
    small = Temei(temei.settings.model_copy(update={"max_uploads_mb": 0.1}), embedder=fake)
    sweep(cache(), -1)
    with serving(app(small)) as address, httpx.Client(base_url=address, timeout=10) as client:
        told = [client.post("/gradio_api/upload", files={"files": (f"{n}.txt", b"a" * 30_000)}) for n in range(5)]
        assert [reply.status_code for reply in told] == [200, 200, 200, 413, 413]
        assert "TEMEI_MAX_UPLOADS_MB" in told[-1].text

        sweep(cache(), -1)
        assert not [path for path in cache().rglob("*") if path.is_file()]
        assert client.post("/gradio_api/upload", files={"files": ("a.txt", b"a" * 30_000)}).status_code == 200
    sweep(cache(), -1)


def test_the_cache_is_swept_by_age(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text("a")
    os.utime(tmp_path / "old" / "a.txt", (0, 0))
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.txt", "new"]


def test_only_files_of_the_cache_are_claimed(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    place = cache() / ("0" * 64)
    place.mkdir(exist_ok=True)
    inside, link = place / "a.txt", place / "link.txt"
    inside.write_text("a")
    link.symlink_to(tmp_path / "secret.txt")
    paths = [inside, tmp_path / "secret.txt", Path("/etc/passwd"), link, cache() / ".." / "x"]
    files = [FileData(path=str(path), orig_name="Q?.txt") for path in paths]
    assert claimed(ListFiles(root=files)) == [Given(inside, "Q?.txt")]
    assert claimed(files[0]) == [Given(inside, "Q?.txt")]
    assert claimed(None) == []
    sweep(cache(), -1)


def test_one_file_named_twice_is_read_twice_and_gone(temei: Temei) -> None:
    place = cache() / "hash"
    place.mkdir()
    (place / "QA.txt").write_text("Prețul este 100 de lei.", "utf-8")
    documents = Documents(temei)
    both = [Given(place / "QA.txt", "Q&A.txt"), Given(place / "QA.txt", "Q:A.txt"), Given(place / "no.txt", "no.txt")]
    with documents.taking(both) as taken:
        assert not place.exists()
        told = [documents.add(one, lambda source, done, total: None).key for one in taken]
    assert told == ["added", "duplicate", "failed"]
    assert [path.name for path in documents.folder.iterdir()] == ["Q_A.txt"]


def test_what_a_stopped_server_left_on_its_way_goes(temei: Temei) -> None:
    documents = Documents(temei)
    documents.folder.mkdir(parents=True)
    for name, age in ((".left", LEFT_BEHIND + 60), (".under-way", 60), ("kept.txt", LEFT_BEHIND + 60)):
        (documents.folder / name).write_text("a")
        os.utime(documents.folder / name, (time.time() - age,) * 2)
    with documents.taking([]):
        assert sorted(path.name for path in documents.folder.iterdir()) == [".under-way", "kept.txt"]


def test_the_cache_goes_with_its_process_and_those_of_the_dead_with_the_next(tmp_path: Path) -> None:
    code = (
        "import json, os, sys; from ui.page.upload_cache import cache; "
        "print(json.dumps([str(cache()), oct(cache().stat().st_mode)])); (cache() / 'a').write_text('a'); "
        "sys.stdout.flush(); [os._exit(1) for _ in sys.argv[1:]]"
    )
    root = str(Path(__file__).parent.parent)
    env = os.environ | {"GRADIO_TEMP_DIR": str(tmp_path / "cache"), "PYTHONPATH": root}

    def run(*arguments: str) -> tuple[Path, str]:
        done = subprocess.run([sys.executable, "-c", code, *arguments], env=env, capture_output=True, text=True)
        where, mode = json.loads(done.stdout)
        return Path(where), mode

    killed, mode = run("kill")
    assert mode == "0o40700"
    assert (killed / "a").exists()
    ended, _ = run()
    assert not ended.exists()
    assert not killed.exists()


def test_an_upload_to_the_page_leaves_nothing_in_the_cache(temei: Temei, fake: FakeEmbedder) -> None:
    Index(temei.settings, fake, create=True).close()
    sweep(cache(), -1)
    with serving(app(temei)) as address, httpx.Client(base_url=address, timeout=20) as client:
        config = client.get("/config").json()
        (event,) = [one for one in config["dependencies"] if [1 for t in one["targets"] if t[1] == "upload"]]
        names = ["Q&A?.txt", "Q:A*.txt", "stricat.txt", "n.xyz"]
        texts = ["Prețul este 1 leu.", "Prețul este 2 lei.", "", "x"]
        sent = [("files", (name, text.encode())) for name, text in zip(names, texts, strict=True)]
        paths = client.post("/gradio_api/upload", files=sent).json()
        files = [
            {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}
            for path, name in zip(paths, names, strict=True)
        ]
        data = [files, None, None]
        asked = {"data": data, "fn_index": event["id"], "session_hash": "abc", "trigger_id": event["targets"][0][0]}
        assert client.post("/gradio_api/queue/join", json=asked).status_code == 200
        with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": "abc"}) as stream:
            for line in stream.iter_lines():
                if "process_completed" in line:
                    assert '"success":true' in line.replace(" ", "")
                    break
    assert shown(temei) == {"Q&A?.txt": "Prețul este 1 leu.", "Q:A*.txt": "Prețul este 2 lei."}
    assert not [path for path in cache().rglob("*") if path.is_file()]
    assert sorted(path.name for path in (temei.settings.home / UPLOADS).iterdir()) == ["Q_A_-2.txt", "Q_A_.txt"]


def test_a_line_end_in_a_name_makes_no_second_line_of_a_refusal(fake_index: Index, tmp_path: Path) -> None:
    for name in ("a\nadded b.txt", "c\r\u2028d.txt", "e\x85.pdf"):
        (tmp_path / name).write_bytes(b"")
        (problem,) = ingest([tmp_path / name], fake_index).problems
        assert len(str(problem).splitlines()) == 1
