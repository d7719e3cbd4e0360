"""Check every request before the page, ``/v1`` or MCP sees it.

The checks run in this order: the visitor's address (a trusted proxy may name it), the host name that is asked for, the
page that the request comes from, the login, the route, the rate limit, the size, and the files that the request names.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import math
import re
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as ASGIMessage

from rag.messages import ENGLISH, Message, message
from ui.api import bodies
from ui.api.bodies import BodyError
from ui.api.faults import note, problem, with_status
from ui.api.headers import CORS, preflight, rewrite, secure
from ui.api.rate_limit import RateLimit, Tries, retry_after
from ui.api.routes import Kind, is_for_programs, kind_of
from ui.api.uploaded_files import foreign_files, size_of, sweep
from ui.api.visitors import Network, address, is_address, is_own_origin, name_of, seen
from ui.texts import preferred

MEGABYTE = 1_000_000
UPLOADS_A_MINUTE = 10
"""Requests of one address that upload files, each with up to 50. Chosen by eye; not measured."""
POSTS_AN_ASK = 20
"""What a browser posts for every question, at most: opening quotes, ticking sources, and the like."""
MOST_UNREAD = 50
"""Messages that wait for a visit: those of some questions asked at once. Gradio keeps them until they are fetched."""
MOST_HELD_LOGINS = 4
"""Logins of one visitor that are held until they may be tried; what is beyond is refused at once."""


@dataclass
class Rules:
    """The rules by which the gate lets requests in.

    ``names`` are those that may stand in a Host header, None for any. ``uploads`` is Gradio's folder of uploaded files
    and ``kept`` the one they end up in; both together hold at most ``most_bytes``. ``is_known`` tells whether a cookie
    is one that Gradio gave to somebody who logged in, ``unread`` how many messages a visit has not fetched;
    ``check_event`` raises `BodyError` where a call is none of the page's.
    """

    login: tuple[str, str] | None
    names: frozenset[str] | None
    origins: frozenset[str]
    proxies: tuple[Network, ...]
    uploads: Path
    kept: Path
    most_bytes: float
    largest_upload: float
    asks_a_minute: int
    is_known: Callable[[str], bool] = field(default=lambda token: False)
    unread: Callable[[str], int] = field(default=lambda session: 0)
    check_event: Callable[[str, object], None] = field(default=lambda path, body: None)
    cookie: str = ""


class RefusedError(Exception):
    """A request is refused."""

    def __init__(self, status: int, message: Message, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}

    def response(self, language: str = ENGLISH) -> Response:
        """Return the refusal as OpenAI's clients and as Gradio's read it."""
        line = self.message.in_language(language)
        return JSONResponse(
            problem(line, self.status) | {"detail": line}, status_code=self.status, headers=self.headers
        )


class Gate:
    """The outermost ASGI layer."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app, self._rules = app, rules
        self._posts = RateLimit(POSTS_AN_ASK * rules.asks_a_minute, 60)
        self._files = RateLimit(UPLOADS_A_MINUTE, 60)
        self._tries = Tries()
        self._held: Counter[str] = Counter()
        self._incoming = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # nothing here speaks over WebSockets
            await send({"type": "websocket.close", "code": 1008})
            return
        scope = seen(scope, self._rules.proxies, self._rules.origins)
        headers = Headers(scope=scope)
        nonce = secrets.token_urlsafe(16)
        allowed = headers.get("origin", "").lower() if self._is_listed(headers) else ""
        language = ENGLISH if is_for_programs(scope["path"]) else preferred(headers.get("accept-language", ""))
        send, begun = _watched(secure(send, nonce=nonce, origins=self._rules.origins, allowed=allowed))
        try:
            self._check_name(headers)
            self._check_origin(scope, headers)
            if allowed and scope["method"] == "OPTIONS" and CORS in headers:
                await preflight(headers)(scope, receive, send)
                return
            known = self._check_login(scope, headers)
            kind = kind_of(scope["method"], scope["path"])
            if kind is None:
                raise RefusedError(404, message("request_for_nothing"))
            await self._admit(kind, known, nonce, scope, receive, send)
        except (RefusedError, BodyError) as error:
            refusal = RefusedError(error.status, error.message) if isinstance(error, BodyError) else error
            await refusal.response(language)(scope, receive, send)
        except Exception as error:  # the server would only print it and close the connection
            note(error)
            if not begun:
                await RefusedError(500, message("failed")).response(language)(scope, receive, send)

    # Who asks, for what, from where

    def _is_listed(self, headers: Headers) -> bool:
        return headers.get("origin", "").lower() in self._rules.origins

    def _check_name(self, headers: Headers) -> None:
        """Refuse host names that a stranger may point to this machine to pass off a page as ours."""
        name = name_of(headers.get("host", ""))
        names = self._rules.names
        if not name or (names is not None and name not in names and not self._is_open_address(name)):
            raise RefusedError(400, message("request_by_other_name"))

    def _is_open_address(self, name: str) -> bool:
        """Tell whether a name is an address of a page that is open to the network; that of this machine is listed."""
        return "*" in (self._rules.names or ()) and is_address(name)

    def _check_origin(self, scope: Scope, headers: Headers) -> None:
        """Refuse requests of pages from elsewhere; a link to the page is allowed."""
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
        if self._is_listed(headers) or (origin is not None and is_own_origin(origin, headers)):
            return
        linked = (
            scope["method"] in ("GET", "HEAD")
            and headers.get("sec-fetch-mode") == "navigate"
            and scope["path"] == "/"
            and origin is None
        )
        if origin is not None or (site not in ("none", "same-origin") and not linked):
            raise RefusedError(403, message("request_from_elsewhere"))

    # The login

    def _check_login(self, scope: Scope, headers: Headers) -> bool:
        """Tell whether the visitor is logged in; without a login, refuse everything but the login page."""
        login = self._rules.login
        if login is None or self._has_cookie(headers):
            return True
        given = headers.get("authorization", "")
        if given:
            who = address((scope.get("client") or ("",))[0])
            self._try(who)
            if is_login(given, login):
                self._tries.passed(who)
                return True
        elif kind_of(scope["method"], scope["path"]) in (Kind.PAGE, Kind.PART, Kind.LOGIN):
            return False
        asked = {"WWW-Authenticate": "Basic"} if is_for_programs(scope["path"]) else {}
        raise RefusedError(401, message("request_without_login"), asked)

    def _has_cookie(self, headers: Headers) -> bool:
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return False
        names = (f"access-token-{self._rules.cookie}", f"access-token-unsecure-{self._rules.cookie}")
        return any(name in cookies and self._rules.is_known(cookies[name].value) for name in names)

    def _try(self, who: str) -> None:
        wait = self._tries.begin(who)
        if wait:
            seconds = math.ceil(wait)
            raise RefusedError(429, message("too_many_logins", seconds=seconds), retry_after(wait))

    # What is sent

    async def _admit(self, kind: Kind, known: bool, nonce: str, scope: Scope, receive: Receive, send: Send) -> None:
        who = address((scope.get("client") or ("",))[0])
        scope = {**scope, "headers": [(n, v) for n, v in scope["headers"] if n != b"origin"]}
        if scope["method"] == "POST" and (wait := self._posts.wait(who)):
            raise RefusedError(429, message("too_many_requests"), retry_after(wait))
        if kind is Kind.PAGE:
            await rewrite(self._app, scope, receive, send, nonce=nonce, known=known)
        elif kind is Kind.CALL:
            body = await bodies.read(scope, receive, bodies.JSON_BYTES)
            self._check(scope["path"], bodies.parse(body))
            send = with_status(scope, send)
            await self._app(*bodies.again(scope, body, receive), send)
        elif kind is Kind.LOGIN:
            await self._log_in(who, scope, receive, send)
        elif kind is Kind.UPLOAD:
            await self._upload(who, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _check(self, path: str, value: object) -> None:
        self._check_files(value)
        self._rules.check_event(path, value)
        session = value.get("session_hash") if isinstance(value, dict) else None
        if isinstance(session, str):
            if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", session):
                raise RefusedError(400, message("bad_session"))
            if self._rules.unread(session) > MOST_UNREAD:
                raise RefusedError(429, message("too_many_unread"))

    def _check_files(self, value: object) -> None:
        if next(foreign_files(value, self._rules.uploads), self) is not self:
            raise RefusedError(403, message("request_names_foreign_file"))

    async def _log_in(self, who: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a login on. After too many wrong ones, wait first: Gradio's page shows no refusal."""
        body = await bodies.read(scope, receive, bodies.LOGIN_BYTES)
        wait = self._tries.begin(who)
        if wait and self._held[who] < MOST_HELD_LOGINS:
            self._held[who] += 1
            try:
                await asyncio.sleep(wait)
            finally:
                self._held[who] -= 1
                self._held += Counter()  # drops those at zero
        if wait:
            self._try(who)

        async def watched(event: ASGIMessage) -> None:
            if event["type"] == "http.response.start" and event["status"] < 400:
                self._tries.passed(who)
            await send(event)

        await self._app(*bodies.again(scope, body, receive), watched)

    async def _upload(self, who: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Accept files as long as there is room for them."""
        size = bodies.length_of(scope)
        bodies.check_type(scope)
        if size is None:
            raise RefusedError(411, message("upload_of_no_length"))
        if size > self._rules.largest_upload:
            most = self._rules.largest_upload / MEGABYTE
            raise RefusedError(413, message("uploads_too_large", most=most))
        if wait := self._files.wait(who):
            raise RefusedError(429, message("too_many_uploads"), retry_after(wait))
        sweep(self._rules.uploads)
        taken = size_of(self._rules.uploads) + size_of(self._rules.kept) + self._incoming
        if taken + size > self._rules.most_bytes:
            most = self._rules.most_bytes / MEGABYTE
            raise RefusedError(413, message("uploads_take_all_room", most=most))
        self._incoming += size
        try:
            await self._app(scope, bodies.to_its_end(receive), send)
        finally:
            self._incoming -= size


def _watched(send: Send) -> tuple[Send, list[bool]]:
    """Return a ``send`` and a list that is not empty once a reply has begun."""
    begun: list[bool] = []

    async def sending(event: ASGIMessage) -> None:
        begun[:] = [True]
        await send(event)

    return sending, begun


def is_login(header: str, login: tuple[str, str]) -> bool:
    """Tell whether an Authorization header carries the login, as Basic or as an OpenAI client's Bearer key."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "basic":
        try:
            value = base64.b64decode(value, validate=True).decode("utf-8")
        except (binascii.Error, ValueError):
            return False
    elif scheme.lower() != "bearer":
        return False
    return secrets.compare_digest(value.encode(), ":".join(login).encode())
