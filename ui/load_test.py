"""Test the page under load: many people ask at once, through each of its endpoints, on this machine only.

The page runs in a process of its own, as ``temei chat`` starts it. The number of questions is limited. Every question
ends in marks of its own, so that an answer to somebody else's question is noticed. Each of the ``people`` asks the next
question when the last one is answered.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import httpx
import numpy as np
import psutil
from gradio_client.utils import apply_diff

from rag.errors import TerminalError

HOST = "127.0.0.1"
ASKED = (
    "Când a trimis președintele scrisoarea de felicitare?",
    "Ce a accelerat China în ultimii ani?",
    "When was the letter of congratulation sent?",
    "Ce este Conferința Mondială a Internetului?",
    "Cine a câștigat campionatul mondial de fotbal?",
    "What has China accelerated in recent years?",
    "谁发来了贺信？",
)
NO_LIMIT = 1_000_000
"""Questions a minute that one address may ask here, where all come from one."""
A_VISIT = 10
"""Questions that somebody asks on the page before they open it anew."""
PATIENCE = 120.0
"""Seconds after which an answer counts as missing."""


class LoadError(TerminalError):
    """The page does not start."""


@dataclass(frozen=True, slots=True)
class Load:
    """The result of one endpoint: times in seconds, memory of the page's process in megabytes.

    ``memory`` holds the resident set at the start, after each tenth of the questions, and so at the end.
    """

    door: str
    people: int
    questions: int
    wall: float
    p50: float
    p95: float
    slowest: float
    errors: tuple[str, ...]
    memory: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as JSON values."""
        return asdict(self)


@dataclass
class _Tally:
    """What has been seen so far."""

    total: int
    rss: Callable[[], float]
    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def note(self, seconds: float, error: str) -> None:
        self.seconds.append(seconds)
        if error:
            self.errors.append(error)
        if len(self.seconds) * 10 // self.total > (len(self.seconds) - 1) * 10 // self.total:
            self.memory.append(self.rss())


Ask = Callable[[httpx.AsyncClient, str], Awaitable[str]]
"""Asks a question and returns what is wrong with the reply, "" for nothing."""


def run_load(
    doors: Sequence[str], *, people: int = 50, questions: int = 2000, report: Callable[[str], None] = lambda line: None
) -> list[Load]:
    """Serve the page and ask the questions through each endpoint, ``people`` of them at once.

    The doors are ``v1`` (/v1/chat/completions), ``ask`` (Gradio's API, each question a session of its own) and ``page``
    (the page's own queue, as a browser uses it, in conversations of several questions).

    Raises:
        LoadError: the page did not start.
    """
    with _page() as (address, rss):
        found = []
        for door in doors:
            report(f"{people} people ask {questions} questions through {door} …")
            found.append(asyncio.run(_drive(door, _DOORS[door](address), people, questions, rss)))
        return found


@contextmanager
def _page() -> Iterator[tuple[str, Callable[[], float]]]:
    """Run the page on a free port; yields its address and a function that returns its memory in megabytes."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    environment = {k: v for k, v in os.environ.items() if k not in ("TEMEI_AUTH", "TEMEI_ALLOW_OPEN")}
    environment |= {"TEMEI_ASKS_A_MINUTE": str(NO_LIMIT), "TEMEI_HOST": HOST, "TEMEI_PORT": str(port)}
    command = [sys.executable, "-c", "from temei.__main__ import main; main()", "chat"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as page:
        try:
            address = f"http://{HOST}:{port}/"
            _await(address, page)
            process = psutil.Process(page.pid)
            yield address, lambda: process.memory_info().rss / 1e6
        finally:
            page.terminate()
            try:
                page.wait(10)
            except subprocess.TimeoutExpired:
                page.kill()


def _await(address: str, page: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until and page.poll() is None:
        try:
            httpx.get(f"{address}v1/models", timeout=5, trust_env=False).raise_for_status()
            return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise LoadError("The page did not start; run temei chat to see why.")


async def _drive(door: str, new: Callable[[], Ask], people: int, questions: int, rss: Callable[[], float]) -> Load:
    waiting = iter(range(questions))
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=people)
    # Ask each question once before, so that memory allocated on first use does not count as growth.
    async with httpx.AsyncClient(timeout=PATIENCE, limits=limits, trust_env=False) as client:
        ask = new()
        for number in range(len(ASKED)):
            await ask(client, _question(number))
        tally = _Tally(questions, rss, memory=[rss()])

        async def person() -> None:
            ask, asked = new(), 0
            for number in waiting:
                if asked == A_VISIT:
                    ask, asked = new(), 0
                asked += 1
                began = time.perf_counter()
                try:
                    error = await ask(client, _question(number))
                except (httpx.HTTPError, ValueError, KeyError, IndexError, TypeError) as problem:
                    error = f"{type(problem).__name__}: {problem}"
                tally.note(time.perf_counter() - began, error)

        began = time.perf_counter()
        await asyncio.gather(*(person() for _ in range(people)))
        wall = time.perf_counter() - began
    p50, p95 = (float(x) for x in np.percentile(tally.seconds, [50, 95]))
    memory = tuple(round(x, 1) for x in tally.memory)
    return Load(door, people, questions, wall, p50, p95, max(tally.seconds), tuple(tally.errors), memory)


def _question(number: int) -> str:
    """Return a question that is unique to ``number``: the marks at its end are the binary digits."""
    return ASKED[number % len(ASKED)] + "".join("?!"[int(digit)] for digit in f"{number:b}")


def _wrong(told: dict[str, Any], question: str) -> str:
    if told["question"] != question:
        return f"the answer to another question: {told['question']}"
    if told["abstained"] == bool(told["citations"]):
        return "an answer without a citation, or a refusal with one"
    return ""


def _v1(address: str) -> Callable[[], Ask]:
    async def ask(client: httpx.AsyncClient, question: str) -> str:
        body = {"model": "temei", "messages": [{"role": "user", "content": question}]}
        reply = await client.post(f"{address}v1/chat/completions", json=body)
        return _wrong(reply.raise_for_status().json()["temei"], question)

    return lambda: ask


def _ask(address: str) -> Callable[[], Ask]:
    """Return how a program asks over Gradio's API, each question a session of its own."""

    async def ask(client: httpx.AsyncClient, question: str) -> str:
        called = await client.post(f"{address}gradio_api/call/ask", json={"data": [question, None]})
        event = called.raise_for_status().json()["event_id"]
        stream = await client.get(f"{address}gradio_api/call/ask/{event}")
        last = stream.raise_for_status().text.strip().splitlines()
        if last[-2] != "event: complete":
            return " ".join(last[-2:])
        return _wrong(json.loads(last[-1].removeprefix("data: "))[0], question)

    return lambda: ask


def _page_visits(address: str) -> Callable[[], Ask]:
    """Return how a browser asks on the page: over its queue, in one conversation, reading each step as it comes."""
    config = httpx.get(f"{address}config", timeout=PATIENCE, trust_env=False).json()
    box = next(c["id"] for c in config["components"] if c["props"].get("elem_id") == "question")
    asking = next(
        d for d in config["dependencies"] if [box, "submit"] in [list(t) for t in d["targets"]] and d["queue"]
    )

    def visit() -> Ask:
        session, said = uuid.uuid4().hex, list[str]()

        async def ask(client: httpx.AsyncClient, question: str) -> str:
            body = {
                "data": [question, *[None] * (len(asking["inputs"]) - 1)],
                "fn_index": asking["id"],
                "session_hash": session,
                "trigger_id": box,
                "event_data": None,
            }
            (await client.post(f"{address}gradio_api/queue/join", json=body)).raise_for_status()
            shown = await _stream(client, address, session)
            said.append(question)
            asked = [m["content"][0]["text"] for m in shown if m["role"] == "user"]
            if asked != said:
                return f"another conversation: {asked}"
            return "" if len(shown) == 2 * len(said) and shown[-1]["role"] == "assistant" else "no answer"

        return ask

    return visit


async def _stream(client: httpx.AsyncClient, address: str, session: str) -> list[dict[str, Any]]:
    """Return the conversation as the browser has it at the end."""
    seen: Any = None
    shown: list[dict[str, Any]] = []
    where = f"{address}gradio_api/queue/data"
    async with client.stream("GET", where, params={"session_hash": session}) as reply:
        async for line in reply.aiter_lines():
            if not line.startswith("data: "):
                continue
            told = json.loads(line.removeprefix("data: "))
            if told["msg"] == "process_generating":
                step = told["output"]["data"][0]  # the first is whole, the others say what changes
                now = step if seen is None else apply_diff(seen, step)
                seen, shown = now, now if isinstance(now, list) else shown
            elif told["msg"] == "process_completed":
                if not told["success"]:
                    raise ValueError(str(told["output"]))
                return shown
    raise ValueError("the stream ended early")


_DOORS = {"v1": _v1, "ask": _ask, "page": _page_visits}
