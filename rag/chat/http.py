"""HTTP to a language model's server that ends in time, takes bounded memory and follows no redirect.

The time-outs of an HTTP client begin again with every byte, so a server that sends one byte at a time can hold a thread
for hours. Here every wait on the socket ends at the request's deadline, or as soon as nobody wants the reply any more;
the connection ends with it.
"""

from __future__ import annotations

import ssl
import threading
import time
import urllib.request
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import httpcore
import httpx

MOST_BYTES = 4_000_000
"""Bytes of one reply: 8,000 characters in events of one character each, 400 bytes an event, and some room."""
LOOK = 0.25
"""Seconds between two looks at whether the reply is still wanted."""


@dataclass
class Bounds:
    """What a request may take: until when, on the clock of `time.monotonic`, and whether anybody waits for it."""

    deadline: float
    unwanted: threading.Event = field(default_factory=threading.Event)


BOUNDS: ContextVar[Bounds | None] = ContextVar("temei_bounds", default=None)
"""The bounds of what this thread asks for; None, as outside a reply, bounds the bytes of each connection alone."""


class _Stream(httpcore.NetworkStream):
    """A socket whose reads keep to the bounds."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream
        self._received = 0

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        bounds = BOUNDS.get()
        until = time.monotonic() + (timeout if timeout is not None else 3600.0)
        while True:
            now = time.monotonic()
            if bounds is not None and (bounds.unwanted.is_set() or now >= bounds.deadline):
                raise httpcore.ReadTimeout("the time for the reply is over")
            if now >= until:
                raise httpcore.ReadTimeout("no word for too long")
            left = until - now if bounds is None else min(until, bounds.deadline) - now
            try:
                read = self._stream.read(max_bytes, max(min(LOOK, left), 0.001))
            except httpcore.ReadTimeout:
                continue
            self._received += len(read)
            if self._received > MOST_BYTES:
                raise httpcore.ReadError("the reply is too long")
            return read

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore.SyncBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        return _Stream(super().connect_tcp(host, port, timeout, local_address, socket_options))


class Transport(httpx.HTTPTransport):
    """httpx's own transport on bounded sockets; no connection is kept, and nothing compressed is taken."""

    def __init__(self) -> None:
        super().__init__()
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(), max_keepalive_connections=0, network_backend=_Backend()
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response; one that is compressed, of whatever length, is refused."""
        request.headers["accept-encoding"] = "identity"
        response = super().handle_request(request)
        if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
            response.close()
            raise httpx.DecodingError("the reply is compressed", request=request)
        return response


def client() -> httpx.Client:
    """Return a client that asks no other host than the one named, through the environment's proxy where one is set."""
    if urllib.request.getproxies().keys() & {"http", "https", "all"}:
        return httpx.Client(follow_redirects=False)
    return httpx.Client(follow_redirects=False, transport=Transport())
