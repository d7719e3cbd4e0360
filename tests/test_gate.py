"""The gate: who is let in, from which page, how often and with how much."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from fakes import FakeEmbedder
from hypothesis import given
from hypothesis import strategies as st
from serving import serving
from starlette.testclient import TestClient

from ingest import ingest
from rag import Settings, Temei
from rag.index.index import Index
from ui.api import bodies, gate
from ui.api.gate import Gate, is_login
from ui.api.rate_limit import FREE_TRIES, LONGEST_WAIT, RateLimit, Tries
from ui.api.visitors import address, is_own_origin, name_of, networks, origins, seen
from ui.page.conversation import turn_of
from ui.page.sessions import Waiting
from ui.page.turn_view import KEPT_CHARACTERS, MOST_KEPT, TurnView, from_json, within
from ui.serve import app, has_mcp

QUESTION = "Unde este Delta Dunării?"
EVIL = "https://evil.example"
ASK = {"messages": [{"role": "user", "content": QUESTION}]}
AUTH = "ana:are mere"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of an index of one document."""
    folder = tmp_path_factory.mktemp("gate")
    (folder / "delta.md").write_text("# Delta\n\nDelta Dunării este în România.", "utf-8")
    ingest([folder / "delta.md"], Index(Settings(home=folder / "home"), FakeEmbedder(), create=True))
    return folder / "home"


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))


def opened(made: Path, base: str = "http://127.0.0.1:7860", host: str = "127.0.0.1", **more: Any) -> TestClient:
    """Return a client of the page as it is served on an address with settings."""
    temei = Temei(Settings(home=made, min_confidence=0, **more), embedder=FakeEmbedder())
    return TestClient(app(temei, host=host), base_url=base, client=("10.1.1.1", 5000))


PLACES = [
    ("127.0.0.1", "http://127.0.0.1:7860", {}),
    ("127.0.0.1", "http://localhost:7860", {}),
    ("::1", "http://[::1]:7860", {}),
    ("127.0.0.1", "http://127.0.0.1:7860", {"auth": AUTH}),
    ("0.0.0.0", "http://192.168.1.7:7860", {"allow_open": True}),
    ("::", "http://[fd00::7]:7860", {"allow_open": True}),
    ("0.0.0.0", "http://temei.example:7860", {"auth": AUTH}),
]
EVERYWHERE = pytest.mark.parametrize(("host", "base", "more"), PLACES, ids=[f"{p[1]} {p[2]}" for p in PLACES])


def logged_in(client: TestClient, more: dict[str, Any]) -> TestClient:
    if "auth" in more:
        user, _, password = AUTH.partition(":")
        # The secure one of the two cookies does not travel over HTTP.
        assert client.post("/login", data={"username": user, "password": password}).status_code == 200
    return client


@EVERYWHERE
def test_a_page_from_elsewhere_neither_reads_nor_sends(
    made: Path, tmp_path: Path, host: str, base: str, more: dict[str, Any]
) -> None:
    client = logged_in(opened(made, base, host, **more), more)
    file = {"files": ("n.txt", b"Vulpea sare.")}
    foreign: list[dict[str, str]] = [
        {"origin": EVIL, "sec-fetch-site": "cross-site"},
        {"origin": EVIL},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": f"{base}.evil.example"},
        {"origin": base.replace("7860", "78600")},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "origin": EVIL},
    ]
    for headers in foreign:
        for reply in (
            client.post("/v1/chat/completions", json=ASK, headers=headers),
            client.post("/gradio_api/upload", files=file, headers=headers),
            client.post("/gradio_api/run/ask", json={"data": [QUESTION, None]}, headers=headers),
            client.get("/config", headers=headers),
            client.get("/gradio_api/info", headers=headers),
            client.options("/gradio_api/upload", headers=headers | {"access-control-request-method": "POST"}),
        ):
            assert reply.status_code == 403, (headers, reply.text)
            assert "access-control-allow-origin" not in reply.headers
            assert "Delta" not in reply.text
    assert not list((tmp_path / "cache").rglob("n.txt"))
    own = {"origin": base, "sec-fetch-site": "same-origin"}
    assert client.post("/v1/chat/completions", json=ASK, headers=own).status_code == 200
    assert client.post("/gradio_api/upload", files=file, headers=own).status_code == 200
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert client.get("/", headers=link).status_code == 200
    assert client.get("/logout", headers=link).status_code == 403


@pytest.mark.parametrize("more", [{}, {"auth": AUTH}], ids=["open", "login"])
def test_a_page_that_the_settings_name_may(made: Path, more: dict[str, Any]) -> None:
    friend = "https://intranet.example"
    client = logged_in(opened(made, origins=f"{friend} http://other.example:81", **more), more)
    asks = {"origin": friend, "access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    told = client.options("/v1/chat/completions", headers=asks)
    assert told.status_code == 204
    assert told.headers["access-control-allow-headers"] == "content-type"
    reply = client.post("/v1/chat/completions", json=ASK, headers={"origin": friend, "sec-fetch-site": "cross-site"})
    assert reply.status_code == 200
    assert reply.headers["access-control-allow-origin"] == told.headers["access-control-allow-origin"] == friend
    assert f"frame-ancestors 'self' http://other.example:81 {friend}" in reply.headers["content-security-policy"]
    assert client.get("/config", headers={"origin": EVIL}).status_code == 403


@pytest.mark.parametrize(
    ("host", "base", "more", "ok"),
    [
        ("127.0.0.1", "http://evil.example", {}, False),
        ("127.0.0.1", "http://127.0.0.1.evil.example", {}, False),
        ("127.0.0.1", "http://192.168.1.7", {}, False),
        ("::1", "http://evil.example", {}, False),
        ("0.0.0.0", "http://evil.example", {"allow_open": True}, False),
        ("0.0.0.0", "http://10.2.3.4", {"allow_open": True}, True),
        ("temei.lan", "http://temei.lan", {"allow_open": True}, True),
        ("127.0.0.1", "http://temei.example", {"origins": "https://temei.example"}, True),
        ("0.0.0.0", "http://evil.example", {"auth": AUTH}, True),  # who has the name has not the login
    ],
)
def test_names_that_others_make_point_here_are_refused(
    made: Path, host: str, base: str, more: dict[str, Any], ok: bool
) -> None:
    reply = opened(made, base, host, **more).get("/v1/models", auth=tuple(AUTH.split(":")))
    assert reply.status_code == (200 if ok else 400)
    assert ok or "TEMEI_ORIGINS" in reply.text


@EVERYWHERE
def test_every_reply_says_what_may_be_run_and_framed(made: Path, host: str, base: str, more: dict[str, Any]) -> None:
    client = opened(made, base, host, **more)
    for path in ("/", "/config", "/none", "/theme.css", "/v1/models", "/gradio_api/mcp/"):
        for headers in ({}, {"origin": EVIL}):
            reply = client.get(path, headers=headers)
            policy = reply.headers["content-security-policy"]
            assert "frame-ancestors 'none'" in policy
            assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
            assert reply.headers["x-content-type-options"] == "nosniff"
    nonces = set()
    for _ in range(2):
        reply = client.get("/", headers={"accept-encoding": "identity"})
        nonce = reply.headers["content-security-policy"].partition("'nonce-")[2].partition("'")[0]
        assert reply.text.count("<script") == reply.text.count(f'<script nonce="{nonce}"') > 3
        nonces.add(nonce)
    assert len(nonces) == 2


def test_nothing_is_listed_before_the_login(made: Path) -> None:
    client = opened(made, auth=AUTH)
    listings = ["/config", "/openapi.json", "/docs", *(f"/gradio_api/{n}" for n in ("info", "openapi.json", "user"))]
    listings += ["/gradio_api/heartbeat/abc", "/gradio_api/queue/status", "/gradio_api/mcp/schema", "/v1/models", "/x"]
    for path in listings:
        assert client.get(path).status_code == 401, path
    for path in ("/gradio_api/cancel", "/gradio_api/reset", "/gradio_api/queue/join", "/gradio_api/upload"):
        assert client.post(path, json={}).status_code == 401, path
    for path in ("/", "/?page=x", "/?deep_link=abc"):
        told = client.get(path).text
        assert "ask_json" not in told
        assert '"auth_required":true' in told
    logged_in(client, {"auth": AUTH})
    assert "ask_json" in client.get("/").text
    assert client.get("/gradio_api/openapi.json").status_code == 200
    assert client.get("/gradio_api/openapi.json", auth=("ana", "pere")).status_code == 200  # the cookie is enough


# The rate limit


def asked_by(client: TestClient) -> list[httpx.Response]:
    """Ask once through every door, each time as another visit."""
    session = f"s{time.monotonic_ns()}"
    body = {"data": [QUESTION, None], "session_hash": session}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    told = call | {"params": {"name": "ask_json", "arguments": {"question": QUESTION}}}
    replies = [
        client.post("/v1/chat/completions", json=ASK),
        client.post("/gradio_api/run/ask", json=body),
        client.post("/gradio_api/run/ask_json", json=body),
    ]
    if has_mcp():
        accept = {"accept": "application/json, text/event-stream"}
        replies.append(client.post("/gradio_api/mcp/", json=told, headers=accept))
    return replies


def test_the_pace_is_one_for_all_doors(made: Path) -> None:
    with opened(made, asks_a_minute=6) as client:
        answered = sum("Delta Dun" in reply.text for _ in range(4) for reply in asked_by(client))
        assert answered == 6
        assert client.post("/v1/chat/completions", json=ASK).status_code == 429
        events = client.get("/config").json()["dependencies"]
        respond = next(e["id"] for e in events if any(t[1] == "submit" for t in e["targets"]) and len(e["inputs"]) == 4)
        body = {"fn_index": respond, "data": [QUESTION, None, None, None], "session_hash": "another"}
        assert "România" not in client.post("/gradio_api/run/predict", json=body).text


def test_every_door_that_is_asked_too_much_says_when_to_try_again(made: Path) -> None:
    with opened(made, asks_a_minute=6) as client:
        replies = [asked_by(client) for _ in range(4)][-1]
        # MCP reports errors within a reply of status 200, which has begun by then.
        refused = [reply for reply in replies if reply.status_code == 429]
        assert len(refused) == 3
        assert len(_waits(refused)) == 3
        assert all(0 < wait <= 10 for wait in _waits(refused))
        time.sleep(_waits(replies)[0])
        assert client.post("/v1/chat/completions", json=ASK).status_code == 200


def _waits(replies: list[httpx.Response]) -> list[int]:
    return [int(reply.headers["retry-after"]) for reply in replies if "retry-after" in reply.headers]


def test_another_address_is_another_visitor(made: Path) -> None:
    temei = Temei(Settings(home=made, min_confidence=0, asks_a_minute=1), embedder=FakeEmbedder())
    served = app(temei)
    for host in ("10.0.0.1", "10.0.0.2", "fd00:1::1", "fd00:2::1"):
        client = TestClient(served, base_url="http://127.0.0.1", client=(host, 1))
        # What a visitor says of itself changes nothing.
        told = [{}, {"x-forwarded-for": "10.9.9.9"}, {"x-real-ip": "1.1.1.1"}, {"forwarded": "for=1.1.1.1"}]
        codes = [client.post("/v1/chat/completions", json=ASK, headers=headers).status_code for headers in told]
        assert codes == [200, 429, 429, 429]
    neighbour = TestClient(served, base_url="http://127.0.0.1", client=("fd00:1::2", 1))
    assert neighbour.post("/v1/chat/completions", json=ASK).status_code == 429


def test_a_trusted_proxy_tells_visitors_apart(made: Path) -> None:
    client = opened(made, asks_a_minute=1, proxies="10.1.1.0/24")
    codes = [
        client.post("/v1/chat/completions", json=ASK, headers={"x-forwarded-for": hops}).status_code
        for hops in ("8.8.8.8", "8.8.8.8", "7.7.7.7, 8.8.8.8", "8.8.8.8, 7.7.7.7", "7.7.7.7, 10.1.1.9")
    ]
    assert codes == [200, 429, 429, 200, 429]


def test_requests_of_any_kind_have_a_pace(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "POSTS_AN_ASK", 2)
    client = opened(made, asks_a_minute=5)
    replies = [client.post("/gradio_api/reset", json={"event_id": "x"}) for _ in range(12)]
    assert [reply.status_code for reply in replies] == [200] * 10 + [429] * 2
    assert [0 < wait <= 6 for wait in _waits(replies)] == [True] * 2
    assert client.get("/config").status_code == 200


def test_the_pace_comes_back_with_time() -> None:
    rate_limit = RateLimit(2, 0.2)
    assert [rate_limit.allows("a") for _ in range(3)] == [True, True, False]
    assert rate_limit.allows("b", 2)
    assert not rate_limit.allows("b", 0.5)
    time.sleep(0.15)
    assert [rate_limit.allows("a"), rate_limit.allows("a")] == [True, False]


@given(times=st.integers(1, 60), seconds=st.floats(1, 60), gaps=st.lists(st.floats(0, 30), min_size=1, max_size=80))
def test_who_waits_as_long_as_told_is_let_in_and_not_before(times: int, seconds: float, gaps: list[float]) -> None:
    now = [1000.0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ui.api.rate_limit.time.monotonic", lambda: now[0])
        rate_limit = RateLimit(times, seconds)
        for gap in gaps:
            wait = rate_limit.wait("a")
            if wait:
                now[0] += wait - 1e-3
                assert wait < 1e-3 or not rate_limit.allows("a")
                now[0] += 2e-3
                assert rate_limit.allows("a")
            now[0] += gap


# Logins


@pytest.mark.parametrize("way", ["page", "basic", "bearer", "mcp"])
def test_wrong_logins_are_slowed_down_and_the_right_one_with_them(
    made: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "MOST_HELD_LOGINS", 0)
    client = opened(made, auth=AUTH)

    def log_in(password: str) -> int:
        if way == "page":
            return client.post("/login", data={"username": "ana", "password": password}).status_code
        if way == "bearer":
            return client.get("/v1/models", headers={"authorization": f"Bearer ana:{password}"}).status_code
        where = "/v1/models" if way == "basic" else "/gradio_api/mcp/schema"
        return client.get(where, auth=("ana", password)).status_code

    wrong = 400 if way == "page" else 401
    assert [log_in(f"pere {n}") for n in range(FREE_TRIES)] == [wrong] * FREE_TRIES
    assert log_in("pere") == 429
    assert log_in("are mere") == 429  # else a reply at once would tell that it is right
    time.sleep(1.05)
    assert log_in("are mere") == 200


def test_many_wrong_logins_at_once_are_no_way_around(made: Path) -> None:
    temei = Temei(Settings(home=made, auth=AUTH), embedder=FakeEmbedder())
    with serving(app(temei)) as where, ThreadPoolExecutor(40) as people:

        def log_in(number: int) -> int:
            return httpx.post(
                f"{where}login", data={"username": "ana", "password": f"p{number}"}, timeout=60
            ).status_code

        codes = list(people.map(log_in, range(40)))
    assert codes.count(400) <= FREE_TRIES + gate.MOST_HELD_LOGINS
    assert set(codes) == {400, 429}


def test_who_is_logged_in_and_who_comes_from_elsewhere_notices_nothing_of_a_guesser(made: Path) -> None:
    temei = Temei(Settings(home=made, auth=AUTH), embedder=FakeEmbedder())
    served = app(temei)
    inside = TestClient(served, base_url="http://127.0.0.1", client=("10.0.0.1", 1))
    logged_in(inside, {"auth": AUTH})
    guesser = TestClient(served, base_url="http://127.0.0.1", client=("10.0.0.1", 2))
    assert {guesser.get("/v1/models", auth=("ana", str(n))).status_code for n in range(20)} == {401, 429}
    assert inside.get("/config").status_code == 200
    other = TestClient(served, base_url="http://127.0.0.1", client=("10.0.0.2", 1))
    for _ in range(2 * FREE_TRIES):  # what is right is not counted
        assert other.get("/v1/models", auth=("ana", "are mere")).status_code == 200
        logged_in(other, {"auth": AUTH})
        other.cookies.clear()


def test_a_person_who_mistyped_is_held_and_then_let_in(made: Path) -> None:
    client = opened(made, auth=AUTH)
    for _ in range(FREE_TRIES):
        client.post("/login", data={"username": "ana", "password": "pere"})
    began = time.monotonic()
    assert client.post("/login", data={"username": "ana", "password": "are mere"}).status_code == 200
    assert 0.5 < time.monotonic() - began < 5


def test_tries_wait_longer_each_time_and_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    tries, waits = Tries(), []
    for _ in range(12):
        wait = tries.begin("a")
        waits.append(wait)
        now[0] += wait
        if wait:
            assert tries.begin("a") == 0
    assert waits == [0] * FREE_TRIES + [1, 2, 4, 8, 16, LONGEST_WAIT, LONGEST_WAIT]
    assert tries.begin("b") == 0
    now[0] += 700
    assert tries.begin("a") == 0


def test_a_login_is_basic_or_bearer() -> None:
    login = ("ana", "are:mere ș")
    assert is_login("Bearer ana:are:mere ș", login)
    assert is_login("basic YW5hOmFyZTptZXJlIMiZ", login)
    for wrong in ("", "Basic", "Basic ???", "Basic /w==", "Digest ana:are:mere ș", "Bearer ana", "Basic YW5h\u0219"):
        assert not is_login(wrong, login)


# Bounds


def test_bodies_are_bounded_before_they_are_parsed(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[int] = []
    real = bodies.parse
    monkeypatch.setattr(bodies, "parse", lambda body: (parsed.append(len(body)), real(body))[1])
    client = opened(made, asks_a_minute=1000)
    large = json.dumps({"data": ["x" * bodies.JSON_BYTES]}).encode()

    def in_pieces() -> Iterator[bytes]:
        for at in range(0, len(large), 50_000):
            yield large[at : at + 50_000]

    for path in ("run/predict", "api/ask", "call/ask", "call/v2/ask", "queue/join", "cancel", "reset", "mcp/"):
        for content in (large, in_pieces()):
            reply = client.post(f"/gradio_api/{path}", content=content, headers={"content-type": "application/json"})
            assert reply.status_code == 413, path
    assert client.post("/v1/chat/completions", content=large).status_code == 413
    assert client.post("/login", content=b"x" * 20_000).status_code == 413
    assert parsed == []
    assert client.post("/v1/chat/completions", json=ASK).status_code == 200


def test_json_that_is_none_is_refused_in_one_line(made: Path, capfd: pytest.CaptureFixture[str]) -> None:
    client = opened(made, asks_a_minute=1000)
    for body in (
        b"",
        b"{",
        b"\xff\xfe",
        b'{"a": "\\ud800"}',
        b'{"\\udfff": 1}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b"[" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"a": ' + b"9" * 100_000 + b"}",
    ):
        for path in ("/v1/chat/completions", "/gradio_api/run/predict", "/gradio_api/queue/join", "/gradio_api/mcp/"):
            reply = client.post(path, content=body, headers={"content-type": "application/json"})
            assert reply.status_code == 400, reply.text
            assert "\n" not in reply.json()["error"]["message"]
    assert "Traceback" not in "".join(capfd.readouterr())


def test_a_body_that_does_not_come_is_not_waited_for(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "SECONDS", 0.3)
    temei = Temei(Settings(home=made), embedder=FakeEmbedder())
    with serving(app(temei)) as where:

        def slowly() -> Iterator[bytes]:
            yield b"{"
            time.sleep(3)
            yield b"}"

        began = time.monotonic()
        reply = httpx.post(f"{where}v1/chat/completions", content=slowly())
        assert reply.status_code == 408
        assert time.monotonic() - began < 10


def test_uploads_are_bounded_in_bytes(made: Path, tmp_path: Path) -> None:
    home = tmp_path / "copied"
    shutil.copytree(made, home)
    client = opened(home, max_file_mb=0.1, max_uploads_mb=0.35)

    def upload(size: int, **more: Any) -> httpx.Response:
        name = f"{time.monotonic_ns()}.txt"
        return client.post("/gradio_api/upload", files={"files": (name, name.encode().ljust(size, b"x"))}, **more)

    assert upload(150_000).status_code == 413  # Gradio's own bound of a file
    assert [upload(90_000).status_code for _ in range(4)] == [200, 200, 200, 413]
    said = upload(90_000, headers={"accept-language": "ro"}).json()["detail"]
    assert said.startswith("Fișierele adăugate ocupă deja aproape toți cei ")
    shutil.rmtree(tmp_path / "cache")
    (home / "uploads").mkdir(exist_ok=True)
    (home / "uploads" / "kept.txt").write_bytes(b"x" * 300_000)
    assert upload(90_000).status_code == 413
    (home / "uploads" / "kept.txt").unlink()
    assert upload(90_000).status_code == 200
    chunked = client.post("/gradio_api/upload", content=iter([b"x"]), headers={"content-type": "multipart/form-data"})
    assert chunked.status_code == 411
    small = opened(home, max_file_mb=0.001)
    assert small.post("/gradio_api/upload", files={"files": ("a.txt", b"x" * 60_000)}).status_code == 413


def test_uploads_have_a_pace(made: Path) -> None:
    client = opened(made)
    replies = [client.post("/gradio_api/upload", files={"files": ("a", b"x")}) for _ in range(12)]
    assert [reply.status_code for reply in replies] == [200] * gate.UPLOADS_A_MINUTE + [429] * 2
    assert [0 < wait <= 6 for wait in _waits(replies)] == [True] * 2


def kept(number: int, text: str = "Da.") -> dict[str, Any]:
    return TurnView(f"Întrebarea {number}?").to_json() | {"text": text}


def test_a_conversation_is_bounded(made: Path) -> None:
    assert len(from_json([kept(n) for n in range(100)], lambda name: None)) == MOST_KEPT
    told = from_json([kept(n, "x" * 30_000) for n in range(20)], lambda name: None)
    assert [one.question for one in told] == [f"Întrebarea {n}?" for n in range(14, 20)]
    assert from_json([kept(1), kept(2, "x" * KEPT_CHARACTERS)], lambda name: None) == ()
    # The longest that is kept may be sent back.
    longest = within([kept(n, "€" * 12_000) for n in range(100)])
    assert len(json.dumps([longest, "ro"], ensure_ascii=False).encode()) < bodies.JSON_BYTES * 0.8


@pytest.mark.parametrize("index", [None, "x", [], {}, ["a"], 1.5, [None]])
def test_a_message_that_is_none_belongs_to_no_turn(index: object) -> None:
    assert turn_of(index) == -1


def test_a_visit_that_does_not_listen_is_not_answered_on(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "MOST_UNREAD", 5)
    temei = Temei(Settings(home=made, asks_a_minute=1000), embedder=FakeEmbedder())
    with serving(app(temei)) as where, httpx.Client(base_url=where) as client:
        events = client.get("config").json()["dependencies"]
        ask = next(event["id"] for event in events if event["api_name"] == "ask")
        body = {"fn_index": ask, "data": [QUESTION, None], "session_hash": "deaf"}
        codes = [client.post("gradio_api/queue/join", json=body).status_code]
        assert codes == [200]
        while codes[-1] == 200 and len(codes) < 30:
            time.sleep(0.1)
            codes.append(client.post("gradio_api/queue/join", json=body).status_code)
        assert codes[-1] == 429
        assert client.post("gradio_api/queue/join", json=body | {"session_hash": "other"}).status_code == 200
        for name in ("x" * 65, "", "a b", "a\n"):
            assert client.post("gradio_api/queue/join", json=body | {"session_hash": name}).status_code == 400


def test_messages_are_dropped_of_who_has_not_listened_for_longest() -> None:
    events = {name: {"event"} for name in "abc"}
    waiting = Waiting(2, events)
    waiting["a"], waiting["b"] = [1], [2]
    assert waiting["a"] == [1]
    waiting["c"] = [3]
    assert set(waiting) == set(events) == {"a", "c"}


HOSTILE: list[Any] = [
    *(None, "", "x", -1, 10**30, 1.5, True, [], {}, [[]], {"index": None}, {"value": [1]}, {"path": ["a"]}, "\0"),
    {"index": [0, 0], "value": "x", "liked": 1},
    {"meta": 3, "path": 3},
    {"index": 10**30, "value": {}, "excluded": 3, "turn": [], "number": {}, "document": ["x"], "language": {}},
]


def test_what_no_browser_sends_is_one_line_and_no_traceback(
    made: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(made, tmp_path / "home")
    chance = random.Random(7)
    temei = Temei(Settings(home=tmp_path / "home", asks_a_minute=100_000), embedder=FakeEmbedder())
    doors = ["run/predict"] * 5 + ["api/predict", "run/ask", "call/ask", "call/v2/ask", "queue/join", "cancel", "mcp/"]
    with serving(app(temei)) as where, httpx.Client(base_url=where, timeout=30) as client:
        events = client.get("config").json()["dependencies"]
        for number in range(400):
            event = chance.choice(events)
            data = [chance.choice(HOSTILE) for _ in range(max(len(event["inputs"]) + chance.choice([0, 0, 1, -1]), 0))]
            body = {"data": data, "event_data": chance.choice(HOSTILE), "trigger_id": chance.choice([None, 3, "x"])}
            body |= {"fn_index": chance.choice([event["id"]] * 5 + [-1, "x", 999]), "session_hash": f"s{number}"}
            body |= {"event_id": chance.choice(HOSTILE)}
            body.pop(chance.choice([*body, "", "", ""]), None)
            began = time.monotonic()
            sent = client.post(f"gradio_api/{chance.choice(doors)}", json=body)
            assert time.monotonic() - began < 10
            assert "Traceback" not in sent.text
        for hostile in HOSTILE:
            for messages in (
                hostile,
                [hostile],
                [{"role": hostile, "content": hostile}],
                [{"role": "user", "content": [hostile]}],
            ):
                assert (
                    client.post("v1/chat/completions", json={"messages": messages, "stream": hostile}).status_code < 500
                )
    assert "Traceback" not in "".join(capfd.readouterr())
    assert not [record for record in caplog.records if record.exc_info or "\n" in record.getMessage()]


def test_memory_stays_flat_whatever_browsers_send_back(made: Path) -> None:
    """Forty requests of 4 MB had made the server 150 MB larger; these are as large as they may be."""
    temei = Temei(Settings(home=made, asks_a_minute=10_000), embedder=FakeEmbedder())
    rows = [kept(n, f"{n} " * 3_500) for n in range(80)]
    with serving(app(temei)) as where, httpx.Client(base_url=where, timeout=60) as client:
        events = client.get("config").json()["dependencies"]
        begin = next(e["id"] for e in events if any(t[1] == "load" for t in e["targets"]))

        def send(times: int) -> float:
            for _ in range(times):
                body = {"fn_index": begin, "data": [rows, "", "ro"], "session_hash": f"visit{time.monotonic_ns()}"}
                assert client.post("gradio_api/run/predict", json=body).is_success
            return psutil.Process().memory_info().rss / 1e6

        before = send(20)
        grown = send(60)
        assert (grown - before) / 60 < 0.5  # megabytes for a visit; 0.9 where all that is sent is kept


# Headers and addresses


def test_addresses_are_counted_as_networks() -> None:
    assert address("::ffff:10.0.0.1") == address("10.0.0.1") == "10.0.0.1"
    assert address("fd00::1") == address("fd00::2") != address("fd00:0:0:1::1")
    assert address("fe80::1%eth0") == address("fe80::2%eth1")
    assert address("testclient") == "testclient"
    assert address("") == ""


def test_hosts_have_names() -> None:
    names = {"a.example:80": "a.example", "A.example.": "a.example", "[::1]:7860": "::1", "127.0.0.1": "127.0.0.1"}
    assert {host: name_of(host) for host in names} == names
    assert [name_of(host) for host in ("", "a@b", "a/b", "[::1", "a b", "a?b")] == [""] * 6


def test_only_trusted_proxies_are_believed() -> None:
    told = [(b"host", b"inner"), (b"x-forwarded-for", b"1.2.3.4"), (b"x-forwarded-host", b"evil.example")]
    told += [(b"x-forwarded-proto", b"https"), (b"x-gradio-server", b"http://evil.example"), (b"accept", b"*/*")]
    scope = {"type": "http", "path": "/", "scheme": "http", "client": ("10.0.0.9", 1), "headers": told}
    unknown = seen(scope, (), frozenset())
    assert (unknown["client"][0], unknown["scheme"]) == ("10.0.0.9", "http")
    assert unknown["headers"] == [(b"host", b"inner"), (b"accept", b"*/*")]
    trusted = seen(scope, networks(Settings(proxies="10.0.0.0/24 ::1")), frozenset())
    assert (trusted["client"][0], trusted["scheme"]) == ("1.2.3.4", "https")
    assert sorted(trusted["headers"]) == [(b"accept", b"*/*"), (b"host", b"inner")]
    assert seen(scope, (), origins(Settings(origins="https://Inner/")))["scheme"] == "https"


def test_the_own_origin_is_that_of_the_host() -> None:
    from starlette.datastructures import Headers

    def own(origin: str, host: str) -> bool:
        return is_own_origin(origin, Headers({"host": host}))

    assert own("http://a.example", "a.example")
    assert own("https://a.example", "a.example:443")
    assert own("http://[::1]:7860", "[::1]:7860")
    for origin in ("http://a.example:81", "http://b.example", "null", "", "file://a.example", "http://", "http://[::1"):
        assert not own(origin, "a.example")


def test_every_door_is_behind_the_gate(made: Path) -> None:
    served = app(Temei(Settings(home=made), embedder=FakeEmbedder()))
    assert served.user_middleware[0].cls is Gate


def test_mcp_asks_itself_over_no_address(made: Path) -> None:
    """What queues is asked over HTTP at the address that a header of the first request names."""
    if not has_mcp():
        pytest.skip("MCP is untested: Gradio works with its major version 1 only; pip install 'mcp>=1.26,<2'")
    with opened(made) as client:
        forged = {"x-gradio-server": "http://203.0.113.7", "x-forwarded-host": "203.0.113.7"}
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
        told = call | {"params": {"name": "ask_json", "arguments": {"question": QUESTION}}}
        accept = {"accept": "application/json, text/event-stream"}
        reply = client.post("/gradio_api/mcp/", json=told, headers=accept | forged)
        assert "Delta Dun" in reply.text
