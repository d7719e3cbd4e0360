"""The terminal: what the commands print, on a terminal and in a pipe, and how they narrow a question."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT
from fakes import FakeEmbedder
from rich.console import Console

from rag import Answer, Citation, Settings, ShortAnswer, Temei
from ui import asking, cli, terminal

MILL = "Moara din vale macină grâul din 1874."
LONG = "legi/" + "un-nume-foarte-lung-" * 8 + "lege.txt"

Call = Callable[..., str]


@pytest.fixture
def library(home: Path) -> Iterator[Temei]:
    with Temei(Settings(home=home, reader=False, min_confidence=0), embedder=FakeEmbedder()) as temei:
        temei.add(MILL, metadata={"source": "moara.txt", "title": "Moara"})
        temei.add(f"Legea morii. {MILL}", metadata={"source": LONG, "title": "Legea", "tags": ["mori"]})
        yield temei


@pytest.fixture
def call(library: Temei, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run a command on the library; gives what it printed, its errors included."""
    monkeypatch.setattr(cli, "Temei", lambda *given, **named: library)
    monkeypatch.setattr(asking, "Temei", lambda *given, **named: library)

    def run(*command: str, typed: str = "", status: int = 0) -> str:
        for module in (cli, asking, terminal):
            monkeypatch.setattr(module, "out", Console(highlight=False, soft_wrap=True))
            monkeypatch.setattr(module, "err", Console(stderr=True, highlight=False, soft_wrap=True))
        monkeypatch.setattr(sys, "argv", ["temei", *command])
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        before = os.umask(0o22)
        try:
            with pytest.raises(SystemExit) as ended:
                cli.main()
        finally:
            os.umask(before)
        told = capsys.readouterr()
        assert ended.value.code == status, told
        return told.out + told.err

    return run


def test_search_shows_passages_with_their_places(call: Call) -> None:
    told = call("search", "Ce macină moara?", "-k", "2")
    lines = [json.loads(line) for line in call("search", "Ce macină moara?", "--json").splitlines()]

    assert f"1. Moara moara.txt, characters 0-{len(MILL)}, score" in told
    assert "2. Legea" in told
    assert [line["source"] for line in lines] == ["moara.txt", LONG]
    assert lines[0]["text"] == MILL
    assert (lines[0]["start"], lines[0]["end"]) == (0, len(MILL))


@pytest.mark.parametrize("where", ["legi", "folder=legi", "tag=mori", "document=Legea"])
def test_a_question_is_narrowed(call: Call, where: str) -> None:
    assert "moara.txt" not in call("search", "moara", "--in", where)
    answer = json.loads(call("ask", "--json", "Ce macină moara?", "--in", where))

    assert {citation["source"] for citation in answer["citations"]} == {LONG}


def test_a_wrong_filter_is_one_line(call: Call) -> None:
    told = call("ask", "Ce macină moara?", "--in", "lipsă", status=2)

    assert told == "temei: No document fits in=lipsă; `temei sources` lists the documents.\n"
    assert "what documents can be chosen by" in call("search", "moara", "--in", "colour=red", status=2)


def test_a_conversation_goes_on_from_what_was_asked(call: Call) -> None:
    told = call("ask", "-i", "--json", "Ce macină moara din vale?", typed="Dar când?\n\nnu mai întreb\n")
    first, second = (json.loads(line) for line in told.splitlines())

    assert first["question"] == "Ce macină moara din vale?"
    assert second["question"] == "Dar când?"
    assert "moara" in second["standalone_question"]
    assert "ask something" in call("ask", status=2)
    assert call("ask", "-i", typed="") == ""


def test_documents_are_listed_on_one_line_each_in_a_pipe(call: Call) -> None:
    lines = call("sources").splitlines()

    assert len(lines) == 3
    assert any(LONG in line for line in lines)


def test_the_short_answer_is_set_off_and_the_page_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    quote = "Moara e din [anul] 1874."
    answer = Answer(
        "Când?", f"{quote} [1]", (Citation(1, "d", "Moara", "m.pdf", 5, 5 + len(quote), quote, 1.0, 12),), (),
        abstained=False, confidence=0.9, standalone_question="Când?", mode="extractive",
        short=ShortAnswer("[anul] 1874", 1, 17, 28),
    )  # fmt: skip

    monkeypatch.setattr(terminal, "out", Console(highlight=False, soft_wrap=True, force_terminal=True))
    terminal.show(answer)
    shown = capsys.readouterr().out
    monkeypatch.setattr(terminal, "out", Console(highlight=False, soft_wrap=True))
    terminal.show(answer)
    plain = capsys.readouterr().out
    terminal.show(replace(answer, short=None))

    assert "\x1b[1;4;32m[anul] 1874\x1b[0m" in shown
    assert plain.startswith(f"{quote} [1]\n")
    assert "m.pdf, page 12, characters 5-29" in plain
    assert capsys.readouterr().out == plain


def test_the_shell_can_complete_commands() -> None:
    given = {**os.environ, "PYTHONPATH": str(ROOT), "_TEMEI_COMPLETE": "complete_bash", "COMP_WORDS": "temei so"}
    command = [sys.executable, "-c", "from temei.__main__ import main; import sys; sys.argv = ['temei']; main()"]

    done = subprocess.run(command, env=given | {"COMP_CWORD": "1"}, capture_output=True, text=True)

    assert done.stdout.split() == ["sources"]
