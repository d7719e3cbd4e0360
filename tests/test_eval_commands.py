"""``temei eval`` as a user calls it, on the real model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import SEED, SEEDS
from typer.testing import CliRunner, Result

from eval.commands import app
from eval.draft import GAP, draft
from eval.report import gate
from eval.report.report import read_json
from eval.sets.jsonl import load_jsonl
from eval.sets.open import SHIPPED
from rag.errors import DatasetError, DocumentError

pytestmark = pytest.mark.model


@pytest.fixture
def temei_home(models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TEMEI_HOME", str(models.parent))
    return models.parent


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_the_shipped_set_holds_its_floors(temei_home: Path, tmp_path: Path) -> None:
    done = call("--gate", "--no-baselines", "--json", tmp_path / "a.json", "--html", tmp_path / "a.html")
    assert done.exit_code == 0, done.output
    assert "Quality gate passed" in done.output
    report = read_json(tmp_path / "a.json")
    assert report.dataset.name == "conferinta"
    assert report.latency.stages["total"].p95_ms > 0
    assert (tmp_path / "a.html").read_text("utf-8").startswith("<!doctype html>")
    again = call("compare", tmp_path / "a.json", tmp_path / "a.json")
    assert again.exit_code == 0
    assert "equal in every metric" in again.output


def test_a_broken_floor_shuts_the_gate(temei_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    floors = tmp_path / "floors.toml"
    monkeypatch.setattr(gate, "FLOORS", floors)
    floors.write_text("[few.floors]\nrecall_at_5 = 1.1\nover_refusal = 1\n", encoding="utf-8")
    few = tmp_path / "few.jsonl"
    few.write_text("\n".join(SHIPPED.read_text("utf-8").splitlines()[:4]), encoding="utf-8")
    done = call("--dataset", few, "--documents", SEEDS, "--gate", "--no-baselines")
    assert done.exit_code == 1
    assert "recall_at_5 is" in done.output
    assert "over_refusal is" not in done.output


def test_validate(tmp_path: Path) -> None:
    assert "nothing is wrong" in call("validate").output
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"id": 1}\n{\n', encoding="utf-8")
    done = call("validate", bad)
    assert done.exit_code == 2
    assert f"{bad}:1" in done.output.replace("\n", "")
    assert f"{bad}:2" in done.output.replace("\n", "")
    bad.write_text("{\n", encoding="utf-8")
    assert isinstance(call("validate", bad).exception, DatasetError)


def test_bad_usage_is_refused() -> None:
    for words in (["--leave-out", "all"], ["--keep-answerable"], ["--limit", "0"], ["--gate", "--limit", "3"]):
        assert call(*words).exit_code == 2, words
    assert isinstance(call("--dataset", "squad:nowhere.json").exception, DatasetError)


def test_drafts_are_valid_deterministic_and_marked(tmp_path: Path) -> None:
    done = call("draft", SEED, "--count", "10", "--out", tmp_path / "draft.jsonl")
    assert done.exit_code == 0
    rows = [json.loads(line) for line in (tmp_path / "draft.jsonl").read_text("utf-8").splitlines()]
    assert len(rows) == 10
    assert rows == draft(SEED, 10)
    dataset = load_jsonl(tmp_path / "draft.jsonl", SEEDS)
    assert dataset.options["drafts"] == "10"
    for row, example in zip(rows, dataset.examples, strict=True):
        assert row["draft"] is True
        assert GAP in example.question
        assert example.evidence[0][0].answers
    assert "10 are drafts" in call("validate", tmp_path / "draft.jsonl", "--documents", SEEDS).output
    assert json.loads(call("draft", SEED, "--count", "1").output)["id"] == "draft-001"


def test_drafting_from_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(b"\0")
    (tmp_path / "x.txt").write_bytes(b"\0")
    for name in ("x.bin", "x.txt", "none.txt"):
        with pytest.raises(DocumentError):
            draft(tmp_path / name)
