"""Modules and functions are short, and a package's ``__init__.py`` only exports."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("rag", "ingest", "eval", "ui")
MODULE_LINES, FUNCTION_LINES = 300, 60
"""Most lines of a module, which fit on a few screens, and of a function, which fit on one."""


def too_long(folder: Path) -> Iterator[str]:
    """Yield the path of every module below a folder, and ``path:name`` of every function, that has too many lines."""
    for path in sorted(folder.rglob("*.py")):
        where, text = path.relative_to(folder.parent).as_posix(), path.read_text(encoding="utf-8")
        if len(text.splitlines()) > MODULE_LINES:
            yield where
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                # Decorators stand above the line of ``def`` and belong to the function.
                first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
                if (node.end_lineno or first) - first + 1 > FUNCTION_LINES:
                    yield f"{where}:{node.name}"


def does_more_than_export(text: str) -> bool:
    """Return whether a module has more than a docstring, imports, and an ``__all__`` of just what it imports."""
    imported: list[str] = []
    exported: list[str] = []
    for node in ast.parse(text).body:
        match node:
            case ast.Expr(value=ast.Constant(value=str())) | ast.ImportFrom(module="__future__"):
                continue
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                imported += [one.asname or one.name for one in names]
            case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List(elts=elements)):
                exported += [one.value for one in elements if isinstance(one, ast.Constant)]
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=body, orelse=[ast.Assign(value=ast.Call() as made)]):
                # On demand: what a type checker sees imported is what `on_demand` is told of.
                shown = [
                    one.asname or one.name for each in body if isinstance(each, ast.ImportFrom) for one in each.names
                ]
                if ast.unparse(made.func) != "on_demand" or sorted(ast.literal_eval(made.args[1])) != sorted(shown):
                    return True
                imported = [one for one in imported if one not in ("TYPE_CHECKING", "on_demand")] + shown
            case _:
                return True
    return sorted(imported) != sorted(exported)


def test_modules_and_functions_are_short() -> None:
    found = {one for room in ROOMS for one in too_long(ROOT / room)}

    assert sorted(found) == []


def test_a_package_only_exports() -> None:
    packages = [path for room in ROOMS for path in (ROOT / room).rglob("__init__.py")]

    assert [str(path) for path in packages if does_more_than_export(path.read_text(encoding="utf-8"))] == []
    assert len(packages) >= len(ROOMS)


def test_the_code_looks_for_no_folder_beside_the_checkout() -> None:
    modules = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]

    assert [str(path) for path in modules if re.search(r"\.\./shared|[\"']shared[\"']", path.read_text("utf-8"))] == []


def test_what_is_too_long_is_found(tmp_path: Path) -> None:
    room = tmp_path / "room"
    room.mkdir()
    body = "    x = 1\n" * 59
    (room / "short.py").write_text(f"def f():\n{body}" + "\n" * 240)
    (room / "long.py").write_text(f"@cache\ndef f():\n{body}" + "\n" * 240)
    (room / "inner.py").write_text("class C:\n    async def f(self):\n" + "        x = 1\n" * 60)

    assert list(too_long(room)) == ["room/inner.py:f", "room/long.py", "room/long.py:f"]


def test_a_package_that_does_more_is_found() -> None:
    assert not does_more_than_export("")
    assert not does_more_than_export('"""A."""\nfrom a import b as c\n__all__ = ["c"]\n')
    assert does_more_than_export("from a import b\n")
    assert does_more_than_export('from a import b\n__all__ = ["b", "c"]\n')
    assert does_more_than_export('from a import b\n__all__ = ["b"]\nb()\n')
    assert does_more_than_export("X = 1\n")


def test_a_package_that_imports_on_demand_is_held_to_what_it_shows() -> None:
    package = """
from typing import TYPE_CHECKING
from rag.exports import on_demand
if TYPE_CHECKING:
    from rag.a import b, c
else:
    __getattr__, __dir__ = on_demand(__name__, {"b": "a", "c": "a"})
__all__ = ["b", "c"]
"""
    assert not does_more_than_export(package)
    assert does_more_than_export(package.replace('"c": "a"', ""))
    assert does_more_than_export(package.replace("import b, c", "import b"))
    assert does_more_than_export(package.replace('["b", "c"]', '["b"]'))
    assert does_more_than_export(package.replace("on_demand(__name__", "other(__name__"))
