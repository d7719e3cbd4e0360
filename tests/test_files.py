"""Files of the server: no request, through any event and any argument, has one read that nobody uploaded."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakes import FakeEmbedder
from serving import serving

from ingest import ingest
from rag import Settings, Temei
from rag.index.index import Index
from ui import serve
from ui.api.gate import Gate
from ui.api.routes import kind_of
from ui.api.uploaded_files import BLOCK, LEFT_OVER, foreign_files, is_uploaded, size_of, sweep

SECRET = "parola-seifului-4711"
LOGIN = ("ana", "are mere")


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file of the server that the page would read if it were told to."""
    place = tmp_path / "etc" / "secret.txt"
    place.parent.mkdir()
    place.write_text(f"{SECRET} deschide seiful.", "utf-8")
    return place


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Gradio's folder of uploads."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def library(home: Path, tmp_path: Path, **more: Any) -> Temei:
    (tmp_path / "delta.md").write_text("# Delta\n\nDelta Dunării este în România.", "utf-8")
    settings = Settings(home=home, asks_a_minute=10_000, **more)
    ingest([tmp_path / "delta.md"], Index(settings, FakeEmbedder(), create=True))
    return Temei(settings, embedder=FakeEmbedder())


@contextlib.contextmanager
def visiting(temei: Temei, *, has_launched: bool = True) -> Iterator[httpx.Client]:
    """Serve the page; gives a client that is logged in where there is a login."""
    outer = serve.app(temei)
    for route in outer.routes:
        if hasattr(getattr(route, "app", None), "blocks"):
            route.app.blocks.has_launched = has_launched  # type: ignore[attr-defined]
    with serving(outer) as where, httpx.Client(base_url=where, timeout=30) as client:
        if temei.settings.auth:
            assert client.post("login", data=dict(zip(("username", "password"), LOGIN, strict=True))).is_success
        yield client


def shapes(path: str) -> list[Any]:
    """Return what names a file, in all the forms that components and their data take."""
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    whole = file | {"url": path, "orig_name": "n.txt", "mime_type": "text/plain", "is_stream": False, "size": 1}
    return [
        file,
        [whole],
        {"value": [file], "files": [file]},
        [{"role": "user", "content": {"type": "file", "file": file}}],
        [{"question": "?", "text": "x", "citations": [file], "nearest": [[file]], "short": file}],
    ]


def requests(client: httpx.Client, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a request for every event of the page, every argument of it and every form of a file."""
    events = client.get("config").json()["dependencies"]
    assert len(events) > 20
    for event in events:
        for shape in shapes(path):
            about = {"fn_index": event["id"], "session_hash": "abc", "trigger_id": (event["targets"] or [[None]])[0][0]}
            for at in range(len(event["inputs"])):
                given = [shape if at == place else None for place in range(len(event["inputs"]))]
                yield "gradio_api/run/predict", about | {"data": given}
            nothing = [None] * len(event["inputs"])
            yield "gradio_api/run/predict", about | {"data": nothing, "event_data": {"value": shape, "index": [0, 0]}}
            yield "gradio_api/queue/join", about | {"data": nothing, "event_data": shape}
        if event["api_name"]:
            for door in ("run", "api", "call"):
                yield f"gradio_api/{door}/{event['api_name']}", {"data": [shapes(path)[0]]}
            yield f"gradio_api/call/v2/{event['api_name']}", {"question": shapes(path)[0]}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    for shape in shapes(path):
        named = {"name": "ask_json", "arguments": {"question": shape}}
        yield "gradio_api/mcp/", call | {"params": named}
        yield "v1/chat/completions", {"messages": [{"role": "user", "content": [shape]}]}


def found(temei: Temei, cache: Path, replies: list[str]) -> list[str]:
    """Return where the secret has gone."""
    where = [str(file) for file in cache.rglob("*") if file.is_file() and SECRET.encode() in file.read_bytes()]
    where += [row.source for row in temei.index.documents() if "secret" in row.source]
    return where + [reply for reply in replies if SECRET in reply]


@pytest.mark.parametrize("auth", ["", ":".join(LOGIN)], ids=["open", "login"])
def test_no_event_takes_a_file_that_was_not_uploaded(
    home: Path, tmp_path: Path, cache: Path, secret: Path, auth: str
) -> None:
    temei = library(home, tmp_path, auth=auth)
    with visiting(temei) as client:
        replies = []
        for door, body in requests(client, str(secret)):
            reply = client.post(door, json=body, headers={"accept": "application/json, text/event-stream"})
            assert reply.status_code == 403, (door, body, reply.text)
            replies.append(reply.text)
        assert len(replies) > 300
        assert found(temei, cache, replies) == []
    if auth:
        with visiting(temei) as client:
            stranger = httpx.Client(base_url=client.base_url)
            for door, body in list(requests(client, str(secret)))[::7]:
                assert stranger.post(door, json=body).status_code == 401


@pytest.mark.parametrize(
    ("gate", "launched", "safe"),
    [(False, False, False), (True, False, True), (False, True, True)],
    ids=["without either it leaks", "the gate alone holds", "Gradio's check alone holds"],
)
def test_two_defences_each_hold_by_themselves(
    home: Path,
    tmp_path: Path,
    cache: Path,
    secret: Path,
    monkeypatch: pytest.MonkeyPatch,
    gate: bool,
    launched: bool,
    safe: bool,
) -> None:
    """That the walk finds a leak where there is one shows that it would find one again."""
    temei = library(home, tmp_path)
    if not gate:
        monkeypatch.setattr(Gate, "_check_files", lambda self, value: None)
    with visiting(temei, has_launched=launched) as client:
        asked = [(door, body) for door, body in requests(client, str(secret)) if "run" in door][::2]
        replies = [client.post(door, json=body).text for door, body in asked]
        assert (found(temei, cache, replies) == []) is safe


def test_other_names_for_a_file_are_refused_too(home: Path, tmp_path: Path, cache: Path, secret: Path) -> None:
    """The network is beyond reach in tests, and a try to reach it fails this one."""
    digest = cache / ("a" * 64)
    digest.mkdir(parents=True)
    (digest / "link.txt").symlink_to(secret)
    (cache / "deep_links").mkdir()
    (cache / "deep_links" / "state.json").write_text(SECRET, "utf-8")
    names = [
        f"{cache}/../etc/secret.txt",
        f"{digest}/../../etc/secret.txt",
        f"{digest}/link.txt",
        str(digest),
        f"{cache}/deep_links/state.json",
        os.path.relpath(secret),
        f"file://{secret}",
        f"{secret}\0.txt",
        "http://93.184.216.34/secret.txt",
        "https://localhost/secret.txt",
        "//etc/passwd",
        "/dev/stdin",
        "",
        "data:text/plain;base64,aGVp",
        "~/.ssh/id_rsa",
    ]
    temei = library(home, tmp_path)
    with visiting(temei) as client:
        config = client.get("config").json()
        upload = next(d["id"] for d in config["dependencies"] if any(t[1] == "upload" for t in d["targets"]))
        for name in names:
            data = [[{"path": name, "url": name, "meta": {"_type": "gradio.FileData"}}], None, None]
            reply = client.post("gradio_api/run/predict", json={"fn_index": upload, "session_hash": "x", "data": data})
            assert reply.status_code == 403, (name, reply.text)
        assert set(found(temei, cache, [])) == {str(digest / "link.txt"), str(cache / "deep_links" / "state.json")}


def test_what_is_uploaded_is_taken_and_no_address_gives_it_back(home: Path, tmp_path: Path, cache: Path) -> None:
    temei = library(home, tmp_path)
    with visiting(temei) as client:
        given = client.post("gradio_api/upload", files={"files": ("vulpe.txt", b"Vulpea sare peste gard.")}).json()[0]
        assert Path(given).read_bytes() == b"Vulpea sare peste gard."
        for address in (f"file={given}", f"file/{given}", "file=http://127.0.0.1:9/x", "proxy=https://x.hf.space/"):
            assert client.get(f"gradio_api/{address}").status_code == 404
        config = client.get("config").json()
        upload = next(d["id"] for d in config["dependencies"] if any(t[1] == "upload" for t in d["targets"]))
        data = [[{"path": given, "orig_name": "vulpe.txt", "meta": {"_type": "gradio.FileData"}}], None, None]
        body = {"fn_index": upload, "session_hash": "x", "data": data, "trigger_id": None}
        assert client.post("gradio_api/queue/join", json=body).is_success
        with client.stream("GET", "gradio_api/queue/data", params={"session_hash": "x"}) as reply:
            told = [json.loads(line[6:]) for line in reply.iter_lines() if line.startswith("data: ")]
        assert next(message for message in told if message["msg"] == "process_completed")["success"]
    assert any("vulpe" in row.source for row in temei.index.documents())


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(
            ("GET", f"/gradio_api/{rest}")
            for rest in ("file=/etc/passwd", "file/etc/passwd", "proxy=https://x", "runs")
        ),
        *(
            ("GET", f"/gradio_api/{rest}")
            for rest in ("dev/reload", "deep_link", "token", "mcp/sse", "stream/a/b/1/x.ts")
        ),
        *(
            ("POST", f"/gradio_api/{rest}")
            for rest in ("component_server", "vibe-edit", "process_recording", "stream/a")
        ),
        ("GET", "/gradio_api/custom_component/a/client/b/c"),
        ("GET", "/monitoring"),
        ("POST", "/"),
        ("PUT", "/gradio_api/upload"),
        ("GET", "//gradio_api/file=/etc/passwd"),
    ],
)
def test_addresses_that_the_page_does_not_need_do_not_exist(method: str, path: str) -> None:
    assert kind_of(method, path) is None


def test_only_what_is_stored_as_an_upload_counts_as_one(tmp_path: Path) -> None:
    place = tmp_path / ("0f" * 32) / "n.txt"
    place.parent.mkdir()
    place.write_text("x", "utf-8")
    assert is_uploaded(str(place), tmp_path)
    assert list(foreign_files({"a": [{"path": str(place)}]}, tmp_path)) == []
    # A path of headings is no path of a file.
    assert list(foreign_files([{"path": ["Unu", "Doi"]}, {"meta": {"a": 1}}, "path", 3], tmp_path)) == []
    assert list(foreign_files({"a": {"meta": {"_type": "gradio.FileData"}}}, tmp_path)) == [None]
    for other in (place.parent, tmp_path / "n.txt", place.parent / "m.txt", f"{place}/", "n.txt", None, 3):
        assert (
            not is_uploaded(other if other is None or other == 3 else str(other), tmp_path) or str(other) == f"{place}/"
        )


def test_what_broken_uploads_leave_is_removed(tmp_path: Path) -> None:
    (tmp_path / "work").rmdir()
    for name in ("tmpold", "tmpnew", "other"):
        (tmp_path / name).write_bytes(b"1234")
    past = (tmp_path / "tmpold").stat().st_mtime - LEFT_OVER - 1
    os.utime(tmp_path / "tmpold", (past, past))
    assert size_of(tmp_path) % BLOCK == 0 < size_of(tmp_path)
    sweep(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["other", "tmpnew"]
    assert size_of(tmp_path / "none") == 0
