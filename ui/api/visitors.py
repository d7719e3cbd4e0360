"""Tell which address a request comes from, and which host name and origin it asks for.

Anybody can send any header. ``X-Forwarded-For`` and similar headers therefore count only when they come from a proxy
that ``TEMEI_PROXIES`` names; otherwise they are removed.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from rag.settings import Settings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
HERE = frozenset({"127.0.0.1", "localhost", "::1"})
MCP = "/gradio_api/mcp"
_FORWARDED = (b"x-forwarded-", b"forwarded", b"x-real-ip", b"x-gradio-", b"x-original-")


def networks(settings: Settings) -> tuple[Network, ...]:
    """Return the addresses of the trusted proxies."""
    return tuple(ipaddress.ip_network(one, strict=False) for one in settings.proxies.split())


def origins(settings: Settings) -> frozenset[str]:
    """Return the other origins whose pages may use this server."""
    return frozenset(one.lower().rstrip("/") for one in settings.origins.split())


def visitor(request: Any) -> str:
    """Return the key of a visitor: the IPv4 address, or the /64 network of the IPv6 address."""
    client = getattr(request, "client", None)
    return address(getattr(client, "host", "") or "")


def address(host: str) -> str:
    """Return an address as it is counted. An IPv6 address counts as its /64 network, which one visitor has."""
    try:
        ip = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(ip, ipaddress.IPv6Address):
        mapped = ip.ipv4_mapped
        return str(mapped or ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)


def seen(scope: Scope, proxies: Collection[Network], listed: Collection[str]) -> Scope:
    """Return a request with the client and scheme that trusted proxies name, without other forwarding headers.

    Where the name that is asked for is that of a listed origin, the scheme is that of the origin: a proxy took TLS off.
    """
    headers = Headers(scope=scope)
    if f"https://{headers.get('host', '').lower()}" in listed:
        scope = {**scope, "scheme": "https"}
    if scope["path"] == MCP:  # where Starlette would redirect, without the path that a proxy serves the page below
        scope = {**scope, "path": f"{MCP}/", "raw_path": f"{MCP}/".encode()}
    kept = [(name, value) for name, value in scope["headers"] if not name.startswith(_FORWARDED)]
    client = scope.get("client")
    if client is None or not _is_trusted(client[0], proxies):
        return {**scope, "headers": kept}
    hops = [hop.strip() for line in headers.getlist("x-forwarded-for") for hop in line.split(",") if hop.strip()]
    known = next((hop for hop in reversed(hops) if not _is_trusted(hop, proxies)), client[0])
    changes: dict[str, Any] = {"client": (known, 0)}
    proto = headers.get("x-forwarded-proto", "")
    if proto in ("http", "https"):
        changes["scheme"] = proto
    return {**scope, **changes, "headers": kept}


def _is_trusted(host: str, proxies: Collection[Network]) -> bool:
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(ip in network for network in proxies)


def name_of(host: str) -> str:
    """Return the name or address in a Host header, without the port; "" where the header is malformed."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".") if set(host).isdisjoint("/\\?#@ ") else ""
    except ValueError:
        return ""


def is_address(name: str) -> bool:
    """Tell whether a name is an IP address; nobody can point an address elsewhere."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_own_origin(origin: str, headers: Headers) -> bool:
    """Tell whether an origin is the page's own. The scheme is not compared: a proxy may have ended TLS."""
    try:
        asked, own = urlsplit(origin), urlsplit(f"//{headers.get('host', '')}")
        usual = {"http": 80, "https": 443}.get(asked.scheme)
        if usual is None or not asked.hostname or asked.hostname != own.hostname:
            return False
        return (asked.port or usual) == (own.port or usual)
    except ValueError:
        return False
