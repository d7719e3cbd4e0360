"""What goes wrong reaches a Romanian page in Romanian: real errors, from where they are raised to what is shown."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from fakes import FakeEmbedder
from filelock import FileLock
from starlette.testclient import TestClient

from ingest import ingest
from rag import Settings, Temei
from rag.index import chroma_calls
from rag.index.index import Index
from ui.api.bodies import JSON_BYTES
from ui.api.gate import MOST_UNREAD
from ui.api.rate_limit import RateLimit
from ui.page.conversation import Conversation
from ui.page.document_events import DocumentEvents
from ui.page.document_list import Given, added_html
from ui.page.documents import Documents
from ui.serve import app

ENGLISH = re.compile(r"\b(?:the|is|has|not|cannot|with|run|set|save|wait|remove|too|of|and)\b", re.IGNORECASE)
"""Words that no Romanian line of ours has; names of settings and commands are left out before looking."""
NAMES = re.compile(r"TEMEI_\w+|temei ingest[\w -]*|iconv[^<]*|/\S*")


@pytest.fixture
def library(tmp_path: Path, settings: Settings, fake: FakeEmbedder) -> Temei:
    (tmp_path / "a.md").write_text("# Delta\n\nDelta Dunării este în România.", "utf-8")
    with_index = Index(settings, fake, create=True)
    ingest([tmp_path / "a.md"], with_index)
    with_index.close()
    return Temei(settings, embedder=fake)


def romanian(line: str) -> str:
    """Return a line as a reader sees it, checked to be Romanian."""
    line = unescape(re.sub(r"<[^>]+>", "", line))
    assert line
    assert not ENGLISH.search(NAMES.sub("", line)), line
    return line


def asked(temei: Temei, question: str, rate_limit: RateLimit | None = None) -> str:
    """Return the line that the Romanian page shows where a question fails."""
    visit: Any = SimpleNamespace(client=None, headers={})
    conversation = Conversation(temei, Documents(temei), rate_limit or RateLimit(60, 60))
    with pytest.raises(gr.Error) as caught:
        list(conversation.respond(question, (), (), "ro", visit))
    return romanian(caught.value.message)


def uploaded(temei: Temei, tmp_path: Path, name: str, data: bytes) -> str:
    """Return the line that the Romanian page shows of an uploaded file."""
    (tmp_path / "given").write_bytes(data)
    added = Documents(temei).add(Given(tmp_path / "given", name), lambda source, done, total: None)
    line = added_html([added], "ro")
    if added.failed:
        assert str(added.problem) in unescape(added_html([added], "en"))
    return romanian(re.sub(r'<span lang="en".*?</span>', "", line))


def test_a_question_that_is_not_taken(library: Temei, settings: Settings, fake: FakeEmbedder) -> None:
    short = Temei(settings.model_copy(update={"max_question_chars": 5}), embedder=fake)
    assert asked(library, "\0") == "Întrebarea e goală; întreabă ceva."
    assert asked(short, "Unde este?").startswith("Întrebarea e prea lungă (10 caractere, admise 5)")


def test_an_index_that_cannot_be_searched(tmp_path: Path, fake: FakeEmbedder) -> None:
    empty = Temei(Settings(home=tmp_path / "none"), embedder=fake)
    assert asked(empty, "Unde este delta?").startswith("Nu e nimic de căutat încă")
    (tmp_path / "broken" / "chroma").mkdir(parents=True)
    (tmp_path / "broken" / "chroma" / "chroma.sqlite3").write_bytes(b"SQLite format 3\0" + b"nimic" * 2000)
    broken = Temei(Settings(home=tmp_path / "broken"), embedder=fake)
    shown = asked_raw(broken)
    assert shown.startswith("Baza de date din ")
    assert "temei ingest --rebuild" in shown


def asked_raw(temei: Temei) -> str:
    """Return the line of an error whose reason, in brackets, is what another library says in English."""
    visit: Any = SimpleNamespace(client=None, headers={})
    conversation = Conversation(temei, Documents(temei), RateLimit(60, 60))
    with pytest.raises(gr.Error) as caught:
        list(conversation.respond("Unde este delta?", (), (), "ro", visit))
    shown = caught.value.message
    romanian(re.sub(r"\(.*?\)", "", shown))
    return shown


def test_an_index_made_by_another_model(library: Temei, settings: Settings) -> None:
    assert library.index
    other = Temei(settings, embedder=FakeEmbedder("altul", 32))
    assert "nu cu altul (32)" in asked(other, "Unde este delta?")


def test_a_full_disk(library: Temei, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    calls = chroma_calls.ChromaCalls(settings, FileLock(settings.home / "ingest.lock"), lambda: False)
    monkeypatch.setattr(library, "stream", lambda *_: iter(calls.call(lambda: full()) or ()))
    assert asked_raw(library).startswith("Discul pe care este ")


def test_an_index_that_another_process_writes(library: Temei, tmp_path: Path, settings: Settings) -> None:
    documents = Documents(library)
    (record,) = documents.records()
    visit: Any = SimpleNamespace(client=None, headers={})
    event: Any = SimpleNamespace(document=record.id)
    with FileLock(settings.home / "ingest.lock"):
        with pytest.raises(gr.Error) as caught:
            DocumentEvents(documents).remove((), "ro", visit, event)
        assert romanian(caught.value.message).startswith("Alt program adaugă documente")
        assert "Alt program adaugă documente" in uploaded(library, tmp_path, "n.txt", b"Un text.")


def locked_zip() -> bytes:
    """Return a .docx whose directory says that its part is encrypted."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("word/document.xml", "x")
    data = bytearray(out.getvalue())
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("n.txt", b"\xff\xfe nu", "nu este text UTF-8 (octetul 0)"),
        ("n.txt", b"a\0b", "este un fișier binar"),
        ("n.txt", b" ", "este gol; pune text în el"),
        ("n.pdf", b"", "este gol; salvează-l"),
        ("n.txt", b"%PDF-1.4 x", "este un fișier PDF, nu text simplu"),
        ("n.pdf", b"simplu", "este, după conținut, text simplu"),
        ("n.xyz", b"text", "nu are un format pe care Temei îl citește"),
        ("n.docx", locked_zip(), "este protejat cu parolă"),
        ("n.pdf", b"%PDF-1.7", "este trunchiat"),
        ("n.html", b"<html><script>x()</script></html>", "nu are text care să poată fi citit"),
    ],
)
def test_a_file_that_cannot_be_read(library: Temei, tmp_path: Path, name: str, data: bytes, words: str) -> None:
    line = uploaded(library, tmp_path, name, data)
    assert line.startswith(f"{name} {words}")
    assert str(tmp_path) not in line


def test_a_file_of_another_archive(library: Temei, tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("xl/workbook.xml", "x")
    assert "nu este un document Word, ci un registru Excel;" in uploaded(library, tmp_path, "n.docx", out.getvalue())


def test_a_file_that_there_is_no_room_for(library: Temei, settings: Settings, tmp_path: Path) -> None:
    def small(**limits: float) -> Temei:
        return Temei(settings.model_copy(update=limits), embedder=library.embedder)

    assert "are 2 MB, mai mult decât cei 1 admiși" in uploaded(
        small(max_file_mb=1), tmp_path, "n.txt", b"a" * 2_000_000
    )
    assert "nu încape în cei 0,001 MB" in uploaded(small(max_uploads_mb=0.001), tmp_path, "n.txt", b"a" * 2000)
    few = small(max_uploads=1)
    assert "n.txt adăugat" in uploaded(few, tmp_path, "n.txt", b"Un text.")
    assert "nu mai încape" in uploaded(few, tmp_path, "m.txt", b"Alt text.")


def test_a_remark_about_a_file_that_was_added(library: Temei, tmp_path: Path) -> None:
    line = uploaded(library, tmp_path, "n.md", b"---\na: *x\nb: &x 1\n---\nTextul se citeste.")
    assert line.startswith("n.md adăugat începe cu un antet care nu poate fi folosit (folosește aliasul *x)")
    assert "antet" not in uploaded(library, tmp_path, "m.md", b"---\ntitle: x\n---\nAlt text.")


def test_a_language_model_out_of_reach(settings: Settings, library: Temei) -> None:
    model = {"chat_model": "openai:x", "chat_base_url": "http://127.0.0.1:9/v1", "chat_retries": 0, "min_confidence": 0}
    away = Temei(settings.model_copy(update=model), embedder=library.embedder)
    note = romanian(away.answer("Unde este Delta Dunării în România?").note)
    assert note == "openai:x nu răspunde; acestea sunt cuvintele surselor."
    no_key = Temei(settings.model_copy(update={"chat_model": "openai:x"}), embedder=library.embedder)
    assert asked(no_key, "Unde este delta?").startswith("openai:x are nevoie de o cheie")


@pytest.fixture
def client(library: Temei, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TestClient]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))

    def open_it(**settings: object) -> TestClient:
        changed = Temei(library.settings.model_copy(update=settings), embedder=library.embedder)
        headers = {"accept-language": "ro-RO,ro;q=0.9"}
        return TestClient(app(changed), base_url="http://127.0.0.1:7860", client=("10.1.1.1", 5000), headers=headers)

    return open_it


def test_a_request_that_the_gate_refuses(client: Callable[..., TestClient]) -> None:
    page = client(asks_a_minute=1)
    join = "/gradio_api/queue/join"
    replies = [
        page.get("/nothing"),
        page.get("/", headers={"host": "evil.example"}),
        page.get("/config", headers={"origin": "https://evil.example"}),
        page.post(join, content=b"x" * (JSON_BYTES + 1)),
        page.post(join, content=b"{"),
        page.post(join, json={"data": [], "fn_index": 9999}),
        page.post(join, json={"data": [{"path": "/etc/passwd"}], "fn_index": 0}),
    ]
    for reply in replies:
        assert reply.status_code >= 400
        romanian(reply.json()["detail"])
    many = [page.post(join, content=b"{").json()["detail"] for _ in range(MOST_UNREAD)]
    assert romanian(many[-1]) == "Prea multe deodată; așteaptă un minut."
    told = page.post("/v1/chat/completions", json={}).json()["error"]["message"]
    assert told == "Too many requests at once; wait a minute."  # programs are told in English


def test_an_event_that_fails(client: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(page: TestClient) -> str:
        return str(page.post("/gradio_api/run/ask", json={"data": ["Unde este delta?", None]}).json()["error"])

    page = client(asks_a_minute=1)
    monkeypatch.setattr(Temei, "answer", lambda *_, **__: 1 // 0)
    assert ask(page) == "Nu a mers."
    assert romanian(ask(page)).startswith("Prea multe întrebări într-un minut")
