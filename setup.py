"""Build the package: the folders of the repository become one package, ``temei``.

In the repository a module is ``rag.types``, in the wheel it is ``temei.rag.types``, so that nothing called ``rag``,
``ingest``, ``eval`` or ``ui`` gets among somebody else's packages. setuptools puts the folders below ``temei``; the
import statements are rewritten here. An editable installation (``pip install -e .``) leaves everything as it stands.
``docs/architecture.md`` says why it is done this way.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOMS = ("rag", "ingest", "eval", "ui")
DATA = {
    "rag": ["**/*.json", "**/*.npz", "**/*.onnx", "**/*.toml"],
    "ingest": [],
    "eval": ["**/*.jsonl", "**/*.toml"],
    "ui": ["**/*.css", "**/*.html", "**/*.js", "**/*.toml"],
    "seeds": ["*"],
}
IS_EDITABLE = "editable_wheel" in sys.argv


def renamed(source: str, file: str) -> str:
    """Return a module in which our modules are imported from ``temei``; no line moves.

    Raises:
        SyntaxError: ``import rag.types`` without ``as``, which would bind another name.
    """
    lines = source.splitlines(keepends=True)
    for node in ast.walk(ast.parse(source, file)):
        if isinstance(node, ast.ImportFrom) and not node.level and _is_ours(node.module or ""):
            _insert(lines, node.lineno, node.col_offset, r"from\s+")
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if _is_ours(alias.name):
                    if not alias.asname:
                        raise SyntaxError(f"{file}:{node.lineno}: write `from … import …`, or give it a name with `as`")
                    _insert(lines, alias.lineno, alias.col_offset, "")
    return "".join(lines)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in ROOMS


def _insert(lines: list[str], line: int, column: int, after: str) -> None:
    """Put "temei." into a line (from 1), behind the pattern ``after`` that begins at a column."""
    text = lines[line - 1]
    found = re.compile(after).match(text, column)
    at = found.end() if found else column
    lines[line - 1] = f"{text[:at]}temei.{text[at:]}"


class BuildPy(build_py):
    """Copy the modules, and have those of the wheel import each other from ``temei``."""

    def build_module(self, module: str, module_file: str, package: str) -> tuple[str, bool]:
        """Copy one module, and rewrite its imports in the copy."""
        made, is_new = super().build_module(module, module_file, package)
        if is_new and not IS_EDITABLE:
            source = Path(module_file).read_text(encoding="utf-8")
            Path(made).write_text(renamed(source, module_file), encoding="utf-8")
        return made, is_new


def arguments() -> dict[str, object]:
    """Return the packages, where each lies, and the files that come with it."""
    found = find_packages(include=[one for room in ROOMS for one in (room, f"{room}.*")])
    if IS_EDITABLE:
        return {"packages": ["temei", *found]}
    return {
        "packages": ["temei", *(f"temei.{name}" for name in found), "temei.seeds"],
        "package_dir": {f"temei.{room}": room for room in DATA},
        "package_data": {
            "temei": ["py.typed"],
            **{f"temei.{room}": [*files, "py.typed"] for room, files in DATA.items()},
        },
    }


if __name__ == "__main__":
    setup(cmdclass={"build_py": BuildPy}, **arguments())
