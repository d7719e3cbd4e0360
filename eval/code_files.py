"""Find the files of our own code that a module depends on, from the imports, so that none is forgotten."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path

OURS = ("rag", "ingest", "eval", "ui", "temei")
"""The rooms as a checkout calls them, and the package that holds them where Temei is installed."""


def code_files(module: str) -> list[Path]:
    """Return the sorted files of a module and of all our modules that it imports, directly or indirectly.

    Raises:
        ModuleNotFoundError: one of them does not exist.
    """
    found: dict[str, Path] = {}
    left = [module]
    while left:
        name = left.pop()
        if name in found:
            continue
        path = _path(name)
        if path is None:
            raise ModuleNotFoundError(f"There is no module {name}, which {module} depends on.", name=name)
        found[name] = path
        left += _imported(path)
    return sorted(found.values())


def _imported(path: Path) -> Iterator[str]:
    """Yield the modules of ours that a file imports, also within functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _is_ours(alias.name))
        elif isinstance(node, ast.ImportFrom) and node.module and _is_ours(node.module):
            yield node.module
            # `from package import name` may mean a module of the package.
            for name in (f"{node.module}.{alias.name}" for alias in node.names):
                if _path(name) is not None:
                    yield name


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] in OURS


def _path(name: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:  # the parent is a module, not a package
        return None
    return Path(spec.origin) if spec is not None and spec.origin else None
