"""List the routes that are served, who may call them, and what they accept.

Gradio has many more routes than the page and its programs use. Some of them read files of the cache, fetch addresses,
edit the program's source or forward requests to other servers. A route that is not listed here does not exist.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass


class Kind(enum.Enum):
    """What a route takes, and from whom."""

    PAGE = "the page, or the login page"
    PART = "a part of the login page: scripts, styles, pictures"
    LOGIN = "a user and a password"
    READ = "nothing"
    CALL = "JSON: an event, a question, a message to MCP"
    UPLOAD = "files"


@dataclass(frozen=True, slots=True)
class _Route:
    kind: Kind
    methods: frozenset[str]
    path: re.Pattern[str]


_READ, _POST = frozenset({"GET", "HEAD"}), frozenset({"POST"})
_NAME = r"[A-Za-z0-9_-]{1,64}"
_GRADIO = "/gradio_api"
_MCP = rf"{_GRADIO}/mcp(/|/http/?)?"

ROUTES = tuple(
    _Route(kind, methods, re.compile(path))
    for kind, methods, path in (
        (Kind.PAGE, _READ, "/"),
        (Kind.PART, _READ, r"/(assets|static|svelte)/[!-\[\]-~ ]{1,200}"),
        (Kind.PART, _READ, rf"({_GRADIO})?/theme\.css"),
        (Kind.PART, _READ, r"/(favicon\.ico|manifest\.json|robots\.txt)"),
        (Kind.LOGIN, _POST, "/login/?"),
        (Kind.READ, _READ, "/logout"),
        (Kind.READ, _READ, "/config/?"),
        (Kind.READ, _READ, rf"{_GRADIO}/(info|user|login_check|app_id)/?"),
        (Kind.READ, _READ, rf"{_GRADIO}/(openapi\.json|startup-events|upload_progress)"),
        (Kind.READ, _READ, rf"{_GRADIO}/heartbeat/{_NAME}"),
        (Kind.READ, _READ, rf"{_GRADIO}/queue/(data|status)"),
        (Kind.READ, _READ, rf"{_GRADIO}/call/(v2/)?{_NAME}/{_NAME}"),
        (Kind.CALL, _POST, rf"{_GRADIO}/call/(v2/)?{_NAME}/?"),
        (Kind.CALL, _POST, rf"{_GRADIO}/(run|api)/{_NAME}/?"),
        (Kind.CALL, _POST, rf"{_GRADIO}/(queue/join|cancel|reset/?)"),
        (Kind.UPLOAD, _POST, rf"{_GRADIO}/upload"),
        (Kind.READ, frozenset({"GET", "HEAD", "DELETE"}), _MCP),
        (Kind.READ, _READ, rf"{_GRADIO}/mcp/schema"),
        (Kind.CALL, _POST, _MCP),
        (Kind.READ, _READ, rf"/v1/models(/{_NAME})?"),
        (Kind.CALL, _POST, "/v1/embeddings"),
        (Kind.CALL, _POST, "/v1/chat/completions"),
    )
)


def kind_of(method: str, path: str) -> Kind | None:
    """Return the kind of a request, or None where no route answers it."""
    for route in ROUTES:
        if method in route.methods and route.path.fullmatch(path):
            return route.kind
    return None


def is_for_programs(path: str) -> bool:
    """Tell whether a path is for programs, which send the login with every request."""
    return re.sub("/+", "/", path).startswith(("/v1", f"{_GRADIO}/mcp"))
