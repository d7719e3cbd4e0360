"""A calibration belongs to an embedding model: another one says so everywhere, and ``temei calibrate`` fits its own."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import SEED, SEEDS
from fakes import FakeEmbedder
from typer.testing import CliRunner, Result

import rag.calibration
import rag.doctor
import rag.models.embeddings
from eval import calibration as calibrating
from eval.corpus import open_corpus
from eval.logistic import Features, Numbers, parts_of
from eval.sets.open import SHIPPED, open_dataset
from ingest import ingest
from rag.calibration import (
    WITH,
    WITHOUT,
    FittedFor,
    Logistic,
    keep,
    kept_at,
    load_calibration,
    shipped_calibration,
)
from rag.chain import Temei
from rag.compose import Grounds
from rag.doctor import Finding, examine
from rag.errors import Fault
from rag.files.checksums import sealed
from rag.index.index import Index
from rag.judge import Judgement
from rag.models.embeddings import BundledEmbedder
from rag.settings import Settings
from ui import cli

KETTLE = "What is the lid of the kettle made of?"
MODELS = {WITH: Logistic({"overlap": 2.0}, -1.0, {"overlap": 0.5}), WITHOUT: Logistic({}, 0.25, {})}
ROUGH = "fitted for another embedding model"


@pytest.fixture
def another() -> FakeEmbedder:
    """An embedding model for which no calibration was fitted."""
    return FakeEmbedder("another")


@pytest.fixture
def library(settings: Settings, another: FakeEmbedder, articles: Path) -> Settings:
    index = Index(settings, another, create=True)
    ingest([articles], index)
    index.close()
    return settings


@pytest.fixture
def call(settings: Settings, another: FakeEmbedder, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Call the command line with the other model."""
    monkeypatch.setenv("TEMEI_HOME", str(settings.home))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(rag.models.embeddings, "open_embedder", lambda *arguments: another)
    return lambda *words: CliRunner().invoke(cli.app, [str(word) for word in words])


def calibration_of(findings: list[Finding]) -> Finding:
    return next(finding for finding in findings if finding.subject == "calibration")


# What another model says of its confidence


@pytest.mark.parametrize(
    ("question", "line"),
    [
        (KETTLE, "Its confidence is rough: it was fitted for another embedding model (temei calibrate)."),
        (
            "Unde cuibăresc pelicanii albi din Delta Dunării?",
            "Încrederea este aproximativă: a fost calibrată pentru alt model de vectori (temei calibrate).",
        ),
    ],
)
@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_each_answer_and_refusal_of_another_model_says_that_its_confidence_is_rough(
    library: Settings, another: FakeEmbedder, question: str, line: str, threshold: float
) -> None:
    temei = Temei(library.model_copy(update={"min_confidence": threshold}), embedder=another)

    answer = temei.answer(question)

    assert answer.abstained == (threshold == 1.0)
    assert answer.note == line
    assert answer.to_dict()["note"] == line


def test_the_start_says_it_once_and_names_both_models(library: Settings, another: FakeEmbedder) -> None:
    said: list[str] = []

    temei = Temei(library, embedder=another, report=said.append)
    temei.answer(KETTLE)
    temei.answer(KETTLE)

    assert said == [
        "Confidence was fitted for multilingual-e5-small, not for another, and is rough; run: temei calibrate"
    ]


def test_the_model_of_the_calibration_says_nothing(settings: Settings, fake: FakeEmbedder, articles: Path) -> None:
    index = Index(settings, fake, create=True)
    ingest([articles], index)
    index.close()
    said: list[str] = []

    assert Temei(settings, embedder=fake, report=said.append).answer(KETTLE).note == ""
    assert said == []


def test_the_check_up_names_the_remedy(
    library: Settings, another: FakeEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rag.doctor, "open_embedder", lambda *arguments: another)

    before = calibration_of(examine(library))
    keep(MODELS, another, library.home)
    after = calibration_of(examine(library))

    assert not before.ok
    assert "run: temei calibrate" in before.detail
    assert after == Finding("calibration", True, f"fitted for another ({kept_at(library.home, another)})")


def test_the_note_stands_beside_the_other_notes() -> None:
    found: Any = SimpleNamespace(retrieval=SimpleNamespace(languages=["en"]))
    asked: Any = SimpleNamespace(question=KETTLE, place=None)
    judgement = Judgement(0.5, 1, 2, is_rough=True)

    grounds = Grounds.of(asked, found, judgement, {"total": 0.0}).not_written_by("a:model", Fault.BUSY, 0.0)

    parts = ["a:model is busy", "Of its 3 questions, 1 were", ROUGH]
    assert sorted(parts, key=grounds.note.index) == parts


def test_beside_another_model_what_its_vectors_say_does_not_count(another: FakeEmbedder) -> None:
    ours, rough = rag.calibration.load_calibration(Path("no"), FakeEmbedder()), shipped_calibration(another)
    evidence = ours.models[WITH].means

    near = {**evidence, "cosine": 0.9, "gap": 0.5, "apart": 0.5}

    assert ours.probability(near, read=True) > 0.99 > ours.probability(evidence, read=True)
    assert rough.probability(near, read=True) == rough.probability(evidence, read=True)


def test_the_shipped_calibration_names_the_bundled_model_and_the_reader_of_the_package() -> None:
    bundled = FakeEmbedder("multilingual-e5-small", 384)

    assert load_calibration(Path("no"), bundled).fitted_for == FittedFor.now(bundled)


# What is kept


def test_a_kept_calibration_is_used_the_next_time_and_only_for_its_model(
    library: Settings, another: FakeEmbedder
) -> None:
    path = keep(MODELS, another, library.home)

    said: list[str] = []
    temei = Temei(library, embedder=another, report=said.append)

    assert (temei.calibration.models, temei.calibration.path, said) == (MODELS, path, [])
    answer = temei.answer(KETTLE)
    assert (answer.note, answer.confidence) == ("", pytest.approx(1 / (1 + np.exp(-0.25))))
    for other in (FakeEmbedder("third"), FakeEmbedder("another", 32)):
        assert not load_calibration(library.home, other).suits
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["a/folder of ours/model", "../../up", "模型", "", "x" * 5000, "\udcff", "a\0b"])
def test_any_name_of_a_model_is_a_file_below_the_home(home: Path, name: str) -> None:
    model = FakeEmbedder(name or "a")

    path = keep(MODELS, model, home)

    assert path.parent == home / "calibration"
    assert load_calibration(home, model).models == MODELS


def damage(path: Path, how: str) -> None:
    about = json.loads(path.read_text("utf-8"))["about"]
    match how:
        case "cut off":
            path.write_bytes(path.read_bytes()[:-40])
        case "empty":
            path.write_bytes(b"")
        case "another digit":
            path.write_text(path.read_text("utf-8").replace("2.0", "9.0"), "utf-8")
        case "not UTF-8":
            path.write_bytes(b"\xff\xfe")
        case "a list":
            path.write_text("[]")
        case "a folder":
            path.unlink()
            path.mkdir()
        case "a link to nowhere":
            path.unlink()
            path.symlink_to("nowhere")
        case "not a number":
            path.write_text(sealed({**about, WITHOUT: {"weights": {}, "intercept": float("nan"), "means": {}}}))
        case "a weight without a mean":
            path.write_text(sealed({**about, WITHOUT: {"weights": {"overlap": 1}, "intercept": 0, "means": {}}}))
        case "weights as a list":
            path.write_text(sealed({**about, WITHOUT: {"weights": [1], "intercept": 0, "means": {}}}))
        case "nothing fitted":
            path.write_text(sealed({"fitted_for": about["fitted_for"]}))
        case "for nothing":
            path.write_text(sealed({WITHOUT: about[WITHOUT]}))
        case "of another model":
            path.write_text(sealed({**about, "fitted_for": {**about["fitted_for"], "embedding_model": "third"}}))


@pytest.mark.parametrize(
    "how",
    [
        *("cut off", "empty", "another digit", "not UTF-8", "a list", "a folder", "a link to nowhere", "not a number"),
        *("a weight without a mean", "weights as a list", "nothing fitted", "for nothing", "of another model"),
    ],
)
def test_a_damaged_calibration_is_one_line_and_the_shipped_one_is_used(home: Path, how: str) -> None:
    another = FakeEmbedder("another")
    path = keep(MODELS, another, home)
    damage(path, how)

    found = load_calibration(home, another)

    assert found.remark == f"The calibration {path} is damaged and not used; run: temei calibrate"
    assert replace(found, remark="") == replace(shipped_calibration(another), remark="")


@pytest.mark.parametrize("change", [{"reader": "00000000"}, {"evidence": 0}, {"vectors": 1}])
def test_a_calibration_for_another_reader_or_other_evidence_is_not_used(home: Path, change: dict[str, Any]) -> None:
    another = FakeEmbedder("another")
    path = keep(MODELS, another, home)
    about = json.loads(path.read_text("utf-8"))["about"]
    path.write_text(sealed({**about, "fitted_for": {**about["fitted_for"], **change}}))

    found = load_calibration(home, another)

    assert "fitted for another version of Temei" in found.remark
    assert not found.suits


def test_a_calibration_is_written_whole_or_not_at_all(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    another = FakeEmbedder("another")
    path = keep(MODELS, another, home)

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(OSError, match="No space"):
            keep({WITHOUT: Logistic({}, 1.0, {})}, another, home)

    assert load_calibration(home, another).models == MODELS
    assert os.listdir(path.parent) == [path.name]


def test_the_evaluation_measures_with_the_kept_calibration(settings: Settings) -> None:
    another = FakeEmbedder("another")
    path = keep(MODELS, another, settings.home)

    temei = open_corpus(open_dataset(limit=2), settings, embedder=another)

    assert temei.calibration.path == path


# temei calibrate


def test_calibrating_without_arguments_fits_on_the_shipped_set_the_same_each_time(
    call: Callable[..., Result], settings: Settings, another: FakeEmbedder
) -> None:
    done = call("calibrate")

    assert done.exit_code == 0, done.output
    assert "Fitted for another on conferinta: 152 answerable and 54 unanswerable questions." in done.output
    path = kept_at(settings.home, another)
    assert f"Kept in {path}" in done.output
    assert path.stat().st_mode & 0o777 == 0o600
    for row in ("AUROC", "refused, of 54 unanswerable", "refused, of 152 answerable", "Brier", "calibration error"):
        assert row in done.output
    found = load_calibration(settings.home, another)
    assert (found.suits, found.remark, list(found.models)) == (True, "", [WITHOUT])
    assert "cosine" in found.models[WITHOUT].weights
    first = path.read_bytes()
    again = call("calibrate", "--out", "elsewhere.json")
    assert Path("elsewhere.json").read_bytes() == first
    assert again.output.replace("Wrote elsewhere.json.", "").strip() in done.output


def write_questions(path: Path, answerable: int, unanswerable: int) -> Path:
    lines = []
    for number in range(answerable + unanswerable):
        sentence = f"Item {number} is made of brass."
        can = number < answerable
        evidence = [[{"start": 0, "end": len(sentence), "quote": sentence}]] if can else []
        fields = {"id": str(number), "question": f"What is item {number} made of?", "language": "en"}
        fields |= {"kind": "direct" if can else "near_miss", "document": f"{number}.txt" if can else "0.txt"}
        lines.append(
            json.dumps({**fields, "answerable": can, "evidence": evidence, "answers": ["brass"] if can else []})
        )
        if can:
            (path.parent / f"{number}.txt").write_text(f"{sentence} It is number {number} of many.")
    path.write_text("\n".join(lines))
    return path


def test_questions_and_documents_of_ones_own(call: Callable[..., Result], settings: Settings, tmp_path: Path) -> None:
    for name in ("mine", "more"):
        (tmp_path / name).mkdir()
    questions = write_questions(tmp_path / "mine" / "q.jsonl", calibrating.LEAST, calibrating.LEAST)
    (tmp_path / "more" / "other.txt").write_text("A kettle boils water.")
    (tmp_path / "more" / "broken.pdf").write_bytes(b"%PDF-1.7 nothing")
    folders = ("--docs", tmp_path / "mine", "--docs", tmp_path / "more")

    done = call("calibrate", *folders, "--questions", questions)

    assert done.exit_code == 0, done.output
    assert f"on q: {calibrating.LEAST} answerable and {calibrating.LEAST} unanswerable" in done.output
    assert "left out: " in done.output
    assert "broken.pdf" in done.output
    assert load_calibration(settings.home, FakeEmbedder("another")).suits
    dataset = calibrating.open_questions(questions, [tmp_path / "mine", tmp_path / "more"])
    assert str(tmp_path / "more" / "other.txt") in dataset.documents
    assert len(dataset.documents) == calibrating.LEAST + 1


@pytest.mark.parametrize(("answerable", "unanswerable"), [(29, 40), (40, 29), (0, 40), (40, 0), (1, 1)])
def test_too_few_questions_are_refused_in_one_line(
    call: Callable[..., Result], settings: Settings, tmp_path: Path, answerable: int, unanswerable: int
) -> None:
    questions = write_questions(tmp_path / "few.jsonl", answerable, unanswerable)
    (tmp_path / "0.txt").write_text("Item 0 is made of brass. It is number 0 of many.")

    line = refused(call, "calibrate", "--questions", questions)

    assert f"few has {answerable} answerable and {unanswerable} unanswerable questions" in line
    assert f"needs {calibrating.LEAST} of each" in line
    assert not (settings.home / "calibration").exists()


def refused(call: Callable[..., Result], *words: object) -> str:
    """Return the message with which a command is refused, which is one line."""
    done = call(*words)
    assert done.exception is not None
    message = str(done.exception)
    assert "\n" not in message
    return message


def test_what_cannot_be_opened_is_refused_in_one_line(call: Callable[..., Result], tmp_path: Path) -> None:
    assert "name them with --questions" in refused(call, "calibrate", "--docs", SEEDS)
    assert "cannot be read" in refused(call, "calibrate", "--questions", tmp_path / "no.jsonl")
    shutil.copy(SEED, tmp_path)
    both = refused(call, "calibrate", "--docs", SEEDS, "--docs", tmp_path, "--questions", SHIPPED)
    assert "has the name of another document" in both


# Who wrote Hamlet?


class _Unchanged:
    """In place of a language bias: vectors stay as the model made them."""

    def query(self, vector: Any) -> Any:
        return vector

    passage = query


class PlainEmbedder(BundledEmbedder):
    """The bundled weights as sentence-transformers runs them: nothing is taken from the vectors."""

    name = "plain"

    def __init__(self, bundled: BundledEmbedder) -> None:
        self.encoder, self.dimension = bundled.encoder, bundled.dimension
        self.language_bias: Any = _Unchanged()


@pytest.mark.slow
@pytest.mark.model
def test_the_bundled_weights_loaded_another_way_refuse_hamlet(
    embedder: BundledEmbedder, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = PlainEmbedder(embedder)
    index = Index(settings, plain, create=True)
    ingest([SEED], index)
    index.close()
    hamlet, letter = "Who wrote Hamlet?", "Cine a trimis scrisoarea de felicitare?"
    as_if_suited = load_calibration(settings.home, embedder)
    assert Temei(settings, embedder=plain, calibration=as_if_suited).answer(hamlet).confidence > 0.8  # the hazard

    rough = Temei(settings, embedder=plain)

    assert rough.answer(hamlet).abstained
    assert not rough.answer(letter).abstained
    monkeypatch.setattr(rag.models.embeddings, "open_embedder", lambda *arguments: plain)
    monkeypatch.setenv("TEMEI_HOME", str(settings.home))
    assert CliRunner().invoke(cli.app, ["calibrate"]).exit_code == 0
    fitted = Temei(settings, embedder=plain)
    assert fitted.answer(hamlet).abstained
    assert fitted.answer(hamlet).note == ""
    answer = fitted.answer(letter)
    assert not answer.abstained
    assert answer.confidence > 0.5


# The fit


def test_missing_evidence_takes_its_mean_and_what_never_varies_is_left_out() -> None:
    rows = [{"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 2.0}, {"b": 2.0, "c": 5.0}, {"a": 2.0, "b": 2.0, "c": 7.0}]

    table = Features.of(rows)

    assert table.names == ["a", "c"]
    assert table.mean.tolist() == [2.0, 6.0]
    assert table.x[2, 0] == 0.0
    assert np.allclose(table.x.std(0), 1)


def test_a_model_says_what_its_table_says_and_each_part_is_judged_by_a_model_that_did_not_see_it() -> None:
    chance = np.random.default_rng(1)
    y = (np.arange(120) % 3 == 0).astype(float)
    rows = [
        {"a": float(v), "b": float(w)}
        for v, w in zip(y + chance.normal(size=120), chance.normal(size=120), strict=True)
    ]
    table = Features.of(rows)
    parts = list(parts_of([f"group {number // 5}" for number in range(120)], 8))

    held_out = table.held_out(y, parts)
    model = table.model(y)

    assert sum(parts).tolist() == [1] * 120
    assert all(len({part[number] for number in range(start, start + 5)}) == 1 for part in parts for start in (0, 60))
    seen = np.array([model.probability(row) for row in rows])
    assert 0 < np.abs(seen - held_out).max() < 0.2
    assert model.weights["a"] > 0.5 > abs(model.weights["b"])
    assert seen[y == 1].mean() > 0.5 > seen[y == 0].mean()


def test_the_numbers_by_hand() -> None:
    confidence, answerable = (
        np.array([0.9, 0.1, 0.3, 0.1, 0.1, 0.1]),
        np.array([True, True, False, False, False, False]),
    )

    found = Numbers.of(confidence, answerable, threshold=0.2)

    assert found.auroc == pytest.approx((4 + 1.5 * 1) / 8)
    assert (found.refused, found.over_refused) == (0.75, 0.5)
    assert found.brier == pytest.approx(((0.01 + 0.81) / 2 + (0.09 + 3 * 0.01) / 4) / 2)
    assert found.calibration_error == pytest.approx(0.1 / 4 + 0.3 / 8 + abs(0.9 / 4 - 3 * 0.1 / 8))
