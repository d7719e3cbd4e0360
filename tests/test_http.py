"""A language model's server that misbehaves holds no thread, connection or memory, and has nobody else asked."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from langchain_core.messages import HumanMessage

from rag import Settings
from rag.chat.generate import reply
from rag.chat.model import open_chat
from rag.errors import ChatError, Fault

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
EVENT = b'data: {"id":"c","object":"chat.completion.chunk","created":0,"model":"m","choices":[{"index":0,"delta":'
Play = Callable[[socket.socket], None]


class Served:
    """A raw server: what it was sent, and its connections that are still open."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self.asked: list[bytes] = []
        self.open = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.listener.getsockname()[1]}/v1"

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        self.open += 1
        with contextlib.suppress(OSError), connection:
            self.asked.append(connection.recv(1_000_000))
            self.play(connection)
            # To close what was not read to its end resets the connection, and what was sent is lost.
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(2)
            while connection.recv(1_000_000):
                pass
        self.open -= 1


@contextlib.contextmanager
def serving(play: Play) -> Iterator[Served]:
    served = Served(play)
    threading.Thread(target=served.run, daemon=True).start()
    yield served
    served.listener.close()


def repeat(head: bytes, piece: bytes, pause: float) -> Play:
    def play(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(piece)
            time.sleep(pause)

    return play


def once(said: bytes) -> Play:
    return lambda connection: connection.sendall(said)


def silent(connection: socket.socket) -> None:
    while connection.recv(1000):
        pass


CHUNK = EVENT + b'{"role":"assistant","content":"' + b"x" * 14_000_000 + b'"}}]}\n\n'
BOMB = gzip.compress(b"data: " + b"x" * 50_000_000)
HOSTILE = {
    "pings": repeat(HEAD + b"\r\n", b": ping\n\n", 0.05),
    "a slow drip of bytes": repeat(HEAD + b"\r\n", b"d", 0.05),
    "empty events": repeat(HEAD + b"\r\n", EVENT + b'{"content":""}}]}\n\n', 0.05),
    "a header without end, slowly": repeat(b"HTTP/1.1 200 OK\r\nX-A: ", b"a", 0.05),
    "a header without end, fast": repeat(b"HTTP/1.1 200 OK\r\nX-A: ", b"a" * 65_536, 0.0),
    "headers without end": repeat(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n", 0.02),
    "a stream without end, fast": repeat(HEAD + b"\r\n", b": " + b"x" * 65_536, 0.0),
    "a line without end": repeat(HEAD + b"\r\ndata: ", b"x" * 65_536, 0.0),
    "one chunk of 14 MB": once(HEAD + b"\r\n" + CHUNK),
    "an error of 14 MB": once(b"HTTP/1.1 500 No\r\n\r\n" + b"x" * 14_000_000),
    "a compressed bomb": once(HEAD + b"Content-Encoding: gzip\r\n\r\n" + BOMB),
    "silence": silent,
    "silence behind the head": lambda connection: (connection.sendall(HEAD + b"\r\n"), silent(connection))[1],
    "no HTTP": repeat(b"", b"\x00\xff", 0.0),
    "early hints without end": repeat(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", 0.02),
}


def ask(address: str, seconds: float, silence: float = 60) -> Fault:
    settings = Settings(
        chat_model="openai:m", chat_base_url=address, chat_retries=0, chat_silence_seconds=silence, chat_seconds=seconds
    )
    chat = open_chat(settings)
    assert chat is not None
    with pytest.raises(ChatError) as error:
        list(reply(chat, [HumanMessage("SECRET QUESTION")], settings, time.monotonic() + seconds))
    return error.value.fault


def threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "chat"}


def until(condition: Callable[[], bool], seconds: float = 3) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


@pytest.fixture(scope="module", autouse=True)
def _imported() -> None:
    with serving(once(b"HTTP/1.1 500 No\r\n\r\n")) as served:
        ask(served.address, 20)


@pytest.mark.parametrize("play", [pytest.param(play, id=name) for name, play in HOSTILE.items()])
def test_the_deadline_holds_and_nothing_stays(play: Play) -> None:
    before = threads()
    with serving(play) as served:
        began = time.monotonic()
        tracemalloc.start()
        ask(served.address, 1.0)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert time.monotonic() - began < 2.5
        assert until(lambda: not threads() - before)
        assert until(lambda: not served.open)
        assert peak < 60_000_000
        assert len(served.asked) == 1


def test_silence_is_not_waited_for_until_the_deadline() -> None:
    with serving(silent) as served:
        began = time.monotonic()
        assert ask(served.address, 30, silence=0.5) is Fault.SLOW
        assert time.monotonic() - began < 3
        assert until(lambda: not served.open)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["http://127.0.0.1:{port}/v1/chat/completions", "//127.0.0.1:{port}/", "/v1/chat"])
def test_a_redirect_is_never_followed(status: int, target: str) -> None:
    with serving(once(b"HTTP/1.1 500 No\r\n\r\n")) as other:
        where = target.format(port=other.address.split(":")[2].split("/")[0])
        said = f"HTTP/1.1 {status} Elsewhere\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n"
        with serving(once(said.encode())) as served:
            assert ask(served.address, 5) is Fault.BROKEN
            assert len(served.asked) == 1
        assert other.asked == []


def test_a_piece_is_cut_at_the_longest_reply() -> None:
    body = EVENT + b'{"role":"assistant","content":"' + b"x" * 1_000_000 + b'"}}]}\n\ndata: [DONE]\n\n'
    with serving(once(HEAD + b"\r\n" + body)) as served:
        settings = Settings(chat_model="openai:m", chat_base_url=served.address)
        chat = open_chat(settings)
        assert chat is not None
        said = "".join(reply(chat, [HumanMessage("q")], settings, time.monotonic() + 10))
    assert len(said) == 8000
