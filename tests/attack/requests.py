"""Hostile requests: against the page as ``temei chat`` serves it, from many addresses of this machine at once.

Each is one connection: broken JSON, huge or wrong fields, tricks with paths and headers, broken uploads, slow senders,
connections that close halfway, pages from elsewhere, every event of the page with foreign paths. A reply may refuse,
with a status below 500 (or 503, where there is no room), never show a traceback or a file of the server; a door that
streams for ever is left after a moment.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from .result import SLOW, Result
from .tricks import Attack, attack_of

ROOT = Path(__file__).resolve().parents[2]
AT_ONCE = 8
MOST_SECONDS = 2400.0
PATIENCE = 30.0
"""Seconds after which a connection is given up, and counts as slow."""
MOMENT = 0.5
"""Seconds that a door which streams until the visitor goes is listened to."""
WARM = 0.25
"""The share of the tries after which the server counts as warmed up."""


def send(attack: Attack, port: int, source: str) -> tuple[float, bytes]:
    """Send it from an address of this machine; returns the seconds from the last byte sent, and the reply."""
    with socket.socket() as connection:
        connection.settimeout(PATIENCE)
        connection.bind((source, 0))
        connection.connect(("127.0.0.1", port))
        reply = b""
        start = time.monotonic()
        try:
            for pause, piece in attack.pieces:
                time.sleep(pause)
                connection.sendall(piece)
            start = time.monotonic()
            if attack.leave == "half":
                connection.shutdown(socket.SHUT_WR)
            if attack.leave == "reset":
                time.sleep(0.05)
                return 0.0, b""
            until = start + (MOMENT if attack.streams else PATIENCE)
            while (left := until - time.monotonic()) > 0:
                connection.settimeout(left)
                more = connection.recv(1 << 16)
                if not more:
                    break
                reply = (reply + more)[: 1 << 20]
        except TimeoutError:
            pass
        except OSError:
            return 0.0, reply  # the server closed it, which is an answer
        return 0.0 if attack.streams else time.monotonic() - start, reply


@contextmanager
def server(home: Path) -> Iterator[tuple[int, psutil.Process, Path]]:
    """Run the page as ``temei chat`` does; gives its port, its process and what it writes to stderr."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    env = {name: value for name, value in os.environ.items() if not name.startswith("TEMEI_")}
    env |= {"TEMEI_HOME": str(home), "TEMEI_PORT": str(port), "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", "from ui.cli import main; main()"]
    told = home.parent / "stderr"
    with told.open("wb") as stderr:
        subprocess.run(
            [*command, "ingest", str(ROOT / "seeds")], env=env, cwd=home.parent, check=True, capture_output=True
        )
        child = subprocess.Popen([*command, "chat"], env=env, cwd=home.parent, stdout=stderr, stderr=stderr)
        try:
            _wait(port, child)
            yield port, psutil.Process(child.pid), told
        finally:
            child.terminate()
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _wait(port: int, child: subprocess.Popen[bytes]) -> None:
    for _ in range(1200):
        if child.poll() is not None:
            break
        try:
            httpx.get(f"http://127.0.0.1:{port}/config", timeout=5).raise_for_status()
            return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise RuntimeError("the page did not come up")


def run(count: int, seed: int, *, leave_out: Collection[str] = ()) -> Result:
    """Send that many hostile requests, not of the kinds left out; stops by itself after `MOST_SECONDS`."""
    result, until = Result("requests", seed), time.monotonic() + MOST_SECONDS
    with (
        tempfile.TemporaryDirectory(prefix="temei-attack-") as name,
        server(Path(name) / "home") as (port, process, told),
    ):
        address = f"http://127.0.0.1:{port}"
        config = httpx.get(f"{address}/config", timeout=30).json()

        def one(number: int) -> None:
            if time.monotonic() > until:
                result.note(f"left out after {MOST_SECONDS:.0f} s")
                return
            attack = attack_of(seed, number, config)
            if attack.kind in leave_out:
                result.tries += 1
                return
            seconds, reply = send(attack, port, f"127.{seed % 200 + 1}.{number // 250 % 250}.{number % 250 + 1}")
            result.tries += 1
            _judge(result, number, attack, seconds, reply)

        for _ in range(3):  # what models and threads take, they take at the first questions
            _check_alive(result, 0, address)
        warm = max(1, int(count * WARM))
        with ThreadPoolExecutor(AT_ONCE) as many:
            list(many.map(one, range(warm)))
            before = process.memory_info().rss / 1e6
            list(many.map(one, range(warm, count)))
        result.memory = (before, process.memory_info().rss / 1e6)
        _check_alive(result, count, address)
        stderr = told.read_text(encoding="utf-8", errors="replace")
    result.tracebacks += stderr.count("Traceback (most recent call last)")
    for line in dict.fromkeys(_last_lines(stderr)):
        result.fail(-1, f"the server's stderr: {line[:300]}")
    return result


def _judge(result: Result, number: int, attack: Attack, seconds: float, reply: bytes) -> None:
    text = reply.decode("utf-8", "replace")
    status = text[9:12] if text.startswith("HTTP/1.1 ") else "none"
    result.note(f"status {status}")
    if status.startswith("5") and status != "503":
        body = text.partition("\r\n\r\n")[2]
        result.fail(number, f"{attack.kind}: status {status} {body[:80]!r}: {attack.pieces[0][1][:300]!r}")
    if seconds > SLOW:
        result.slow += 1
        result.fail(number, f"{attack.kind}: {seconds:.1f} s: {attack.pieces[0][1][:120]!r}")
    if "Traceback (most recent" in text:
        result.tracebacks += 1
        result.fail(number, f"{attack.kind}: a traceback in the reply")
    for words in attack.forbidden:
        if words.lower() in text.lower():
            result.fail(number, f"{attack.kind}: the reply holds {words!r}: {attack.pieces[0][1][:160]!r}")


def _check_alive(result: Result, number: int, address: str) -> None:
    """Ask an honest question: its answer has to come in time and be right."""
    before = time.monotonic()
    body = {"messages": [{"role": "user", "content": "Când a trimis președintele scrisoarea de felicitare?"}]}
    try:
        answer = httpx.post(f"{address}/v1/chat/completions", json=body, timeout=PATIENCE).json()
        if "12 iulie" not in answer["choices"][0]["message"]["content"]:
            result.fail(number, "the answer after it all is another than before")
    except (httpx.HTTPError, ValueError, KeyError) as error:
        result.fail(number, f"no answer after it all: {type(error).__name__} {error}")
    if time.monotonic() - before > SLOW:
        result.slow += 1
        result.fail(number, "the answer after it all took too long")


def _last_lines(stderr: str) -> Iterator[str]:
    """Yield the error that each traceback ends with."""
    inside = False
    for line in stderr.splitlines():
        if "Traceback (most recent call last)" in line:
            inside = True
        elif inside and line.strip() and not line.startswith((" ", "+", "|")):
            inside = False
            yield line
