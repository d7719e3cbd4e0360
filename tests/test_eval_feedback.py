"""What readers judged on the page becomes examples that ``temei eval`` reads."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from eval.commands import app
from eval.sets.feedback import draft_feedback
from eval.sets.jsonl import load_jsonl
from ingest.load import load
from rag.errors import DatasetError
from rag.types import Answer, Citation, ShortAnswer
from ui.page import feedback
from ui.page.feedback import keep_feedback
from ui.page.turn_view import TurnView

TEXT = "Moara a fost construită în 1874. Acoperișul e din șindrilă."
SECOND = (33, len(TEXT))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "documents"
    place.mkdir()
    (place / "moara.txt").write_text(TEXT, "utf-8")
    return place


def judged(folder: Path, question: str, *, abstained: bool = False, short: bool = False) -> TurnView:
    document = load(folder / "moara.txt", source="uploads/moara.txt")
    start, end = 0, 32
    cited = Citation(1, document.id, "Moara", "uploads/moara.txt", start, end, TEXT[start:end], 0.9)
    citations = () if abstained else (cited,)
    words = ShortAnswer("1874", 1, 27, 31) if short else None
    answer = Answer(question, "Text [1]", citations, (), abstained, 0.8, question, "extractive", short=words)
    turn_view = TurnView(question).answered(answer)
    return replace(turn_view, nearest=(cited,)) if abstained else turn_view


def test_judgements_become_drafts_that_validate(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("TEMEI_HOME", str(home))
    good, refused = judged(folder, "Când a fost construită moara?", short=True), judged(folder, "Cine?", abstained=True)
    wrongly = judged(folder, "Din ce an e moara?", abstained=True)
    follow = replace(judged(folder, "Și când?"), standalone_question="Și când? (moara)")
    taken_back = judged(folder, "Nimic?")
    keep_feedback(home, good, True)
    keep_feedback(home, good, True, "Exact „asta”.")
    keep_feedback(home, refused, True)
    keep_feedback(home, wrongly, False, "E în text.")
    keep_feedback(home, follow, False, earlier=(good,))
    keep_feedback(home, taken_back, True)
    keep_feedback(home, taken_back, None)

    done = CliRunner().invoke(app, ["feedback", "--documents", str(folder), "--out", str(tmp_path / "set.jsonl")])

    assert done.exit_code == 0, done.output
    assert "Wrote 4 drafts" in done.output
    examples = load_jsonl(tmp_path / "set.jsonl", folder).examples
    assert [(e.question, e.answerable, e.kind) for e in examples] == [
        (good.question, True, "direct"),
        ("Cine?", False, "near_miss"),
        (wrongly.question, True, "direct"),
        ("Și când?", True, "follow_up"),
    ]
    assert examples[0].answers == ("1874",)
    assert examples[3].history == (good.question,)
    rows = [json.loads(line) for line in (tmp_path / "set.jsonl").read_text("utf-8").splitlines()]
    assert "Exact „asta”." in rows[0]["note"]
    assert all(row["draft"] for row in rows)


def test_what_quotes_another_document_is_left_out(tmp_path: Path, folder: Path) -> None:
    keep_feedback(tmp_path, judged(folder, "Când?"), True)
    (folder / "moara.txt").write_text("Alt text.", "utf-8")
    examples, left_out = draft_feedback(tmp_path / "feedback.jsonl", folder)
    assert examples == []
    assert "Când?" in left_out[0]


def test_every_broken_line_is_named(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "f.jsonl").write_text('{"id": 1}\nrubbish\n', "utf-8")
    with pytest.raises(DatasetError) as error:
        draft_feedback(tmp_path / "f.jsonl", folder)
    assert [line.split(": ")[0][-2:] for line in str(error.value).splitlines()] == [":1", ":2"]
    with pytest.raises(DatasetError, match="cannot be read"):
        draft_feedback(tmp_path / "nothing.jsonl", folder)


def test_a_line_with_the_words_of_the_quotes_is_still_read(tmp_path: Path, folder: Path) -> None:
    old = {**judged(folder, "Când?", short=True).to_json(), "history": [], "liked": True, "comment": ""}
    wrong = {**old, "id": "x", "citations": [{**old["citations"][0], "quote": "Altceva."}]}
    (tmp_path / "f.jsonl").write_text("\n".join(map(json.dumps, [old, wrong])), "utf-8")
    examples, left_out = draft_feedback(tmp_path / "f.jsonl", folder)
    assert [one["evidence"][0][0]["quote"] for one in examples] == [TEXT[:32]]
    assert len(left_out) == 1


def test_a_judgement_holds_no_text_and_is_small(tmp_path: Path, folder: Path) -> None:
    long = replace(
        judged(folder, "q" * 2000, abstained=True), text="t" * 100_000, note="n" * 9999, standalone_question="s" * 4000
    )
    assert keep_feedback(tmp_path, long, False, "c" * 100_000, [long] * 40)
    assert TEXT[:32] not in (tmp_path / "feedback.jsonl").read_text("utf-8")
    assert (tmp_path / "feedback.jsonl").stat().st_size < 20_000


def test_a_visitor_and_all_together_write_only_so_much(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, path = judged(folder, "Când?"), tmp_path / "feedback.jsonl"
    monkeypatch.setattr(feedback, "MOST_OF_A_VISITOR", 5000)
    kept = [keep_feedback(tmp_path, one, True, visitor="a") for _ in range(100)]
    assert kept == sorted(kept, reverse=True)
    assert 2 < sum(kept) < 30
    assert path.stat().st_size <= 5000
    assert keep_feedback(tmp_path, one, True, visitor="b")
    monkeypatch.setattr(feedback, "MOST_IN_ALL", path.stat().st_size + 10)
    assert not keep_feedback(tmp_path, one, True, visitor="c")
    assert path.stat().st_mode & 0o077 == 0
