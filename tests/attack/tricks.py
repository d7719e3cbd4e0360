"""What is sent: one hostile request of a kind, made by a seed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

SECRET = "root:x:0:0"


@dataclass
class Attack:
    """What is sent: pieces of bytes with the seconds to wait before each, and how the connection ends."""

    kind: str
    pieces: list[tuple[float, bytes]]
    streams: bool = False
    leave: str = ""
    """``half`` closes the sending side, ``reset`` the connection, before there is a reply."""
    forbidden: list[str] = field(default_factory=lambda: [SECRET])
    """What must not be in the reply."""


Maker = Callable[[random.Random, Any], Attack]


def _request(method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
    lines = {"Host": "127.0.0.1", "Connection": "close", "Content-Length": str(len(body))} | (headers or {})
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("utf-8", "surrogatepass") + body


def _post(path: str, body: Any, **headers: str) -> bytes:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return _request("POST", path, data, {"Content-Type": "application/json"} | headers)


DOORS = (
    "/v1/chat/completions",
    "/gradio_api/run/predict",
    "/gradio_api/run/ask",
    "/gradio_api/run/ask_json",
    "/gradio_api/call/ask",
    "/gradio_api/api/predict",
    "/gradio_api/queue/join",
    "/gradio_api/reset",
    "/gradio_api/cancel",
    "/gradio_api/component_server",
    "/gradio_api/stream/update_config",
    "/gradio_api/mcp/",
    "/gradio_api/upload",
    "/login",
    "/logout",
)
STREAMS = ("/gradio_api/queue/data", "/gradio_api/heartbeat/", "/gradio_api/mcp", "/gradio_api/stream/")
NASTY: list[Any] = [
    None,
    True,
    -1,
    0,
    1e308,
    10**400,
    "",
    "a",
    "\ud800",
    "\0",
    "x" * 5000,
    "?" * 2000,
    "…? " * 300,
    "ce? " * 200,
    [],
    [[]],
    [None] * 100,
    {},
    {"a": {}},
    {"__class__": "x"},
    {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
    [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}],
    {"path": "\0", "meta": {"_type": "gradio.FileData"}},
    {"url": "http://127.0.0.1:9/x", "path": "http://127.0.0.1:9/x", "meta": {"_type": "gradio.FileData"}},
    {"__type__": "update", "value": "x"},
    "{{7*7}}",
    "../../etc/passwd",
    "\u202e",
    "'; DROP TABLE x; --",
    [1, "2", None, {}],
]


def _broken_json(rng: random.Random, config: Any) -> Attack:
    whole = json.dumps(
        {"messages": [{"role": "user", "content": "Ce?"}], "data": ["Ce?", None], "session_hash": "s"}
    ).encode()
    bad = bytearray(whole)
    for _ in range(rng.choice([1, 5, 30])):
        bad[rng.randrange(len(bad))] = rng.randrange(256)
    body = rng.choice(
        [
            bytes(bad),
            whole[: rng.randrange(len(whole))],
            b"",
            b"null",
            b"[",
            b"\xff\xfe",
            b'{"a":',
            b"NaN",
            b"[" * 50_000,
            b'{"a":' * 50_000,
            b"1" * 10_000,
            b'"' + b"\\ud800" * 100 + b'"',
            rng.randbytes(500),
        ]
    )
    return Attack("malformed JSON", [(0, _post(rng.choice(DOORS), body))])


def _wrong_types(rng: random.Random, config: Any) -> Attack:
    door = rng.choice(DOORS)
    names = [
        "messages",
        "stream",
        "data",
        "fn_index",
        "session_hash",
        "event_id",
        "question",
        "document_ids",
        "trigger_id",
        "event_data",
        "component_id",
        "fn_name",
        "username",
        "method",
        "params",
        "id",
        "jsonrpc",
    ]
    body: dict[str, Any] = {name: rng.choice(NASTY) for name in rng.sample(names, rng.randrange(len(names)))}
    if rng.random() < 0.5:
        body["messages"] = [
            {"role": rng.choice(["user", *NASTY]), "content": rng.choice(NASTY)} for _ in range(rng.choice([0, 1, 3]))
        ]
        body["data"] = [rng.choice(NASTY) for _ in range(rng.choice([0, 1, 2, 5]))]
    body = {name: value for name, value in body.items() if value != 10**400 or rng.random() < 0.2}
    return Attack("wrong types", [(0, _post(door, body))])


def _question(rng: random.Random, config: Any) -> Attack:
    part = rng.choice(
        ["Ce a accelerat China? ", "…? ", "a " * 50, "\u200b", "\ud800", "ș" * 200, "[1] ", "? ! . ", "1.2.3. ", "和? "]
    )
    question = (part * 2000)[: rng.choice([10, 300, 1990, 2001, 200_000])]
    if rng.random() < 0.5:
        history = [{"role": r, "content": question} for r in ("user", "assistant")] * rng.choice([0, 1, 50])
        body: Any = {"messages": [*history, {"role": "user", "content": question}], "stream": rng.random() < 0.5}
        return Attack("hostile questions", [(0, _post("/v1/chat/completions", body))])
    ids = rng.choice([None, [], ["x"], ["\ud800"], ["x"] * 5000, "x", [None]])
    return Attack("hostile questions", [(0, _post("/gradio_api/run/ask", {"data": [question, ids]}))])


def _huge(rng: random.Random, config: Any) -> Attack:
    size = rng.choice([100_000, 1_000_000, 4_000_000])
    body = json.dumps(
        {"data": ["a" * size], "messages": [{"role": "user", "content": "b" * size}], "session_hash": "c" * 100}
    )
    return Attack("huge fields", [(0, _post(rng.choice(DOORS), body.encode()))])


def _paths(rng: random.Random, config: Any) -> Attack:
    target = rng.choice(
        [
            "/etc/passwd",
            "etc/passwd",
            "../../../../etc/passwd",
            "..%2f..%2f..%2fetc%2fpasswd",
            "%2e%2e/%2e%2e/etc/passwd",
            "....//....//etc/passwd",
            "..\\..\\etc\\passwd",
            "/proc/self/environ",
            "%00",
            "file:///etc/passwd",
            "//etc/passwd",
            "http://127.0.0.1:9/",
            "a" * 5000,
            "%ff%fe",
            "%ed%a0%80",
            "C:\\windows\\win.ini",
            "/proc/self/cwd/pyproject.toml",
        ]
    )
    before = rng.choice(
        [
            "/gradio_api/file=",
            "/file=",
            "/gradio_api/file/",
            "/static/",
            "/assets/",
            "/theme.css?x=",
            "/",
            "/gradio_api/proxy=",
            "/custom_component/",
            "/gradio_api/custom_component/",
            "/svelte/",
            "/gradio_api/deep_link?session_hash=",
            "/v1/",
            "/gradio_api/stream/",
            "/gradio_api/queue/data?session_hash=",
            "/gradio_api/upload_progress?upload_id=",
        ]
    )
    path = (before + target).replace(" ", "%20")
    method = rng.choice(["GET", "GET", "GET", "HEAD", "POST"])
    forbidden = [SECRET, "TEMEI_HOME=", "[build-system]"]
    return Attack("path tricks", [(0, _request(method, path))], streams=path.startswith(STREAMS), forbidden=forbidden)


def _unknown(rng: random.Random, config: Any) -> Attack:
    path = rng.choice(
        [
            "/",
            "/v1",
            "/v1/models",
            "/v1/completions",
            "/admin",
            "/openapi.json",
            "/docs",
            "/.env",
            "/.git/config",
            "/config",
            "/gradio_api/info",
            "/gradio_api/startup-events",
            "/monitoring",
            "/gradio_api/app_id",
            "/robots.txt",
            "/manifest.json",
            "/gradio_api/queue/status",
            "/gradio_api/vibe-edit",
            "/gradio_api/dev/reload",
            "/token",
            "*",
            "//",
            "/%",
        ]
    )
    method = rng.choice(
        ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "FOO", "get", "A" * 300]
    )
    body = rng.choice([b"", b"{}", b"a" * 10_000])
    return Attack("unknown routes", [(0, _request(method, path, body))])


def _multipart(rng: random.Random, config: Any) -> Attack:
    name = rng.choice(
        ["a.txt", "", "..", "../../x.txt", "\0", "x" * 5000, "CON", ".txt", "a.exe", "🚀.txt", 'a"b.txt', "a\r\nX: y"]
    )
    head = (
        f'Content-Disposition: form-data; name="{rng.choice(["files", "files", "x", ""])}"; filename="{name}"\r\n\r\n'
    )
    part = f"--b\r\n{head}".encode() + rng.randbytes(rng.choice([0, 10, 50_000])) + b"\r\n"
    body = rng.choice(
        [
            part + b"--b--\r\n",
            part,
            part[: rng.randrange(len(part))],
            part * 50 + b"--b--",
            b"--b--",
            b"--b\r\n\r\n",
            b"",
            b"--b\r\n" + b"X: " + b"y" * 50_000,
            b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--",
        ]
    )
    kind = rng.choice(
        [
            "multipart/form-data; boundary=b",
            "multipart/form-data; boundary=b",
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=" + "b" * 5000,
            "text/plain",
            "multipart/form-data; boundary=b; charset=utf-99",
            "",
        ]
    )
    path = "/gradio_api/upload" + rng.choice(["", "?upload_id=x", "?upload_id=" + "x" * 5000])
    return Attack("broken multipart", [(0, _request("POST", path, body, {"Content-Type": kind}))])


def _headers(rng: random.Random, config: Any) -> Attack:
    extra = rng.choice(
        [
            {"Host": "evil.example"},
            {"Host": ""},
            {"Host": "127.0.0.1:99999"},
            {"Host": "127.0.0.1\0"},
            {"Content-Length": "-1"},
            {"Content-Length": "x"},
            {"Content-Length": "99999999999999999999"},
            {"Transfer-Encoding": "chunked"},
            {"Transfer-Encoding": "gzip, chunked"},
            {"Cookie": "a=" + "b" * 20_000},
            {"Cookie": "access-token=\ud800; access-token-unsecure=%ff"},
            {"Authorization": "Basic \xff"},
            {"Authorization": "Bearer " + "x" * 5000},
            {"Accept-Language": "ro;q=" + "9" * 3000 + ",en" * 3000},
            {"Accept-Language": "\xff;q=nan"},
            {"Range": "bytes=0-,0-," + "1-," * 500},
            {"X-Forwarded-For": "\0"},
            {"X-Forwarded-Host": "evil.example"},
            {"X-Forwarded-Proto": "javascript"},
            {"X-Forwarded-Prefix": "/../.."},
            {"x-gradio-server": "http://127.0.0.1:9"},
            {"X-Gradio-User": "root"},
            {"Accept-Encoding": "gzip;q=x, br" * 500},
            {"Upgrade": "websocket"},
            {"Expect": "100-continue"},
            {"X": "y" * 100_000},
            {f"X{n}": "y" for n in range(500)},
            {"": "x"},
            {"A B": "c"},
            {"Referer": "\udcff"},
        ]
    )
    if rng.random() < 0.2:
        raw = rng.choice(
            [
                rng.randbytes(300),
                b"\x16\x03\x01\x02\x00\x01\x00",
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                b"GET / HTTP/9.9\r\n\r\n",
                b"\r\n" * 500,
                b"GET /\r\n",
                b"GET  HTTP/1.1\r\nHost: x\r\n\r\n",
                b"A" * 100_000,
                b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000,
            ]
        )
        return Attack("header tricks", [(0, raw)], leave="half")
    path = rng.choice(["/", "/config", "/v1/models", "/v1/chat/completions", "/gradio_api/upload"])
    body = rng.choice([b"", b"{}", b"5\r\nhello\r\n0\r\n\r\n", b"zz\r\n"])
    return Attack("header tricks", [(0, _request(rng.choice(["GET", "POST"]), path, body, extra))], leave="half")


def _slow(rng: random.Random, config: Any) -> Attack:
    whole = _post(
        rng.choice(["/v1/chat/completions", "/gradio_api/run/ask", "/gradio_api/upload"]),
        {"data": ["Ce?"], "messages": []},
    )
    step = max(1, len(whole) // rng.choice([3, 8, 20]))
    pieces = [(0.0 if at == 0 else 0.1, whole[at : at + step]) for at in range(0, len(whole), step)]
    drop = rng.random() < 0.5
    return Attack("slow senders", pieces[: len(pieces) // 2] if drop else pieces, leave="reset" if drop else "")


def _leaving(rng: random.Random, config: Any) -> Attack:
    upload = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\n' + b"a" * 30_000
    sent = rng.choice(
        [
            _post(
                "/v1/chat/completions",
                {"messages": [{"role": "user", "content": "Ce a accelerat China?"}], "stream": True},
            ),
            _post("/gradio_api/run/ask", {"data": ["Ce a accelerat China?"]}),
            _request(
                "POST",
                "/gradio_api/upload",
                upload,
                {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": "900000"},
            ),
            _request(
                "POST", "/v1/chat/completions", b"{", {"Content-Length": "1000", "Content-Type": "application/json"}
            ),
            _request("GET", "/config"),
            _request("GET", "/gradio_api/queue/data?session_hash=q"),
            _request("GET", "/gradio_api/heartbeat/q"),
        ]
    )
    return Attack("connections that break off", [(0, sent)], leave=rng.choice(["half", "reset", "reset"]), streams=True)


def _elsewhere(rng: random.Random, config: Any) -> Attack:
    origin = rng.choice(
        [
            "http://evil.example",
            "null",
            "https://127.0.0.1.evil.example",
            "http://localhost.evil.example",
            "file://",
            "x\ud800",
        ]
    )
    headers = {
        "Origin": origin,
        "Sec-Fetch-Site": "cross-site",
        "Content-Type": rng.choice(["text/plain", "application/json"]),
    }
    upload = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\nfoo\r\n--b--\r\n'
    sent = rng.choice(
        [
            _request(
                "POST", "/gradio_api/upload", upload, headers | {"Content-Type": "multipart/form-data; boundary=b"}
            ),
            _request("POST", "/v1/chat/completions", b'{"messages":[{"role":"user","content":"Ce?"}]}', headers),
            _request("POST", "/gradio_api/run/ask", b'{"data":["Ce?"]}', headers),
            _request("GET", "/config", b"", headers),
            _request("OPTIONS", "/v1/chat/completions", b"", headers | {"Access-Control-Request-Method": "POST"}),
        ]
    )
    return Attack("pages from elsewhere", [(0, sent)], forbidden=[SECRET, f"access-control-allow-origin: {origin}"])


def _events(rng: random.Random, config: Any) -> Attack:
    event = rng.choice(config["dependencies"])
    count = len(event["inputs"]) + rng.choice([0, 0, 0, 1, -1])
    body = {
        "data": [rng.choice(NASTY) for _ in range(max(count, 0))],
        "fn_index": rng.choice([event["id"], event["id"], -1, 10**6]),
        "session_hash": f"s{rng.randrange(50)}",
        "trigger_id": event["targets"][0][0] if event["targets"] else None,
        "event_data": rng.choice(
            [None, {}, {"document": rng.choice(NASTY), "turn": "9" * 5000, "number": "²", "language": []}, *NASTY]
        ),
    }
    return Attack(
        "events of the page", [(0, _post(rng.choice(["/gradio_api/run/predict", "/gradio_api/queue/join"]), body))]
    )


MAKERS: list[Maker] = [
    _broken_json,
    _wrong_types,
    _wrong_types,
    _question,
    _huge,
    _paths,
    _paths,
    _unknown,
    _multipart,
    _headers,
    _headers,
    _slow,
    _leaving,
    _elsewhere,
    _events,
    _events,
    _events,
]


def attack_of(seed: int, number: int, config: Any) -> Attack:
    """Return one try."""
    rng = random.Random(f"{seed} {number}")
    return rng.choice(MAKERS)(rng, config)
