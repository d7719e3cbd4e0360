"""Every regular expression that sees foreign text takes time that grows no faster than the text.

The patterns are found by themselves: compiled ones among the names of every module of `rag`, `ingest` and `ui`, and
those that are written where they are used, in the source. Each is tried on texts that make bad patterns slow.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import regex
from conftest import ROOT

ROOMS = ("rag", "ingest", "ui")
SHORT, LONG = 500, 4_000
"""Characters of the texts. A quadratic pattern takes 64 times as long for the long one, a linear one 8 times."""
ENOUGH = 0.006
"""Seconds for the long text below which growth does not matter: one in the square takes 0.6 s for 40,000."""
MOST_GROWTH = 24
CALLS = {"compile", "match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer"}
TRUSTED = {"ui/load_test.py", "rag/chat/model.py"}
"""Modules whose patterns see only what Temei itself or the user at the terminal writes."""
BOUNDED = {"ingest/boundaries.py _LAST_WORD", "ingest/boundaries.py _FULL_STOP"}
"""Patterns that see no more than 40 characters at a time."""

Pattern = Any


def compiled(found: object) -> Iterator[Pattern]:
    """Yield the patterns in a value: itself, or what a collection of it holds."""
    if isinstance(found, re.Pattern | regex.Pattern):
        yield found
    elif isinstance(found, dict):
        for value in found.values():
            yield from compiled(value)
    elif isinstance(found, list | tuple | set | frozenset):
        for value in found:
            yield from compiled(value)


def in_modules() -> Iterator[tuple[str, Pattern]]:
    for room in ROOMS:
        for info in pkgutil.walk_packages([str(ROOT / room)], f"{room}."):
            where = info.name.replace(".", "/") + ".py"
            if info.ispkg or where in TRUSTED:
                continue
            for name, value in vars(importlib.import_module(info.name)).items():
                for pattern in compiled(value):
                    yield f"{where} {name}", pattern


INLINE: dict[tuple[str | bytes, int], Callable[..., Any]] = {}
"""How patterns are tried that are written in a call of match or fullmatch."""


def in_source() -> Iterator[tuple[str, Pattern]]:
    """Yield the patterns written as a literal in a call of re or regex."""
    for path in sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        where = path.relative_to(ROOT).as_posix()
        if where in TRUSTED:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                continue
            called, first = node.func, node.args[0]
            if not (isinstance(called.value, ast.Name) and called.value.id in ("re", "regex") and called.attr in CALLS):
                continue
            if isinstance(first, ast.Constant) and isinstance(first.value, str | bytes):
                flags = next((word.value for word in node.keywords if word.arg == "flags"), None)
                flags = flags or next((a for a in node.args[1:] if called.attr == "compile"), None)
                given = eval(ast.unparse(flags), {"re": re, "regex": regex}) if flags else 0
                module = {"re": re, "regex": regex}[called.value.id]
                pattern = module.compile(first.value, flags=given)
                if called.attr in ("match", "fullmatch"):
                    INLINE[pattern.pattern, pattern.flags & ~32] = getattr(type(pattern), called.attr)
                yield f"{where}:{node.lineno}", pattern


def found() -> dict[tuple[str | bytes, int], tuple[str, Pattern]]:
    patterns: dict[tuple[str | bytes, int], tuple[str, Pattern]] = {}
    for name, pattern in [*in_modules(), *in_source()]:
        patterns.setdefault((pattern.pattern, pattern.flags & ~32), (name, pattern))
    return patterns


PATTERNS = found()

_LITERAL = re.compile(r"\\[^\w]|[^\\()\[\]{}*+?|^$.\s]")
_BASES = [
    *" \n\t\u00a0\u3000aAé中1٣I.,;:?!-_*#|`~></\\()[]{}\"'&=+%@\0？。",
    *("\r\n", "a ", "a\n", " \n", "a. ", "A. ", "1.", "1.1 ", "a-", "a|", "|\n", "> ", ">\n", "- ", "a:", "a,", "1 "),
    *("<a ", "<a>", "</a>", "<a a=", "<!--", "-->", "](", "[a](", "[1]", "([", "`a", "```\n", "---\n", 'a="', "# "),
    *("http://", "<http://a", "Tel: a\n", "**", "_a_", "&amp;", " 1", "a1", "« ", "。a", " .", "a\u0301"),
]
_BEFORE = ["", "a", "<a ", "<!--", "|", "[1"]
_BEHIND = ["", "\0"]


def pieces(pattern: Pattern) -> list[str]:
    """Return what texts are made of by repetition: general ones, and runs of the characters in the pattern itself."""
    written = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    own = [found[-1] for found in _LITERAL.findall(written)]
    words = re.findall(r"[^\W\d_]{2,}", written)
    runs = ["".join(own[at : at + 3]) for at in range(0, min(len(own), 30), 3)]
    return list(dict.fromkeys([*_BASES, *sorted(set(own))[:20], *words[:6], *filter(None, runs)]))


def texts(pattern: Pattern, length: int) -> Iterator[str]:
    for piece in pieces(pattern):
        yield piece * max(1, length // len(piece))
    for piece in (" ", "\n", "a", "1", "-", ">", "a ", " \n", "|", "<", "'", "[", "\\"):
        for before in _BEFORE:
            for behind in _BEHIND:
                yield before + piece * (length // len(piece)) + behind


def anchored() -> dict[tuple[str | bytes, int], Callable[..., Any]]:
    """Return how the patterns are tried that are only ever tried at one place: only that method of theirs is called."""
    sources = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    source = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in sources}
    tried: dict[tuple[str | bytes, int], Callable[..., Any]] = dict(INLINE)
    for key, (place, pattern) in PATTERNS.items():
        path, _, name = place.partition(" ")
        called = {*re.findall(rf"\b{re.escape(name)}\.(\w+)", source[path])} if name else set()
        if called in ({"match"}, {"fullmatch"}):
            tried[key] = getattr(type(pattern), called.pop())
    return tried


ANCHORED = anchored()


def taken(pattern: Pattern, text: str) -> float:
    """Return the seconds for all matches, until it is far more than it may be."""
    given: Any = text if isinstance(pattern.pattern, str) else text.encode()
    began = time.perf_counter()
    if (pattern.pattern, pattern.flags & ~32) in ANCHORED:
        ANCHORED[pattern.pattern, pattern.flags & ~32](pattern, given)
        return time.perf_counter() - began
    for _ in pattern.finditer(given):
        if time.perf_counter() - began > 1:
            break
    return time.perf_counter() - began


def slow(pattern: Pattern) -> list[str]:
    """Return the beginnings of the texts for which a pattern's time grows faster than their length."""
    bad = []
    for short, long in zip(texts(pattern, SHORT), texts(pattern, LONG), strict=True):
        if taken(pattern, long) > ENOUGH and grows(pattern, short, long):
            bad.append(repr(short[:20]))
            if len(bad) == 3:
                break
    return bad


def grows(pattern: Pattern, short: str, long: str) -> bool:
    """Measure again, so that another program's work does not count."""
    first = max(min(taken(pattern, short) for _ in range(5)), 1e-6)
    then = min(taken(pattern, long) for _ in range(4))
    return then > ENOUGH and then / first > MOST_GROWTH


@pytest.mark.parametrize(
    ("name", "pattern"), [pytest.param(*one, id=one[0]) for one in PATTERNS.values() if one[0] not in BOUNDED]
)
def test_a_patterns_time_grows_no_faster_than_the_text(name: str, pattern: Pattern) -> None:
    assert not slow(pattern), f"{name}: {pattern.pattern!r} is slow for repeated {slow(pattern)}"


def test_the_walk_finds_patterns_in_modules_and_in_source() -> None:
    names = " ".join(name for name, _ in PATTERNS.values())
    assert len(PATTERNS) > 60
    for place in (
        "rag/text/language.py",
        "ingest/boundaries.py",
        "ui/markdown.py _LINE_START",
        "ingest/sandbox/child.py:",
    ):
        assert place in names


@pytest.mark.parametrize("bad", [r"^(\s*)(?:([-+=])|(\d+)([.)]))", r"\s+$", r"<!--.*?-->x", r"[a-z]+@"])
def test_a_slow_pattern_is_found(bad: str) -> None:
    assert slow(re.compile(bad, re.MULTILINE | re.DOTALL))
