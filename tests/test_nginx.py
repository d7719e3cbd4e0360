"""Temei behind a real nginx, with the configurations of docs/deploy.md: host, path, streaming, upload size."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakes import FakeEmbedder
from serving import serving

from ingest import ingest
from rag import Answer, Settings, Temei
from rag.index.index import Index
from ui.serve import app, has_mcp

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
OPENSSL = shutil.which("openssl")
pytestmark = pytest.mark.skipif(
    not (Path(NGINX).exists() and OPENSSL),
    reason="NO NGINX: standing behind a proxy is untested; install it, for example: apt install nginx-light openssl",
)

DEPLOY = (Path(__file__).parents[1] / "docs" / "deploy.md").read_text("utf-8")
QUESTION = "Unde este Delta Dunării?"
AUTH = ("ana", "are mere")
ASK = {"messages": [{"role": "user", "content": QUESTION}]}
PAUSE = 0.7


class Slow(Temei):
    """Temei that takes a while after the first words."""

    async def astream(self, question: str, *rest: Any, **named: Any) -> AsyncIterator[Answer]:
        answer = self.answer(question)
        yield replace(answer, text=answer.text[:5])
        await asyncio.sleep(PAUSE)
        yield answer

    def stream(self, question: str, *rest: Any, **named: Any) -> Iterator[Answer]:
        answer = self.answer(question)
        yield replace(answer, text=answer.text[:5])
        time.sleep(PAUSE)
        yield answer


@dataclass
class Behind:
    """A page behind nginx: the name it is asked for, its port, and the path that it is below."""

    name: str
    port: int
    path: str

    @property
    def address(self) -> str:
        return f"https://{self.name}:{self.port}{self.path}/"

    @contextmanager
    def client(self, *, auth: bool = True) -> Iterator[httpx.Client]:
        """Give a client for which the name points to this machine."""
        trusting = ssl._create_unverified_context()
        real = socket.getaddrinfo

        def here(host: Any, *rest: Any, **named: Any) -> Any:
            return real("127.0.0.1" if host in (self.name, self.name.encode()) else host, *rest, **named)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(socket, "getaddrinfo", here)
            with httpx.Client(base_url=self.address, verify=trusting, timeout=30) as client:
                if auth:
                    told = client.post("login", data={"username": AUTH[0], "password": AUTH[1]})
                    assert told.status_code == 200
                yield client


@contextmanager
def nginx(folder: Path, block: str, port: int, inner: str) -> Iterator[None]:
    """Run nginx with a block of the documentation, on a port and in front of an address."""
    certificate, key = folder / "temei.pem", folder / "temei.key"
    making = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    making += ["-subj", "/CN=temei", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([str(OPENSSL), *making], check=True, capture_output=True)
    served = (
        block.replace("listen 443", f"listen 127.0.0.1:{port}")
        .replace("/etc/ssl/temei.pem", str(certificate))
        .replace("/etc/ssl/temei.key", str(key))
        .replace("127.0.0.1:7860", inner)
    )
    assert served.count(inner) == 1
    places = "".join(
        f"{kind}_temp_path {folder / kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder / 'pid'}; error_log {folder / 'error.log'}; user {folder.owner()};\n"
        f"events {{}}\nhttp {{ access_log off; {places} {served} }}\n",
        "utf-8",
    )
    arguments = [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf")]
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, process.stderr and process.stderr.read()
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module", params=["temei.example.org", "www.example.org/temei"])
def behind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    name, _, path = request.param.partition("/")
    blocks = re.findall(r"```nginx\n(.*?)```", DEPLOY, re.DOTALL)
    (block,) = (block for block in blocks if f"server_name {name};" in block)
    folder = tmp_path_factory.mktemp("nginx")
    (folder / "delta.md").write_text("# Delta\n\nDelta Dunării este în România.", "utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings(
        home=folder / "home",
        min_confidence=0,
        auth=":".join(AUTH),
        origins=f"https://{name}:{port}",
        proxies="127.0.0.1",
        root_path=f"/{path}" if path else "",
    )
    ingest([folder / "delta.md"], Index(settings, FakeEmbedder(), create=True))
    served = app(Slow(settings, embedder=FakeEmbedder()))
    with serving(served) as where, nginx(folder, block, port, where.removeprefix("http://").rstrip("/")):
        yield Behind(name, port, settings.root_path)


def test_the_page_names_the_address_that_it_is_reached_by(behind: Behind) -> None:
    with behind.client(auth=False) as client:
        assert '"auth_required":true' in client.get("").text
        assert client.get("config").status_code == 401
    with behind.client() as client:
        assert f'"root":"{behind.address.rstrip("/")}"' in client.get("").text
        assert client.get("config").json()["root"] == behind.address.rstrip("/")
        if behind.path:
            told = client.get(f"https://{behind.name}:{behind.port}{behind.path}")
            assert told.headers["location"] == behind.address
        for part in re.findall(r'(?:src|href)="\./([^"]+)"', client.get("").text):
            assert client.get(part).is_success
        assert client.get("logout").headers["location"] == behind.address.rstrip("/")


def test_an_answer_comes_as_it_grows(behind: Behind) -> None:
    with behind.client() as client:
        with client.stream("POST", "v1/chat/completions", json=ASK | {"stream": True}) as reply:
            times = [time.monotonic() for line in reply.iter_lines() if line.startswith("data: ")]
        assert times[-1] - times[0] > PAUSE / 2
        events = client.get("config").json()["dependencies"]
        asking = next(e["id"] for e in events if any(t[1] == "submit" for t in e["targets"]) and len(e["inputs"]) == 4)
        body = {"fn_index": asking, "data": [QUESTION, None, None, None], "session_hash": "abc"}
        assert client.post("gradio_api/queue/join", json=body).is_success
        steps = []
        with client.stream("GET", "gradio_api/queue/data", params={"session_hash": "abc"}) as reply:
            for line in reply.iter_lines():
                if '"process_generating"' in line or '"process_completed"' in line:
                    steps.append((time.monotonic(), json.loads(line.removeprefix("data: "))))
        assert steps[-1][1]["success"]
        assert steps[-1][0] - steps[0][0] > PAUSE / 2


def test_files_up_to_the_largest_go_through(behind: Behind) -> None:
    with behind.client() as client:
        reply = client.post("gradio_api/upload", files={"files": ("n.txt", b"x" * 15_000_000)})
        assert reply.status_code == 200
        reply = client.post("gradio_api/upload", files={"files": ("n.txt", b"x" * 21_000_000)})
        assert reply.status_code == 413


def test_pages_from_elsewhere_stay_out(behind: Behind) -> None:
    with behind.client() as client:
        own = {"origin": f"https://{behind.name}:{behind.port}"}
        assert client.post("v1/chat/completions", json=ASK, headers=own).status_code == 200
        for origin in ("https://evil.example", f"https://{behind.name}", "null"):
            assert client.post("v1/chat/completions", json=ASK, headers={"origin": origin}).status_code == 403
        forged = {"origin": "https://evil.example", "x-forwarded-host": "evil.example"}
        assert client.post("v1/chat/completions", json=ASK, headers=forged).status_code == 403


def test_programs_come_in(behind: Behind) -> None:
    if not has_mcp():
        pytest.skip("MCP is untested: Gradio works with its major version 1 only; pip install 'mcp>=1.26,<2'")
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    told = call | {"params": {"name": "ask_json", "arguments": {"question": QUESTION}}}
    accept = {"accept": "application/json, text/event-stream"}
    with behind.client(auth=False) as client:
        for where in ("gradio_api/mcp/", "gradio_api/mcp"):
            assert client.post(where, json=told, headers=accept).status_code == 401
            assert "Delta Dun" in client.post(where, json=told, headers=accept, auth=AUTH).text


@pytest.mark.browser
def test_the_page_works_in_a_browser(behind: Behind) -> None:
    playwright_api = pytest.importorskip("playwright.sync_api", reason="this test needs: pip install playwright")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("NO BROWSER: the page is untested; install one, for example: apt install chromium")
    wrong: list[str] = []
    rules = f"MAP {behind.name} 127.0.0.1"
    with playwright_api.sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", f"--host-resolver-rules={rules}"]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        page = browser.new_page(ignore_https_errors=True, locale="en-GB")
        page.on("console", lambda told: wrong.append(f"{told.text} {told.location}") if told.type == "error" else None)
        page.on("response", lambda reply: wrong.append(reply.url) if reply.status >= 400 else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(behind.address)
        page.locator("input").first.fill(AUTH[0])
        page.fill("input[type=password]", AUTH[1])
        page.click("button")
        page.fill("#question textarea", QUESTION)
        page.press("#question textarea", "Enter")
        answer = page.locator(".answer:not(.waiting)")
        playwright_api.expect(answer).to_contain_text("România", timeout=20_000)
        with page.expect_file_chooser() as chooser:
            page.click("#add")
        chooser.value.set_files({"name": "vulpe.txt", "mimeType": "text/plain", "buffer": b"Vulpea sare."})
        playwright_api.expect(page.locator("#added li.fine")).to_contain_text("vulpe.txt", timeout=20_000)
        browser.close()
    assert wrong == []
