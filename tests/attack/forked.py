"""The command line, run in forked processes: quick, since what it imports is there, and safe from what crashes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chromadb  # noqa: F401  (what the commands import, once)
import langchain_chroma  # noqa: F401
import onnxruntime  # noqa: F401
import rich.progress  # noqa: F401
from fakes import FakeEmbedder

import ingest.pipeline  # noqa: F401
import rag.chain
import rag.doctor
import rag.models.embeddings
from rag.models.word_rarity import WordRarity
from rag.text.language import language_share
from rag.types import Answer
from ui import cli

SECONDS = 120
"""After which a command counts as hanging."""

ARTICLES = {
    "delta.md": "# Delta\n\nDelta Dunării se află în județul Tulcea. Are o suprafață de 3446 de kilometri pătrați. "
    "Pelicanii albi cuibăresc pe lacul Roșca.\n\nRezervația a intrat în patrimoniul UNESCO în anul 1991.",
    "kettle.txt": "A kettle boils water in three minutes. The lid of the kettle is made of brass.\n"
    "Limescale is removed with vinegar once a month.",
    "wuzhen.txt": "会议在乌镇举行。来自八十个国家的代表参加了会议。主席在七月十二日发来贺信。",
    "lynx.txt": "The lynx hunts at dawn. It lives in the Carpathians and eats roe deer.",
}

QUESTIONS = ("What is the lid of the kettle made of?", "Unde cuibăresc pelicanii albi?")


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit status, minus the signal that killed it, and what it printed."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.strip()]


# What is the same for all is loaded once, before any fork.
language_share("Warm up.", "en")
WordRarity.of(FakeEmbedder())


def write_articles(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, text in ARTICLES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def start(arguments: list[str], home: Path, out: Path, err: Path, *, real: bool) -> int:
    """Begin ``temei`` with some arguments in a process of its own; return its id."""
    child = os.fork()
    if child:
        return child
    try:
        for path, number in ((out, 1), (err, 2)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        signal.alarm(SECONDS)
        os.environ["TEMEI_HOME"] = str(home)
        os.chdir(home.parent)
        sys.argv = ["temei", *arguments]
        _tell_hits()
        if not real:
            _use_fake()
        cli.main()
    except SystemExit as end:
        _leave(int(end.code or 0))
    except BaseException:
        import traceback

        traceback.print_exc()
        _leave(70)
    _leave(0)
    return 0


def _leave(status: int) -> None:
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


def _use_fake() -> None:
    def opened(*_: object) -> Any:
        return FakeEmbedder()

    for module in (rag.models.embeddings, rag.chain, rag.doctor):
        module.open_embedder = opened  # type: ignore[attr-defined]


def _tell_hits() -> None:
    told = Answer.to_dict

    def to_dict(answer: Answer) -> dict[str, Any]:
        return told(answer) | {"hits": [[hit.passage.id, round(hit.score, 3)] for hit in answer.hits]}

    Answer.to_dict = to_dict  # type: ignore[method-assign]


def run(arguments: list[str], home: Path, *, real: bool) -> Ended:
    """Run ``temei`` with some arguments to its end."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        status = wait(start(arguments, home, out, err, real=real))
        return Ended(status, out.read_text("utf-8", "replace"), err.read_text("utf-8", "replace"))


def called(ask: Callable[[Path], object], home: Path) -> object:
    """Return what a function says of a home, asked in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "told"
        child = os.fork()
        if not child:
            signal.alarm(SECONDS)
            try:
                told.write_text(json.dumps(ask(home)), encoding="utf-8")
            except BaseException:
                import traceback

                told.write_text(json.dumps(traceback.format_exc()), encoding="utf-8")
            _leave(0)
        wait(child)
        return json.loads(told.read_text(encoding="utf-8"))


def wait(child: int) -> int:
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def kill_after(child: int, seconds: float) -> bool:
    """Kill a process after a while; return whether it was still there."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found, _ = os.waitpid(child, os.WNOHANG)
        if found:
            return False
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def asked(home: Path, *, real: bool) -> tuple[list[Any], Ended]:
    """Ask the questions; return what was found and quoted, empty where any was refused, and how the last ended."""
    found: list[Any] = []
    said = ""
    for question in QUESTIONS:
        ended = run(["ask", "--json", question], home, real=real)
        said += ended.err
        if ended.status:
            return [], ended
        told = json.loads(ended.out)
        quotes = [[c["document_id"], c["start"], c["end"], c["quote"]] for c in told["citations"]]
        found.append([told["hits"], quotes, round(told["confidence"], 2)])
    return found, Ended(0, "", said)
