"""The bounded process: it reads one file from standard input and writes its text as JSON, within limits.

`ingest.sandbox.extract` starts it apart from the program, so a hostile file costs only that file. The modules that run
in it import the standard library and the one library that reads the format, nothing else of Temei.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import json
import math
import os
import re
import resource
import signal
import sys
import unicodedata
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Limits:
    """What extracting one file may cost.

    ``seconds`` bound both the time on the clock and that of the processor; ``megabytes`` the address space of the
    bounded process (Linux enforces it, macOS may not); ``characters`` the text that comes out.
    """

    pages: int = 2000
    seconds: float = 60
    megabytes: int = 1024
    characters: int = 20_000_000


@dataclass(frozen=True, slots=True)
class Extracted:
    """The text of a file, its title where the file tells one, and the offsets where its pages begin.

    ``headings`` are the spans of its headings with their levels, where the format tells them: (start, end, level).
    """

    text: str
    title: str = ""
    pages: tuple[int, ...] = ()
    headings: tuple[tuple[int, int, int], ...] = ()


def said(key: str, **values: object) -> dict[str, object]:
    """Return a message of the catalogue as JSON values; a value may be such a message itself.

    The bounded process has no catalogue: the program that started it reads the key.
    """
    return {"key": key, "values": values}


class FormatError(Exception):
    """A file cannot be read; the message of the key goes on from the file's name: "is protected with a password; …"."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.problem = said(key, **values)


_LINE_END = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u200b\u2060\ufeff\ufffe\uffff\ud800-\udfff]")
_BLANKS = re.compile(r"[^\S\n]+")
_LIGATURE = re.compile("[\ufb00-\ufb06]")


def tidy(text: str) -> str:
    """Return extracted text in one shape: NFC, single blanks, and no blank line but one between paragraphs."""
    text = _INVISIBLE.sub("", _LINE_END.sub("\n", text))
    text = _LIGATURE.sub(lambda match: unicodedata.normalize("NFKC", match.group()), text)
    text = re.sub(" ?\n ?", "\n", _BLANKS.sub(" ", unicodedata.normalize("NFC", text)))
    return re.sub("\n{2,}", "\n\n", text).strip()


def too_long(limits: Limits) -> FormatError:
    """Return the error for a file of more text than allowed."""
    return FormatError("format_too_long", most=limits.characters)


def too_slow(limits: Limits) -> FormatError:
    """Return the error for a file that takes more time than allowed."""
    return FormatError("format_too_slow", most=limits.seconds)


def too_big(limits: Limits) -> FormatError:
    """Return the error for a file that takes more memory than allowed."""
    return FormatError("format_too_big", most=limits.megabytes)


def main() -> None:
    """Read what ``sys.argv[2]`` orders, ``{"function": "module:name", "limits": {…}}``, and answer with JSON."""
    order = json.loads(sys.argv[2])
    limits = Limits(**order["limits"])
    # What a library prints must not get into the answer.
    answer = os.dup(1)
    os.dup2(2, 1)
    _restrain(limits)
    with open(answer, "w", encoding="utf-8", errors="replace") as out:
        out.write(json.dumps(_read(order["function"], limits), ensure_ascii=False))


def _restrain(limits: Limits) -> None:
    seconds, room = math.ceil(limits.seconds), limits.megabytes * 1_000_000
    output = 8 * limits.characters + 1_000_000
    bounds = {
        # At the second of the two the system kills outright; the first has a signal of its own.
        resource.RLIMIT_CPU: (seconds, seconds + 1),
        resource.RLIMIT_AS: (room, room),
        resource.RLIMIT_FSIZE: (output, output),
        resource.RLIMIT_CORE: (0, 0),
    }
    for kind, most in bounds.items():
        # Not every system knows every one of them, and a stricter one may be in force already.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, most)
    # Should the program that started this one be gone, nobody else would stop it.
    signal.alarm(seconds + 5)


def _read(function: str, limits: Limits) -> dict[str, Any]:
    # The memory is freed only after the except clauses. So the clause for full memory puts no words together.
    problem: dict[str, object] | None = None
    try:
        module, name = function.split(":")
        found: Extracted = getattr(importlib.import_module(module), name)(sys.stdin.buffer.read(), limits)
        if len(found.text) > limits.characters:
            raise too_long(limits)
        return dataclasses.asdict(found)
    except FormatError as error:
        problem = error.problem
    except ModuleNotFoundError as error:
        problem = said("format_needs_package", package=error.name)
    except MemoryError:
        pass
    except RecursionError:
        problem = said("format_nested")
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:150]
        problem = said("format_failed", reason=reason)
    return {"problem": problem or too_big(limits).problem}
