"""Extracting: get the text of a file that is not plain text, in a process that can be stopped.

A hostile or broken file may crash, hang or bloat the library that reads it. So each file is read by its own process
with limits on time, memory and output. Whatever happens to that process becomes a `DocumentError` of that one file.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

from ingest.sandbox.child import Extracted, FormatError, Limits, too_slow
from rag.errors import DocumentError
from rag.messages import Message, message

_ROOM = __name__.removesuffix(".sandbox.extract")
# The package's own __init__ would bring the whole pipeline along, so the child gets an empty `ingest` with its path,
# and an empty `temei` above it where Temei is installed.
_START = """
import importlib, os, sys, types
path, name = sys.argv[1], sys.argv[3]
while name:
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [path]
    path, name = os.path.dirname(path), name.rpartition(".")[0]
importlib.import_module(sys.argv[3] + ".sandbox.child").main()
"""

PDF, ZIP, OFFICE, HTML, TEXT, BINARY, RTF = (
    message("kind_pdf"),
    message("kind_zip"),
    message("kind_office"),
    message("kind_html"),
    message("kind_text"),
    message("kind_binary"),
    message("kind_rtf"),
)
_IMAGE, _COMPRESSED = message("kind_image"), message("kind_compressed")
_MAGIC = {
    b"%PDF-": PDF,
    b"PK\x03\x04": ZIP,
    b"PK\x05\x06": ZIP,
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": OFFICE,
    b"{\\rtf": RTF,
    b"\x89PNG": _IMAGE,
    b"\xff\xd8\xff": _IMAGE,
    b"GIF8": _IMAGE,
    b"II*\0": _IMAGE,
    b"MM\0*": _IMAGE,
    b"\x1f\x8b": _COMPRESSED,
    b"7z\xbc\xaf": _COMPRESSED,
    b"Rar!": _COMPRESSED,
    b"BZh": _COMPRESSED,
    b"\xfd7zXZ": _COMPRESSED,
}
_HTML = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b", re.I | re.S)
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_SNIFFED_BYTES = 1024
"""Bytes at the start of a file that tell its kind. Chosen by eye; not measured."""


def looks_like(data: bytes) -> Message:
    """Return what a file is by its first bytes, in words."""
    head = data[:_SNIFFED_BYTES]
    for magic, kind in _MAGIC.items():
        if head.startswith(magic):
            return kind
    if _HTML.match(head):
        return HTML
    return BINARY if b"\0" in head and not head.startswith(_UTF16_MARKS) else TEXT


def extract(path: Path, data: bytes, function: str, limits: Limits) -> Extracted:
    """Return the text of a file as ``function``, "module:name", reads it in a process of its own.

    Raises:
        DocumentError: the file cannot be read within the limits, or not at all.
    """
    try:
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as answer:
            given.write(data)
            given.seek(0)
            status = _run(given, answer, function, limits)
            answer.seek(0)
            said = answer.read()
    except OSError as error:
        raise DocumentError(path, message("format_not_unpacked", reason=error.strerror)) from error
    except FormatError as error:
        raise DocumentError(path, Message.from_json(error.problem)) from error
    if status:
        raise DocumentError(path, _death(status, limits))
    try:
        found = json.loads(said)
        if "problem" in found:
            raise DocumentError(path, Message.from_json(found["problem"]))
        headings = tuple((int(start), int(end), int(level)) for start, end, level in found["headings"])
        return Extracted(str(found["text"]), str(found["title"]), tuple(map(int, found["pages"])), headings)
    except (ValueError, KeyError, TypeError) as error:
        raise DocumentError(path, message("format_crashed", reason=message("format_answer_cut_short"))) from error


PASSED_ON = ("HOME", "LANG", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PATH", "SYSTEMROOT", "TMPDIR", "TZ")
"""Variables that the bounded process gets, with those that begin with ``LC_``: enough to start Python, no secret."""
IMPORT_PATHS = ("PYTHONHOME", "PYTHONPATH", "PYTHONUSERBASE")
"""Variables with paths to import from, made absolute for it."""


def environment() -> dict[str, str]:
    """Return the environment of the bounded process: nothing but what it takes to run."""
    passed = {name: value for name, value in os.environ.items() if name in PASSED_ON or name.startswith("LC_")}
    for name in IMPORT_PATHS:
        if os.environ.get(name):
            passed[name] = os.pathsep.join(map(os.path.abspath, os.environ[name].split(os.pathsep)))
    return passed


def _run(given: IO[bytes], answer: IO[bytes], function: str, limits: Limits) -> int:
    order = json.dumps({"function": function, "limits": dataclasses.asdict(limits)})
    command = [sys.executable, "-P", "-c", _START, str(Path(__file__).resolve().parents[1]), order, _ROOM]
    child = subprocess.Popen(
        command,
        stdin=given,
        stdout=answer,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        close_fds=True,
        env=environment(),
        cwd="/",  # where no .env with keys lies
    )
    try:
        return child.wait(limits.seconds)
    except subprocess.TimeoutExpired as error:
        raise too_slow(limits) from error
    finally:
        child.kill()
        child.wait()


def _death(status: int, limits: Limits) -> Message:
    """Return what the exit status of the bounded process says of its file."""
    if -status in (signal.SIGXCPU, signal.SIGALRM):
        return Message.from_json(too_slow(limits).problem)
    if -status == signal.SIGKILL:
        return message("format_killed")
    reason = signal.Signals(-status).name if status < 0 else message("format_exit_status", status=status)
    return message("format_crashed", reason=reason)
