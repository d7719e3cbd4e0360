"""Serve the page and its endpoints for programs: on this machine only, unless the settings say otherwise."""

from __future__ import annotations

import importlib.metadata
import ipaddress
import os
import socket
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

# Gradio reads these when it is imported: it reports nothing to anybody, and it keeps a hundred past events.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "100"
os.environ.setdefault("MPLBACKEND", "agg")  # otherwise Gradio has matplotlib look for it at the first question

import gradio as gr
import uvicorn
from fastapi import FastAPI
from gradio.utils import get_upload_folder

from rag.chain import Temei
from rag.errors import SettingsError
from rag.settings import Settings
from ui.api.events import check_event
from ui.api.gate import MEGABYTE, Gate, Rules
from ui.api.openai import router
from ui.api.rate_limit import RateLimit
from ui.api.visitors import HERE, networks, origins
from ui.page.documents import MOST_FILES
from ui.page.page import build
from ui.page.sessions import hold, unread
from ui.page.suggestions import Suggestions
from ui.page.theme import CSS, HEAD, theme
from ui.texts import I18N


def launch(temei: Temei, *, host: str, port: int) -> None:
    """Serve the page until interrupted.

    Raises:
        SettingsError: the port is taken, the host is no address of this machine, or it is open to others without a
            password.
    """
    served = app(temei, host=host)
    check_free(host, port)
    threading.Thread(target=Suggestions(temei).make, daemon=True).start()  # so that they are there when it is opened
    shown = f"[{host}]" if ":" in host else host
    print(f"Temei: http://{shown}:{port}/  (Ctrl+C ends it)", flush=True)
    uvicorn.run(
        served,
        host=host,
        port=port,
        log_level="warning",
        timeout_graceful_shutdown=2,
        proxy_headers=False,  # the gate decides which proxies are trusted
        server_header=False,
    )


def app(temei: Temei, *, host: str = "127.0.0.1") -> FastAPI:
    """Return the page at / and the OpenAI-compatible endpoints at /v1 as one application."""
    login = credentials(temei.settings)
    check_open(temei.settings, host, login)
    outer = FastAPI(title="Temei", docs_url=None, redoc_url=None, openapi_url=None)
    rules = _rules(temei.settings, host, login)
    outer.add_middleware(Gate, rules=rules)
    rate_limit = RateLimit(temei.settings.asks_a_minute, 60)
    outer.include_router(router(temei, rate_limit))
    page = build(temei, rate_limit)
    root = temei.settings.root_path
    gr.mount_gradio_app(outer, page, path="/", auth=login, root_path=root or None, **options(temei))
    # Otherwise Gradio accepts files that nobody uploaded, as it does before it is served.
    page.has_launched = True
    inner = hold(outer, page)
    rules.uploads = Path(inner.uploaded_file_dir)
    rules.cookie = inner.cookie_id
    rules.check_event = partial(check_event, page)
    rules.unread = lambda session: unread(page, session)
    rules.is_known = lambda token: token in inner.tokens
    return outer


def _rules(settings: Settings, host: str, login: tuple[str, str] | None) -> Rules:
    """Return the rules of the gate."""
    listed = origins(settings)
    names: frozenset[str] | None = None
    if login is None:
        # A page elsewhere may point its own host name to this machine (DNS rebinding); it must not read replies.
        own = {host.lower()} | ({"*", socket.gethostname().lower()} if not is_loopback(host) else set())
        names = HERE | own | {urlsplit(origin).hostname or "" for origin in listed}
    return Rules(
        login=login,
        names=names,
        origins=listed,
        proxies=networks(settings),
        uploads=Path(get_upload_folder()),
        kept=settings.home / "uploads",
        most_bytes=settings.max_uploads_mb * MEGABYTE,
        largest_upload=MOST_FILES * settings.max_file_mb * MEGABYTE,
        asks_a_minute=settings.asks_a_minute,
    )


def options(temei: Temei) -> dict[str, Any]:
    """Return the options of Gradio: the page records nothing and fetches nothing from elsewhere."""
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
    """Raise SettingsError where the page would be open to the network without a password or permission."""
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
