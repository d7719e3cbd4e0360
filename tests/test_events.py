"""Calls that name no event of the page, or give not what it takes: refused in one line, as the fault of who calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from fakes import FakeEmbedder
from starlette.testclient import TestClient

from ingest import ingest
from rag import Settings, Temei
from rag.index.index import Index
from ui.serve import app


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    folder = tmp_path_factory.mktemp("events")
    (folder / "delta.md").write_text("# Delta\n\nDelta Dunării este în România.", "utf-8")
    ingest([folder / "delta.md"], Index(Settings(home=folder / "home"), FakeEmbedder(), create=True))
    served = app(Temei(Settings(home=folder / "home", asks_a_minute=1000), embedder=FakeEmbedder()))
    return TestClient(served, base_url="http://127.0.0.1:7860", raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("run/predict", {"data": [], "fn_index": 1_000_000}, 404),
        ("run/predict", {"data": [], "fn_index": -1}, 404),
        ("run/predict", {"data": [], "fn_index": "1"}, 422),
        ("run/predict", {"data": [], "fn_index": True}, 422),
        ("run/predict", {"data": []}, 404),
        ("run/nothing", {"data": []}, 404),
        ("api/nothing/", {"data": []}, 404),
        ("call/nothing", {"data": []}, 404),
        ("call/v2/nothing", {}, 404),
        ("run/ask", {"data": []}, 422),
        ("run/ask", {}, 422),
        ("run/ask", [], 422),
        ("call/ask", {"data": []}, 422),
        ("run/ask", {"data": [None, None]}, 422),
        ("run/ask", {"data": ["a" * 2001, None]}, 422),
        ("run/ask", {"data": ["Unde?", [None]]}, 422),
        ("run/ask", {"data": ["Unde?", True]}, 422),
        ("queue/join", {"data": [], "fn_index": 1_000_000, "session_hash": "a"}, 404),
        ("queue/join", {"data": [], "session_hash": "a"}, 400),
    ],
)
def test_a_call_of_no_event_is_refused(client: TestClient, path: str, body: Any, status: int) -> None:
    reply = client.post(f"/gradio_api/{path}", json=body)

    assert reply.status_code == status, reply.text
    assert len(reply.text.splitlines()) == 1


def test_every_event_refuses_too_few_values_and_such_as_it_cannot_take(client: TestClient) -> None:
    odd: list[Any] = [None, True, 1e308, "x" * 5000, [], [None], {"a": {}}, {"path": 1}, [1, "2", None, {}]]
    faults: list[str] = []
    for event in client.get("/config").json()["dependencies"]:
        count = len(event["inputs"])
        bodies = [{"fn_index": event["id"], "data": [one] * count, "session_hash": "a"} for one in odd]
        if count and not event["cancels"]:
            bodies.append({"fn_index": event["id"], "data": [None] * (count - 1), "session_hash": "a"})
        for body in bodies:
            reply = client.post("/gradio_api/run/predict", json=body)
            if reply.status_code >= 500 and "Too many at once" not in reply.text:  # that is the pace of uploads
                faults.append(f"{event['api_name']} {body['data']}: {reply.text}"[:300])
    assert not faults


@pytest.mark.parametrize("folder", ["svelte", "assets", "static"])
@pytest.mark.parametrize("rest", ["a" * 5000, "a/" * 2500 + "a", "ș" * 200, "%00", "a" * 256])
def test_a_part_that_cannot_be_is_not_found(client: TestClient, folder: str, rest: str) -> None:
    assert 400 <= client.get(f"/{folder}/{rest}").status_code < 500


def test_all_parts_of_the_page_are_found(client: TestClient) -> None:
    templates = Path(gr.__file__).parent / "templates" / "frontend"
    paths = [path.relative_to(templates).as_posix() for path in templates.rglob("*") if path.is_file()]
    for path in [one for one in paths if one.startswith(("assets/", "static/"))][::100]:
        assert client.get(f"/{path}").status_code == 200, path


def test_a_type_longer_than_any_form_s_is_refused(client: TestClient) -> None:
    kind = {"content-type": "multipart/form-data; boundary=" + "b" * 5000}
    reply = client.post("/gradio_api/upload?upload_id=x", content=b"--b--", headers=kind)
    assert reply.status_code == 400
