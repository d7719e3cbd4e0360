"""Write ``docs/api.md`` from the docstrings of the names that `rag` exports: ``python -m tests.api_docs``."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import rag
import rag.errors

PAGE = Path(__file__).resolve().parents[1] / "docs" / "api.md"

HEAD = """# Python API

Everything that `rag` exports. This page is written by `make docs` from the docstrings of the code: change those, not
this page. A test runs the examples with the article in `seeds/`, and fails where this page is not what the command
writes.
[architecture.md](architecture.md) says how the parts work together.
"""

SECTION = re.compile(r"^(Args|Returns|Yields|Raises):\n((?:    .*\n?|\n)*)", re.MULTILINE)
EXAMPLE = re.compile(r"((?:^(?:>>>|\.\.\.) .*\n(?:(?!>>>|\.\.\.)\S.*\n)*)+)", re.MULTILINE)
TREE = re.compile(r"((?:^[A-Z]\w+\n)?(?:^[│├└ ].*\n)+)", re.MULTILINE)
ENTRY = re.compile(r"^    (\S[^:]*): ((?:.*\n?)(?:     .*\n?)*)", re.MULTILINE)
NAMES = {"Args": "Arguments", "Returns": "Returns", "Yields": "Yields", "Raises": "Errors"}


def page() -> str:
    """Return the text of ``docs/api.md``."""
    exported = [getattr(rag, name) for name in rag.__all__]
    functions = [one for one in exported if inspect.isfunction(one)]
    errors = [one for one in exported if inspect.isclass(one) and issubclass(one, Exception)]
    classes = [one for one in exported if one not in functions and one not in errors]
    # What people call comes before what they get.
    classes.sort(key=lambda one: dataclasses.is_dataclass(one))
    parts = [HEAD]
    for one in functions:
        parts += [f"## `{_signature(one, one.__name__)}`\n", _prose(one)]
    for one in classes:
        parts += _class(one)
    parts += ["## Errors\n", _errors()]
    return "\n".join(parts)


def _class(one: type) -> Iterator[str]:
    """Yield the heading, the docstring, the fields and the methods of a class."""
    if dataclasses.is_dataclass(one):
        yield from (f"## `{one.__name__}`\n", _prose(one), _fields(one))
    elif hasattr(one, "model_fields"):
        yield from (f"## `{one.__name__}`\n", _prose(one), _settings(one))
    else:
        yield from (f"## `{_signature(one, one.__name__)}`\n", _prose(one))
    ours = [base for base in one.__mro__ if base.__module__.split(".")[0] == "rag"]
    members = {name: member for base in ours for name, member in vars(base).items() if name not in vars(one)}
    for name, member in (vars(one) | members).items():
        if name.startswith("_") or not inspect.getdoc(member):
            continue
        if isinstance(member, property):
            returned = inspect.signature(member.fget).return_annotation  # type: ignore[arg-type]
            yield from (f"### `{one.__name__}.{name}: {returned}`\n", _prose(member))
        elif isinstance(member, classmethod) and not hasattr(one, "model_fields"):
            yield from (f"### `{_signature(getattr(one, name), f'{one.__name__}.{name}')}`\n", _prose(member))
        elif inspect.isfunction(member) and not hasattr(one, "model_fields"):
            start = "async " if inspect.iscoroutinefunction(member) else ""
            yield from (f"### `{start}{_signature(member, f'{one.__name__}.{name}')}`\n", _prose(member))


def _fields(one: type) -> str:
    rows = []
    for field in dataclasses.fields(one):
        default = ""
        if field.default is not dataclasses.MISSING:
            default = f"`{field.default!r}`"
        elif field.default_factory is not dataclasses.MISSING:
            default = f"`{field.default_factory()!r}`"
        rows.append(f"| `{field.name}` | `{_cell(str(field.type))}` | {default} |")
    return "\n".join(["| field | type | default |", "|---|---|---|", *rows, ""])


def _settings(one: Any) -> str:
    rows = []
    for name, field in one.model_fields.items():
        if name not in one.__annotations__:  # somebody else's
            continue
        default = "" if field.is_required() else _default(field.get_default(call_default_factory=True))
        about = f"{field.description} {_bounds(field.metadata)}".strip()
        kind = field.annotation if isinstance(field.annotation, type) else one.__annotations__[name]
        rows.append(f"| `{name}` | `{_cell(getattr(kind, '__name__', str(kind)))}` | {default} | {_cell(about)} |")
    return "\n".join(["| setting | type | default | what |", "|---|---|---|---|", *rows, ""])


def _default(value: Any) -> str:
    if hasattr(value, "get_secret_value"):
        value = value.get_secret_value()
    return f"`{value.as_posix() if isinstance(value, Path) else value!r}`"


def _bounds(metadata: list[Any]) -> str:
    """Return the bounds of a setting in words."""
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    found = [f"{said} {getattr(one, key)}" for one in metadata for key, said in words.items() if hasattr(one, key)]
    return f"({', '.join(found)})" if found else ""


def _errors() -> str:
    """Return the tree of errors."""
    return f"{_prose(rag.errors)}\nAll but `TemeiError` are imported from `rag.errors`.\n"


def _signature(one: Any, name: str) -> str:
    """Return a call with types and defaults, in the same form for every version of Python."""
    given: list[str] = []
    for parameter in inspect.signature(one).parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in given:
            given.append("*")
        typed = "" if parameter.annotation is parameter.empty else f": {parameter.annotation}"
        default = "" if parameter.default is parameter.empty else f" = {_literal(parameter.default)}"
        given.append(f"{parameter.name}{typed}{default}")
    returned = inspect.signature(one).return_annotation
    back = "" if inspect.isclass(one) or returned is inspect.Signature.empty else f" -> {returned}"
    return f"{name}({', '.join(given)}){back}"


def _literal(value: Any) -> str:
    return "…" if callable(value) else repr(value)


def _prose(one: Any) -> str:
    """Return a docstring as Markdown."""
    text = (inspect.getdoc(one) or "").replace("``", "`") + "\n"
    text = EXAMPLE.sub(r"```python\n\1```\n", SECTION.sub(_listed, text))
    text = TREE.sub(r"```\n\1```\n", text)
    return f"{text.rstrip()}\n"


def _listed(found: re.Match[str]) -> str:
    """Return a section such as Args as a list."""
    body = found[2] if found[2].endswith("\n") else found[2] + "\n"
    entries = ENTRY.findall(body)
    lines = [f"- `{name}`: {' '.join(said.split())}" for name, said in entries] or [f"- {' '.join(body.split())}"]
    return f"{NAMES[found[1]]}:\n\n" + "\n".join(lines) + "\n\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"Wrote {PAGE}")
