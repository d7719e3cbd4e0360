"""A scripted language model behind OpenAI's HTTP interface: real sockets on this machine, faults included."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Status:
    """Answer with an HTTP status."""

    code: int
    headers: dict[str, str] = field(default_factory=dict)
    body: str = '{"error": {"message": "<b>no</b>", "type": "scripted"}}'


@dataclass(frozen=True)
class Raw:
    """Send bytes as they are, where an event should be."""

    data: bytes


@dataclass(frozen=True)
class Hang:
    """Send nothing for some seconds."""

    seconds: float


class Die:
    """Break the connection off."""


Action = str | Status | Raw | Hang | Die
Script = Callable[[dict[str, Any]], "list[Action]"]


class Scripted:
    """What was asked, and what is to be replied: a list is played to every request, a function decides for each."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.script: Script | list[Action] = []
        self.address = ""

    def actions(self, request: dict[str, Any]) -> list[Action]:
        self.requests.append(request)
        return self.script(request) if callable(self.script) else self.script

    @property
    def asked(self) -> str:
        """The last message of the last request."""
        return str(self.requests[-1]["messages"][-1]["content"])


def event(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": finish}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n".encode()


@contextlib.contextmanager
def scripted() -> Iterator[Scripted]:
    """Serve scripted replies while the block runs."""
    told = Scripted()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments: Any) -> None:
            return None

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with contextlib.suppress(OSError):
                self._play(told.actions(request))

        def _play(self, actions: list[Action]) -> None:
            first = actions[0] if actions else None
            if isinstance(first, Status):
                self.send_response(first.code)
                for name, value in {"content-type": "application/json", **first.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(first.body.encode())
                return
            if isinstance(first, Hang):
                time.sleep(first.seconds)
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            for action in actions:
                if isinstance(action, Die):
                    # A reset, not an orderly end.
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.connection.close()
                    return
                if isinstance(action, Hang):
                    time.sleep(action.seconds)
                elif isinstance(action, Raw):
                    self.wfile.write(action.data)
                elif isinstance(action, str):
                    for start in range(0, len(action), 7):
                        self.wfile.write(event(action[start : start + 7]))
                self.wfile.flush()
            self.wfile.write(event("", "stop") + b"data: [DONE]\n\n")

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    told.address = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
