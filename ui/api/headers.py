"""Set the headers of every reply, so that the browser runs and shows only what this server sends."""

from __future__ import annotations

import gzip
import re
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CORS = "access-control-request-method"
_POLICY = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; media-src 'self' data: blob:; connect-src 'self'; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors {frames}"
)
"""Scripts come from here or carry the reply's nonce. Gradio makes functions out of the page's own scripts and styles
out of its theme while the page runs, hence the two ``unsafe``."""
_LISTING = re.compile(rb"window\.gradio_api_info = .*?;</script>", re.DOTALL)
_NO_LISTING = b'window.gradio_api_info = {"named_endpoints":{},"unnamed_endpoints":{}};</script>'


def secure(send: Send, *, nonce: str, origins: Collection[str], allowed: str) -> Send:
    """Return a ``send`` that adds the headers; ``allowed`` is the listed origin that asks, "" where there is none."""
    frames = " ".join(["'self'", *sorted(origins)]) if origins else "'none'"

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message.setdefault("headers", [])
            headers = MutableHeaders(scope=message)
            for name in ("Access-Control-Allow-Origin", "Access-Control-Allow-Credentials"):
                del headers[name]  # only what is said here counts
            headers["Content-Security-Policy"] = _POLICY.format(nonce=nonce, frames=frames)
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Referrer-Policy"] = "no-referrer"
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
            if not origins:
                headers["X-Frame-Options"] = "DENY"
            if allowed:
                headers["Access-Control-Allow-Origin"] = allowed
                headers["Access-Control-Allow-Credentials"] = "true"
                headers.add_vary_header("Origin")
        await send(message)

    return sending


def preflight(headers: Headers) -> Response:
    """Return the reply to a browser that asks whether a page of a listed origin may send a request."""
    return Response(
        status_code=204,
        headers={
            "Access-Control-Allow-Methods": "GET, HEAD, POST, DELETE",
            "Access-Control-Allow-Headers": headers.get("access-control-request-headers", "content-type"),
            "Access-Control-Max-Age": "600",
        },
    )


async def rewrite(app: ASGIApp, scope: Scope, receive: Receive, send: Send, *, nonce: str, known: bool) -> None:
    """Answer with the page, its own scripts marked with the nonce; who is not logged in is told no endpoints."""
    zipped = "gzip" in Headers(scope=scope).get("accept-encoding", "")
    plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
    start: Message = {}
    parts: list[bytes] = []

    async def collect(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message
        elif message["type"] == "http.response.body":
            parts.append(message.get("body", b""))

    await app({**scope, "headers": plain}, receive, collect)
    headers = MutableHeaders(raw=list(start["headers"]))
    body = b"".join(parts)
    if headers.get("content-type", "").startswith("text/html"):
        body = body.replace(b"<script", b'<script nonce="%s"' % nonce.encode())
        # The page may be below a path: these two are otherwise fetched from above it.
        body = body.replace(b'href="/manifest.json"', b'href="./manifest.json"')
        body = body.replace(b"<head>", b'<head><link rel="icon" href="./favicon.ico">', 1)
        body = body if known else _LISTING.sub(_NO_LISTING, body)
        if zipped and body:
            body = gzip.compress(body, 5)
            headers["Content-Encoding"] = "gzip"
            headers.add_vary_header("Accept-Encoding")
        headers["Cache-Control"] = "no-store"
        if scope["method"] != "HEAD":
            headers["Content-Length"] = str(len(body))
    await send({**start, "headers": headers.raw})
    await send({"type": "http.response.body", "body": body})
