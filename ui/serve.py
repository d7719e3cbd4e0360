"""Serving the page and its doors: on this machine only, unless told otherwise."""

from __future__ import annotations

import base64
import binascii
import importlib.metadata
import ipaddress
import re
import secrets
import socket
import sys
from typing import Any

import gradio as gr
import uvicorn
from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.chain import Temei
from rag.errors import SettingsError
from rag.settings import Settings
from ui.doors import router
from ui.look import CSS, HEAD, theme
from ui.sessions import hold
from ui.texts import I18N

HERE = ["127.0.0.1", "localhost", "[::1]"]


class Guard:
    """Refuses programs without the login; people meet Gradio's own login page, which leaves MCP unguarded."""

    def __init__(self, app: ASGIApp, login: tuple[str, str]) -> None:
        self._app = app
        self._login = login

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = re.sub("/+", "/", scope.get("path", ""))
        if scope["type"] == "http" and path.startswith(("/v1", "/gradio_api/mcp")):
            given = Headers(scope=scope).get("authorization", "")
            if not _is_known(given, self._login):
                problem = {"error": {"message": "Give the user and password of TEMEI_AUTH.", "type": "temei_error"}}
                refusal = JSONResponse(problem, status_code=401, headers={"WWW-Authenticate": "Basic"})
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


def launch(temei: Temei, *, host: str, port: int) -> None:
    """Serve the page until interrupted.

    Raises:
        SettingsError: the port is taken, the host is no address of this machine, or it is open to others without a
            password.
    """
    served = app(temei, host=host)
    check_free(host, port)
    shown = f"[{host}]" if ":" in host else host
    print(f"Temei: http://{shown}:{port}/  (Ctrl+C ends it)", flush=True)
    uvicorn.run(served, host=host, port=port, log_level="warning", timeout_graceful_shutdown=2)


def app(temei: Temei, *, host: str = "127.0.0.1") -> FastAPI:
    """Return the page at / and the OpenAI-compatible endpoints at /v1 as one application."""
    from ui.page import build

    login = credentials(temei.settings)
    check_open(temei.settings, host, login)
    outer = FastAPI(title="Temei", docs_url=None, redoc_url=None, openapi_url=None)
    if is_loopback(host) and login is None:
        # A page elsewhere that makes its own name point here must not read what is answered here.
        outer.add_middleware(TrustedHostMiddleware, allowed_hosts=HERE)

    if login is not None:
        outer.add_middleware(Guard, login=login)
    outer.include_router(router(temei))
    page = build(temei)
    gr.mount_gradio_app(outer, page, path="/", auth=login, **options(temei))
    hold(outer, page)
    return outer


def options(temei: Temei) -> dict[str, Any]:
    """Return how the page is served: nothing recorded, linked or fetched elsewhere."""
    return {
        "i18n": I18N,
        "theme": theme(),
        "css_paths": [CSS],
        "head_paths": [HEAD],
        "footer_links": [],
        "run_history": False,
        "ssr_mode": False,
        "pwa": False,
        "show_error": False,
        "enable_monitoring": False,
        "max_file_size": int(temei.settings.max_file_mb * 1_000_000),
        "mcp_server": has_mcp(),
    }


def has_mcp() -> bool:
    """Tell whether the MCP library is installed, in the major version that Gradio works with."""
    try:
        return importlib.metadata.version("mcp").startswith("1.")
    except importlib.metadata.PackageNotFoundError:
        return False


def credentials(settings: Settings) -> tuple[str, str] | None:
    """Return user and password, None where none are set.

    Raises:
        SettingsError: TEMEI_AUTH is not of the form user:password.
    """
    given = settings.auth
    if not given:
        return None
    user, colon, password = given.partition(":")
    if not (user and colon and password):
        raise SettingsError("TEMEI_AUTH must be of the form user:password, neither of them empty.")
    return user, password


def check_open(settings: Settings, host: str, login: tuple[str, str] | None) -> None:
    """Raise SettingsError where anybody on the network could come in and nobody said they may."""
    if is_loopback(host) or login is not None:
        return
    if not settings.allow_open:
        raise SettingsError(
            f"On {host} anybody on the network could read and remove the documents; "
            "set TEMEI_AUTH=user:password, or TEMEI_ALLOW_OPEN=1 if that is meant."
        )
    print(f"Warning: anybody who reaches {host} can read, add and remove documents.", file=sys.stderr)


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_known(header: str, login: tuple[str, str]) -> bool:
    """Tell whether an Authorization header carries the login, as Basic or as an OpenAI client's Bearer key."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "basic":
        try:
            value = base64.b64decode(value, validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            return False
    elif scheme.lower() != "bearer":
        return False
    return secrets.compare_digest(value.encode(), ":".join(login).encode())


def check_free(host: str, port: int) -> None:
    """Raise SettingsError where the page could not listen."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise SettingsError(
            f"Cannot listen on {host}:{port} ({error.strerror}); set TEMEI_PORT to a free port, for example {port + 1}."
        ) from error
