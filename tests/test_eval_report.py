"""A run from its questions to its reports, on the real index with the fake embedder: deterministic, escaped, whole."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeEmbedder
from rich.console import Console

from eval import metrics
from eval.baselines import fuse_ranks, run_baselines
from eval.corpus import open_corpus
from eval.records import Found, Quoted, Record, Reply
from eval.report import summary
from eval.report.compare import compare
from eval.report.failures import failures
from eval.report.gate import FLOORS, fallen, read_floors, write_floors
from eval.report.html_report import page
from eval.report.report import print_report, read_json, write_json
from eval.report.summary import NOT_CODE, summarise
from eval.report.types import Report
from eval.runner import BaselineRun, Run, run
from eval.sets.dataset import Dataset, Evidence, Example
from eval.sets.open import open_dataset
from eval.stats import Estimate
from rag.errors import DatasetError
from rag.models.embeddings import BundledEmbedder
from rag.settings import Settings
from rag.types import Document

GOLDEN = Path(__file__).with_name("eval_report.json")
"""The report of `small_run`, as the first version that wrote this format wrote it."""

HOSTILE = '<script>alert("1")</script> & <img src=x onerror=alert(1)> [bold]roșu[/bold]'
TEXTS = {
    "luna": f"Luna are 3474 de kilometri. {HOSTILE} spune un text străin. Luna nu are aer.",
    "marte": "Marte este roșie și rece. Un an pe Marte are 687 de zile. Marte are doi sateliți.",
    "venus": "Venus este fierbinte. O zi pe Venus ține 243 de zile pământene.",
}


def example(name: str, question: str, document: str, quote: str, answer: str, **more: Any) -> dict[str, Any]:
    start = TEXTS[document].index(quote) if quote else 0
    return {
        "id": name,
        "question": question,
        "language": "ro",
        "kind": "direct" if quote else "near_miss",
        "document": document,
        "answerable": bool(quote),
        "evidence": [[{"start": start, "end": start + len(quote), "quote": quote}]] if quote else [],
        "answers": [answer] if quote else [],
        **more,
    }


EXAMPLES = [
    example("luna", "Câți kilometri are Luna?", "luna", "Luna are 3474 de kilometri.", "3474"),
    example("an", "Câte zile are un an pe Marte?", "marte", "Un an pe Marte are 687 de zile.", "687"),
    example(
        "apoi", "Și câți sateliți are Marte?", "marte", "Marte are doi sateliți.", "doi", kind="follow_up",
        history=["Cum este Marte?", "Cât ține un an pe Marte?"], standalone="Câți sateliți are Marte?",
    ),
    example("zi", "O zi pe Venus câte zile ține?", "venus", "O zi pe Venus ține 243 de zile pământene.", "243"),
    example("rau", f"Ce spune {HOSTILE}?", "luna", f"{HOSTILE} spune un text străin.", "text străin"),
    example("lipsa", "Cine a descoperit planeta Venus?", "venus", "", ""),
    example("departe", "Quel est le prix du pain ?", "venus", "", "", kind="off_topic", language="fr"),
]  # fmt: skip


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    folder = tmp_path / "texts"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    path = folder / "sky.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in EXAMPLES), encoding="utf-8")
    return open_dataset(str(path))


def measure(dataset: Dataset, settings: Settings, fake: FakeEmbedder) -> Report:
    temei = open_corpus(dataset, settings, embedder=fake)
    records = run(dataset, temei)
    return summarise(Run(dataset, records, run_baselines(dataset, temei, records)), settings)


def without_latency(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_latency(inner) for key, inner in value.items() if key != "latency"}
    return [without_latency(inner) for inner in value] if isinstance(value, list | tuple) else value


def test_same_input_same_numbers(dataset: Dataset, settings: Settings, fake: FakeEmbedder, tmp_path: Path) -> None:
    first = measure(dataset, settings, fake)
    elsewhere = settings.model_copy(update={"home": tmp_path / "elsewhere"})
    second, third = measure(dataset, settings, fake), measure(dataset, elsewhere, fake)
    third = replace(third, settings=first.settings)
    one, two, three = (without_latency(report.to_dict()) for report in (first, second, third))
    assert one == two == three


def test_the_index_is_made_once_and_again_where_a_document_changed(
    dataset: Dataset, settings: Settings, fake: FakeEmbedder, tmp_path: Path
) -> None:
    one = open_corpus(dataset, settings, embedder=fake).settings.home
    embedded = len(fake.passages)
    assert embedded > 0
    assert open_corpus(dataset, settings, embedder=fake).settings.home == one
    assert len(fake.passages) == embedded
    other = tmp_path / "texts" / "venus.txt"
    other.write_text(TEXTS["venus"] + " Venus este a doua planetă.", encoding="utf-8")
    assert (
        open_corpus(open_dataset(str(tmp_path / "texts" / "sky.jsonl")), settings, embedder=fake).settings.home != one
    )
    assert one.parent == settings.home / "eval"


def test_the_index_is_never_on_a_shared_server(dataset: Dataset, home: Path, fake: FakeEmbedder) -> None:
    temei = open_corpus(dataset, Settings(home=home, chroma_url="http://127.0.0.1:9"), embedder=fake)
    assert len(temei.index.documents()) == 3


def test_an_interrupted_ingestion_is_finished(dataset: Dataset, settings: Settings) -> None:
    with pytest.raises(KeyboardInterrupt):
        open_corpus(dataset, settings, embedder=FakeEmbedder(stop_at=3))
    temei = open_corpus(dataset, settings, embedder=FakeEmbedder())
    assert sorted(row.source for row in temei.index.documents()) == ["luna.txt", "marte.txt", "venus.txt"]


def test_records_hold_what_was_asked_and_found(dataset: Dataset, settings: Settings, fake: FakeEmbedder) -> None:
    temei = open_corpus(dataset, settings, embedder=fake)
    queries = len(fake.queries)
    records = {record.example.id: record for record in run(dataset, temei)}
    assert {"Cum este Marte?", "Cât ține un an pe Marte?"} <= set(fake.queries[queries:])
    for record in records.values():
        for name, start, end in record.reply.cited:
            assert dataset.documents[name].text[start:end] in record.reply.quotes.values()
        for hit in record.found:
            assert dataset.documents[hit.document].text[hit.start : hit.end] == hit.text
        assert record.abstained == (not record.reply.cited)
        assert record.tried.cited or record.tried.text
        assert record.seconds["total"] > 0
    assert records["an"].found[0].document == "marte.txt"


def test_what_is_left_out_is_not_found(
    tmp_path: Path, settings: Settings, fake: FakeEmbedder, dataset: Dataset
) -> None:
    left = open_dataset(str(tmp_path / "texts" / "sky.jsonl"), leave_out="gold")
    for record in run(left, open_corpus(left, settings, embedder=fake)):
        assert {hit.document for hit in record.found}.isdisjoint(record.example.left_out)
        assert len(record.example.left_out) == 1
    assert left.digest() != dataset.digest()


def test_a_question_searches_within_its_documents_alone(
    dataset: Dataset, settings: Settings, fake: FakeEmbedder
) -> None:
    for name in sorted(dataset.documents):
        examples = tuple(replace(example, within=(name,)) for example in dataset.examples)
        narrowed = replace(dataset, examples=examples)
        records = run(narrowed, open_corpus(narrowed, settings, embedder=fake))
        assert {hit.document for record in records for hit in record.found} == {name}


def test_report_has_every_part(dataset: Dataset, settings: Settings, fake: FakeEmbedder, tmp_path: Path) -> None:
    report = measure(dataset, settings, fake)
    assert report.dataset.examples == 7
    assert report.dataset.answerable == 5
    assert set(report.baselines) == {"unread", "bm25", "dense", "rrf"}
    assert set(report.by_language) == {"ro", "fr"}
    assert set(report.by_kind) == {"direct", "follow_up", "near_miss", "off_topic"}
    assert report.metrics["recall_at_1"].n == 5
    assert report.metrics["abstention_recall"].n == 7
    assert report.settings["top_k"] == settings.top_k
    assert report.versions["python"]
    assert [outcome.id for outcome in report.examples] == [row["id"] for row in EXAMPLES]
    write_json(report, tmp_path / "out" / "r.json")
    assert read_json(tmp_path / "out" / "r.json") == report
    wrong = sum(map(len, failures(report).values()))
    right = sum(one.correct and not one.abstained if one.answerable else one.abstained for one in report.examples)
    assert wrong + right == 7


LEAST = ("recall_at_1", "mrr", "answer_containment", "citation_recall", "abstention_recall", "over_refusal", "aurc")


def small_run() -> Run:
    """Return a run of three questions, the last of them refused rightly and the second wrongly."""
    text = "Marte are doi sateliți. Un an are 687 de zile."
    first, second = Evidence("m", 0, 23, text[:23], ((10, 13),)), Evidence("m", 24, 46, text[24:], ())
    gold = {"relevant": {"m": 1}, "answerable": True, "kind": "direct", "language": "ro"}
    examples = (
        Example("a", "Câți sateliți are Marte?", cluster="m", evidence=((first,), (second,)), answers=("doi",), **gold),
        Example("b", "Și un an?", cluster="m", evidence=((second,),), history=("Câți sateliți?",), **gold),
        Example("c", "Who <wrote> it?", "en", "off_topic", False, {}, "v"),
    )
    found = (Found("m", 0, 46, 0.7654321, text), Found("v", 0, 5, 0.1, "Venus"))
    cited = Reply("Marte are doi sateliți. [1]", (Quoted(1, "m", 0, 23, text[:23]),))
    refused = Reply("Nu știu.")
    more = {"sentences": {"m": ((0, 23), (24, 46))}, "documents": 2, "same_language": True}
    records = (
        Record(examples[0], found, cited, cited, False, 0.91234567, examples[0].question,
               seconds={"retrieve": 0.0101, "total": 0.25}, **more),
        Record(examples[1], found[:1], refused, Reply("687 [1]", (Quoted(1, "m", 24, 46, text[24:]),)), True, 0.25,
               "Cât ține un an pe Marte?", seconds={"retrieve": 0.0202, "total": 0.5}, **more),
        Record(examples[2], (), refused, cited, True, 0.0, examples[2].question, seconds={"total": 0.125}, **more),
    )  # fmt: skip
    documents = {"m": Document("1", "Marte", "m", text, "ro"), "v": Document("2", "Venus", "v", "Venus", "ro")}
    dataset = Dataset("mic", documents, examples, "document", {"typed": "cedilla"})
    return Run(dataset, records, {"bm25": BaselineRun("BM25 alone", {"a": found[:1], "b": found[1:]}, (0.001, 0.002))})


def test_the_file_of_a_report_is_the_same_to_the_byte(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for registry in ("METRICS", "RETRIEVAL"):  # another metric more is no other format
        known = getattr(metrics, registry)
        monkeypatch.setattr(summary, registry, {name: known[name] for name in known if name in LEAST})
    report = summarise(small_run(), Settings(home=tmp_path))
    report = replace(
        report,
        dataset=replace(report.dataset, digest="0123456789abcdef"),  # of all that an example may hold
        settings={"embedding_model": "bundled", "top_k": 8},
        commit="0123456789ab",
        versions={"python": "3.12.0"},
        latency=replace(report.latency, date="2026-01-02", machine="Linux x86_64"),
    )

    write_json(report, tmp_path / "r.json")

    assert (tmp_path / "r.json").read_bytes() == GOLDEN.read_bytes()


def test_a_report_that_was_read_is_written_the_same(tmp_path: Path) -> None:
    report = read_json(GOLDEN)

    write_json(report, tmp_path / "r.json")

    assert (tmp_path / "r.json").read_bytes() == GOLDEN.read_bytes()
    assert report.metrics["mrr"].value == 0.5 * (report.baselines["bm25"].examples["a"]["mrr"] + 1)
    assert [outcome.had_it_answered is None for outcome in report.examples] == [True, False, False]
    assert report.examples[0].evidence[0][0].answers == ((10, 13),)


def test_a_report_of_before_is_compared_and_shown(tmp_path: Path) -> None:
    changed = json.loads(GOLDEN.read_text(encoding="utf-8"))
    changed["examples"][0] |= {"abstained": True, "had_it_answered": changed["examples"][0]["answer"]}
    changed["examples"][0]["metrics"]["answer_containment"] = 0.0
    changed["of_a_later_version"] = {"more": 1}
    (tmp_path / "r.json").write_text(json.dumps(changed), encoding="utf-8")

    before, after = read_json(GOLDEN), read_json(tmp_path / "r.json")
    comparison = compare(before, after)

    assert (comparison.examples, comparison.left_out, comparison.lost) == (3, 0, ("a",))
    assert "Every failure" in page(before)
    assert len(failures(after)["refused"]) == 2


def test_unreadable_reports_are_refused(tmp_path: Path) -> None:
    whole = json.loads(GOLDEN.read_text(encoding="utf-8"))
    wrong = [{**whole, "format": 0}, {**whole, "examples": None}, {**whole, "examples": [{"id": "a"}]}, [], None, 3]
    for content in ("{", "[" * 100_000, "\ufeff", *map(json.dumps, wrong)):
        (tmp_path / "r.json").write_text(content, encoding="utf-8")
        with pytest.raises(DatasetError, match=r"r\.json") as caught:
            read_json(tmp_path / "r.json")
        assert "temei eval --json" in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(DatasetError, match="cannot be read"):
        read_json(tmp_path / "none.json")
    with pytest.raises(DatasetError, match="cannot be written"):
        write_json(read_json(GOLDEN), tmp_path)


@pytest.mark.parametrize("width", [80, 160])
def test_terminal_shows_the_numbers_and_no_markup_of_a_document(
    dataset: Dataset, settings: Settings, fake: FakeEmbedder, width: int
) -> None:
    report = measure(dataset, settings, fake)
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    print_report(replace(report, dataset=replace(report.dataset, name="[red]x[/red]")), console)
    text = console.export_text()
    assert "[red]x[/red]" in text
    assert re.search(r"recall_at_1 .*100\.0|recall_at_1 .*\d\d\.\d", text)
    assert "BM25 alone" in text
    assert "…" not in text


class _Reader(HTMLParser):
    """Collects a page's tags, and its text by line."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [str(value) for name, value in attrs if name in ("src", "href", "xlink:href")]
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_page_is_self_contained_and_escaped(dataset: Dataset, settings: Settings, fake: FakeEmbedder) -> None:
    report = measure(dataset, settings.model_copy(update={"min_confidence": 1.0}), fake)
    assert failures(report)["refused"]
    reader = _Reader()
    reader.feed(page(report))
    assert not reader.tags & {"script", "img", "iframe", "link", "object"}
    assert all(link.startswith("#") for link in reader.links)
    text = "".join(reader.text)
    assert HOSTILE in text
    assert "Every failure (5)" in text or "5 of 7 questions" in text
    assert page(report) == page(report)


def test_gate(dataset: Dataset, settings: Settings, fake: FakeEmbedder, tmp_path: Path) -> None:
    report, path = measure(dataset, settings, fake), tmp_path / "floors.toml"
    path.write_text('["other"]\nmeasured = 2026-01-01\ncommit = ""\n["other".floors]\nmrr = 0.5\n')
    write_floors(report, path)
    floors = read_floors("sky", path)
    assert read_floors("other", path) == {"mrr": 0.5}
    assert fallen(report.metrics, floors) == []
    assert floors["over_refusal"] >= report.metrics["over_refusal"].value
    lower = {**report.metrics, "recall_at_1": Estimate(floors["recall_at_1"] - 0.001, None, None, 5)}
    (line,) = fallen(lower, floors)
    assert "recall_at_1" in line
    assert "below its floor" in line
    (line,) = fallen({**report.metrics, "over_refusal": Estimate(1.0, None, None, 5)}, {"over_refusal": 0.9})
    assert "above its ceiling" in line
    assert "was not measured" in fallen({}, {"mrr": 0.5})[0]
    with pytest.raises(DatasetError, match="no floors for 'third'"):
        read_floors("third", path)
    path.write_text('["sky".floors]\nmmr = 0.5\nmrr = "high"\n')
    with pytest.raises(DatasetError) as caught:
        read_floors("sky", path)
    assert len(str(caught.value).splitlines()) == 2


def test_rank_fusion_by_hand() -> None:
    fused = fuse_ranks([["a", "b"], ["b", "c"]])
    assert list(fused) == ["b", "a", "c"]
    assert fused["b"] == pytest.approx(1 / 62 + 1 / 61)
    assert fused["c"] == pytest.approx(1 / 62)


@pytest.mark.slow
@pytest.mark.model
def test_the_tutorial_answers_the_same_questions(
    dataset: Dataset, settings: Settings, embedder: BundledEmbedder, models: Path
) -> None:
    temei = open_corpus(dataset, settings, embedder=embedder)
    records = run(dataset, temei)
    runs = [run_baselines(dataset, temei, records, tutorial=True, models=models)["tutorial"] for _ in range(2)]
    assert runs[0].found == runs[1].found
    assert len(runs[0].found) == 5
    for hits in runs[0].found.values():
        for hit in hits:
            assert dataset.documents[hit.document].text[hit.start : hit.end] == hit.text
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_quotes_of_one_number_are_read_together() -> None:
    reply = Reply("A [1] B [2]", (Quoted(1, "d", 0, 1, "a"), Quoted(1, "d", 4, 5, "b"), Quoted(2, "d", 7, 8, "c")))
    assert reply.quotes == {1: "a b", 2: "c"}
    assert reply.cited == (("d", 0, 1), ("d", 4, 5), ("d", 7, 8))


def test_the_file_that_does_not_count_as_code_is_the_file_of_floors() -> None:
    assert FLOORS.as_posix().endswith(NOT_CODE.removeprefix(":!"))
