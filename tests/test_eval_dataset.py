"""Opening question sets: Temei's own format and those of others, and every way in which they can be wrong."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.sets.jsonl import find_answers, load_jsonl
from eval.sets.open import SHIPPED, open_dataset
from rag.errors import DatasetError

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
TEXT = "Pe 12 iulie a sosit scrisoarea. Ea a fost citită. 😀 Conferința are loc la Wuzhen."
XQUAD = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data, the development data beside the checkout")


def line(**changes: Any) -> dict[str, Any]:
    quote = changes.pop("quote", "Pe 12 iulie a sosit scrisoarea.")
    start = TEXT.index(quote)
    return {
        "id": "one",
        "question": "Când a sosit scrisoarea?",
        "language": "ro",
        "kind": "direct",
        "document": "a.txt",
        "answerable": True,
        "evidence": [[{"start": start, "end": start + len(quote), "quote": quote}]],
        "answers": ["12 iulie"],
        **changes,
    }


UNANSWERABLE = {"answerable": False, "kind": "near_miss", "evidence": [], "answers": []}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "a.txt").write_text(TEXT, encoding="utf-8")
    (documents / "b.txt").write_text("Another text, which says little.", encoding="utf-8")
    return documents


def write(folder: Path, *lines: Any) -> Path:
    path = folder / "set.jsonl"
    rows = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in lines]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_own_format(folder: Path) -> None:
    after_emoji = line(id="two", quote="Conferința are loc la Wuzhen.", answers=["wuzhen"])
    follow_up = line(id="three", kind="follow_up", history=["Ce a sosit?"], standalone="Când a sosit scrisoarea?")
    dataset = load_jsonl(write(folder, line(), after_emoji, follow_up, line(id="four", **UNANSWERABLE)), folder)
    one, two, three, four = dataset.examples
    text = dataset.documents["a.txt"].text
    for example in dataset.examples:
        for span in (span for spans in example.evidence for span in spans):
            assert text[span.start : span.end] == span.quote
    assert [text[a:b] for a, b in one.evidence[0][0].answers] == ["12 iulie"]
    assert [text[a:b] for a, b in two.evidence[0][0].answers] == ["Wuzhen"]
    assert three.history == ("Ce a sosit?",)
    assert not four.answerable
    assert dict(four.relevant) == {}
    assert one.cluster == three.cluster != two.cluster != four.cluster
    assert dataset.clustered_by == "evidence"


def test_documents_are_named_with_or_without_their_suffix(folder: Path) -> None:
    dataset = load_jsonl(write(folder, line(), line(id="two", document="b", **UNANSWERABLE)), folder)
    assert sorted(dataset.documents) == ["a.txt", "b.txt"]
    assert [example.cluster for example in dataset.examples] == ["a.txt", "b.txt"]
    assert dataset.clustered_by == "document"


def test_own_format_takes_kinds_of_ones_own_and_evidence_in_several_documents(folder: Path) -> None:
    two_documents = line(id="two", kind="comparison", answers=[], within=["a.txt", "b"])
    two_documents["evidence"][0].append({"document": "b", "start": 0, "end": 12, "quote": "Another text"})
    refused = line(**UNANSWERABLE | {"id": "three", "kind": "absent_clause", "within": ["b.txt"]})
    talked = line(id="four", kind="clarification", history=["Ce a sosit?"])
    dataset = load_jsonl(write(folder, line(), two_documents, refused, talked), folder)
    one, two, three, four = dataset.examples
    assert one.within == ()
    assert two.kind == "comparison"
    assert [span.document for span in two.evidence[0]] == ["a.txt", "b.txt"]
    assert dict(two.relevant) == {"a.txt": 1, "b.txt": 1}
    assert two.within == ("a.txt", "b.txt")
    assert (three.answerable, three.within) == (False, ("b.txt",))
    assert four.history == ("Ce a sosit?",)
    everywhere = load_jsonl(write(folder, line(), {**two_documents, "within": []}, refused, talked), folder)
    assert dataset.digest() != everywhere.digest()


def test_nomiracl_searches_the_passages_of_each_question_alone(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"id": "ro-1", "language": "ro", "question": "Ce?", "passages": [TEXT, "Altceva."], "subset": "relevant"},
        {"id": "ro-2", "language": "ro", "question": "Unde?", "passages": [TEXT], "subset": "non_relevant", "x": 1},
    ]
    path = tmp_path / "nomiracl.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    dataset = open_dataset(f"nomiracl:{path}")
    one, two = dataset.examples
    assert (one.answerable, one.kind, one.within) == (True, "relevant", ("ro-1/1", "ro-1/2"))
    # A passage that two questions have is one document.
    assert (two.answerable, two.kind, two.within) == (False, "non_relevant", ("ro-1/1",))
    assert len(dataset.documents) == 2


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no examples"),
        (b"{}", "passages"),
        (b'{"id": "a", "language": "ro", "question": "Ce?", "passages": [], "subset": "relevant"}', "passages"),
        (b'{"id": "a", "language": "ro", "question": "Ce?", "passages": ["x"], "subset": "some"}', "subset"),
        (b"\xff", "not UTF-8"),
    ],
)
def test_a_malformed_nomiracl_file_is_named(tmp_path: Path, data: bytes, words: str) -> None:
    for name, content in (("a.jsonl", data), ("a.jsonl.gz", gzip.compress(data))):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DatasetError, match=words):
            open_dataset(f"nomiracl:{tmp_path / name}")


def test_a_damaged_gzipped_file_is_named(tmp_path: Path) -> None:
    whole = gzip.compress(b"{}" * 1000)
    for data in (whole[:-12], b"no gzip", whole[:12] + bytes(8) + whole[20:]):
        path = tmp_path / "a.jsonl.gz"
        path.write_bytes(data)
        with pytest.raises(DatasetError, match="cannot be read"):
            open_dataset(f"nomiracl:{path}")


@XQUAD
@pytest.mark.parametrize("name", ["clapnq", "contractnli", "cuad", "mtragun"])
def test_the_shared_sets_in_own_format_open(name: str) -> None:
    dataset = open_dataset(str(SHARED / name / "questions.jsonl"), documents=SHARED / name / "documents")
    assert len(dataset.examples) > 200


def test_all_problems_are_reported_at_once_by_file_and_line(folder: Path) -> None:
    moved = line(id="moved")
    moved["evidence"][0][0].update(start=5, end=36)
    foreign = line(id="foreign")
    foreign["evidence"][0][0].update(quote="is nowhere")
    path = write(
        folder,
        line(),
        "{not json",
        line(),
        moved,
        foreign,
        line(id="missing", document="c.txt"),
        line(id="bare", evidence=[]),
        line(id="outside", within=["b.txt"]),
        line(id="both", answerable=False),
        line(id="near", kind="near_miss"),
        line(id="talk", history=["Ce?"]),
        line(id="lonely", kind="follow_up"),
        line(id="hollow", evidence=[[]]),
        {**line(id="extra"), "surprise": 1},
        line(id="typed", answerable="yes"),
        line(id="odd", kind="Odd kind"),
        line(id="blank", question="  "),
        "[1]",
        '{"id": ' * 100_000,
    )
    with pytest.raises(DatasetError) as caught:
        load_jsonl(path, folder)
    problems = str(caught.value).splitlines()
    told = {int(problem.removeprefix(f"{path}:").split(":")[0]): problem for problem in problems}
    assert set(told) == set(range(2, 20))
    assert [int(p.removeprefix(f"{path}:").split(":")[0]) for p in problems] == sorted(
        int(p.removeprefix(f"{path}:").split(":")[0]) for p in problems
    )
    for number, words in {
        2: "not JSON",
        3: f"taken by {path}:1",
        4: "but at 0-31",
        5: "nor anywhere else",
        6: "no document 'c.txt'",
        7: "needs evidence",
        8: "not among the documents to search within",
        9: "cannot be unanswerable",
        14: "surprise",
        16: "kind",
        17: "question",
    }.items():
        assert words in "\n".join(p for p in problems if p.startswith(f"{path}:{number}:")), number


@pytest.mark.parametrize(
    ("data", "words"), [(b"", "no examples"), (b"\n \n", "no examples"), (b"\xff\xfe{}", "not UTF-8")]
)
def test_an_unusable_file_is_named(folder: Path, data: bytes, words: str) -> None:
    path = folder / "set.jsonl"
    path.write_bytes(data)
    with pytest.raises(DatasetError, match=words):
        load_jsonl(path, folder)


def test_a_missing_file_and_folder_are_named(folder: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be read"):
        load_jsonl(folder / "nothing.jsonl", folder)
    with pytest.raises(DatasetError, match="--documents"):
        load_jsonl(write(folder, line()), folder / "nowhere")


def test_a_line_may_hold_a_line_separator(folder: Path) -> None:
    dataset = load_jsonl(write(folder, line(question="Când\u2028a sosit?")), folder)
    assert dataset.examples[0].question == "Când\u2028a sosit?"


@given(st.text(max_size=200), st.data())
def test_answers_are_found_where_they_stand(quote: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, max(len(quote) - 1, 0)))
    answer = quote[start : start + data.draw(st.integers(1, 20))]
    for a, b in find_answers(quote, 100, [answer] if answer else []):
        assert quote[a - 100 : b - 100].casefold() == answer.casefold() or len(answer) == b - a


def test_the_shipped_set_is_as_promised() -> None:
    dataset = open_dataset()
    examples = dataset.examples
    languages = {x.language: sum(y.language == x.language for y in examples) for x in examples}
    assert len(examples) >= 120
    assert abs(languages["ro"] - languages["en"]) <= 10
    assert len([n for language, n in languages.items() if language not in ("ro", "en") and n >= 10]) >= 5
    unanswerable = [x for x in examples if not x.answerable]
    assert len(unanswerable) >= 40
    assert sum(x.kind == "near_miss" for x in unanswerable) >= len(unanswerable) / 2
    kinds = {x.kind for x in examples}
    assert kinds >= {"direct", "paraphrase", "misspelt", "no_diacritics", "multi_sentence", "follow_up"}
    assert sum(x.kind == "follow_up" for x in examples) >= 20
    assert dataset.options["drafts"] == "0"
    assert SHIPPED.stem == dataset.name


def squad(*paragraphs: dict[str, Any], title: str = "The_Moon") -> dict[str, Any]:
    return {"data": [{"title": title, "paragraphs": list(paragraphs)}]}


def paragraph(context: str, *questions: tuple[str, str, str]) -> dict[str, Any]:
    return {
        "context": context,
        "qas": [
            {"id": name, "question": question, "answers": [{"text": a, "answer_start": context.index(a)}] if a else []}
            for name, question, a in questions
        ],
    }


LUNA = paragraph(
    "Luna este un satelit. Are 3474 de kilometri în diametru.", ("m1", "Ce diametru are Luna?", "3474 de kilometri")
)
MARTE = paragraph("Marte este o planetă. Este roșie.", ("m2", "Ce culoare are Marte?", "roșie"))
ENGLISH = [
    paragraph("The Moon.", ("m1", "How wide is the Moon?", "Moon")),
    paragraph("Mars.", ("m2", "Which colour?", "")),
]


def save(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_squad(tmp_path: Path) -> None:
    dataset = open_dataset(f"squad:{save(tmp_path / 'x.json', squad(LUNA, MARTE))}")
    assert list(dataset.documents) == ["The_Moon/1", "The_Moon/2"]
    assert {document.title for document in dataset.documents.values()} == {"The Moon"}
    one, two = dataset.examples
    (span,) = one.evidence[0]
    assert span.quote == "Are 3474 de kilometri în diametru."
    text = dataset.documents["The_Moon/1"].text
    assert [text[a:b] for a, b in span.answers] == ["3474 de kilometri"]
    assert dict(two.relevant) == {"The_Moon/2": 1}
    assert (one.language, one.cluster, dataset.clustered_by) == ("ro", "The_Moon", "article")


def test_squad_with_the_questions_of_a_parallel_file(tmp_path: Path) -> None:
    path, other = save(tmp_path / "x.json", squad(LUNA, MARTE)), save(tmp_path / "y.json", squad(*ENGLISH))
    dataset = open_dataset(f"squad:{path}", questions=other)
    one, two = dataset.examples
    assert (one.question, one.language, one.answers) == ("How wide is the Moon?", "en", ("3474 de kilometri",))
    assert two.answerable
    assert dataset.digest() != open_dataset(f"squad:{path}").digest()
    for wrong in (squad(*ENGLISH[:1]), squad(*reversed(ENGLISH))):
        with pytest.raises(DatasetError, match="not parallel"):
            open_dataset(f"squad:{path}", questions=save(tmp_path / "z.json", wrong))


def test_leaving_out_makes_questions_unanswerable(tmp_path: Path) -> None:
    two = squad(LUNA, MARTE)
    two["data"] += squad(paragraph("Venus este fierbinte."), title="Venus")["data"]
    path = save(tmp_path / "x.json", two)
    gold = open_dataset(f"squad:{path}", leave_out="gold")
    assert [(x.answerable, x.left_out) for x in gold.examples] == [(False, ("The_Moon/1",)), (False, ("The_Moon/2",))]
    article = open_dataset(f"squad:{path}", leave_out="document")
    assert {x.left_out for x in article.examples} == {("The_Moon/1", "The_Moon/2")}
    assert all(not x.evidence and not x.answers and not x.relevant for x in article.examples)
    both = open_dataset(f"squad:{path}", leave_out="gold", keep=True)
    assert [x.answerable for x in both.examples] == [True, False, True, False]
    assert len({x.id for x in both.examples}) == 4
    alone = save(tmp_path / "alone.json", squad(LUNA, MARTE))
    with pytest.raises(DatasetError, match="no document at all"):
        open_dataset(f"squad:{alone}", leave_out="document")


def test_squad_problems(tmp_path: Path) -> None:
    moved = paragraph("Luna este un satelit.", ("m1", "Ce este?", "satelit"), ("m3", "Cine?", "Luna"))
    for question in moved["qas"]:
        question["answers"][0]["answer_start"] += 1
    with pytest.raises(DatasetError) as caught:
        open_dataset(f"squad:{save(tmp_path / 'x.json', squad(moved))}")
    assert len(str(caught.value).splitlines()) == 2
    for content, words in (({"data": [{}]}, "title"), ([], "x.json"), (squad(), "no questions")):
        with pytest.raises(DatasetError, match=words):
            open_dataset(f"squad:{save(tmp_path / 'x.json', content)}")
    (tmp_path / "x.json").write_text("{", encoding="utf-8")
    with pytest.raises(DatasetError, match="not JSON"):
        open_dataset(f"squad:{tmp_path / 'x.json'}")


def test_equal_paragraphs_are_one_document(tmp_path: Path) -> None:
    again = paragraph(LUNA["context"], ("m9", "Și ce diametru are?", "3474 de kilometri"))
    dataset = open_dataset(f"squad:{save(tmp_path / 'x.json', squad(LUNA, again))}")
    assert list(dataset.documents) == ["The_Moon/1"]
    assert dict(dataset.examples[1].relevant) == {"The_Moon/1": 1}
    assert dataset.examples[1].evidence[0][0].document == "The_Moon/1"


def test_adversarial(tmp_path: Path) -> None:
    save(tmp_path / "xquad.en.json", squad(*ENGLISH))
    path = tmp_path / "hard.en.jsonl"
    rows = [
        {"question": "How wide?", "paragraph": 0, "answerable": True},
        {"question": "How tall?", "paragraph": 1, "answerable": False},
    ]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    dataset = open_dataset(f"adversarial:{path}")
    assert [x.answerable for x in dataset.examples] == [True, False]
    assert dict(dataset.examples[0].relevant) == {"The_Moon/1": 1}
    other = save(tmp_path / "other.json", squad(LUNA, MARTE))
    assert open_dataset(f"adversarial:{path}", paragraphs=other).documents["The_Moon/1"].language == "ro"
    path.write_text('{"question": "?", "paragraph": 9, "answerable": true}\n{}\n', encoding="utf-8")
    with pytest.raises(DatasetError) as caught:
        open_dataset(f"adversarial:{path}")
    assert {problem.split(": ")[0] for problem in str(caught.value).splitlines()} == {f"{path}:1", f"{path}:2"}
    (tmp_path / "xquad.en.json").unlink()
    with pytest.raises(DatasetError, match="--paragraphs"):
        open_dataset(f"adversarial:{path}")


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    (folder / "qrels").mkdir(parents=True)
    corpus = [{"_id": "d1", "title": "Moon", "text": "The Moon is a satellite."}, {"_id": "d2", "text": "Mars is red."}]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, corpus)), encoding="utf-8")
    (folder / "queries.jsonl").write_text('{"_id": "q1", "text": "What is the Moon?"}\n', encoding="utf-8")
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\n", encoding="utf-8")
    return folder


def test_beir(beir: Path) -> None:
    dataset = open_dataset(f"beir:{beir}")
    assert [dict(x.relevant) for x in dataset.examples] == [{"d1": 2}]
    assert dataset.documents["d1"].title == "Moon"
    assert dataset.examples[0].answerable


def test_beir_problems(beir: Path) -> None:
    (beir / "corpus.jsonl").write_text('{"_id": "d1", "text": ""}\n{"text": "x"}\n', encoding="utf-8")
    (beir / "qrels" / "test.tsv").write_text("q1\td1\t1\nq2\td1\t1\nq1 d1 1\n", encoding="utf-8")
    with pytest.raises(DatasetError) as caught:
        open_dataset(f"beir:{beir}")
    assert len(str(caught.value).splitlines()) == 5
    (beir / "queries.jsonl").unlink()
    with pytest.raises(DatasetError, match=r"queries\.jsonl cannot be read"):
        open_dataset(f"beir:{beir}")


def test_options_that_do_not_go_together_are_refused(folder: Path) -> None:
    path = write(folder, line())
    with pytest.raises(DatasetError, match="--questions goes with"):
        open_dataset(str(path), questions=path)
    with pytest.raises(DatasetError, match="--paragraphs goes with"):
        open_dataset(str(path), paragraphs=path)
    with pytest.raises(DatasetError, match="brings its own"):
        open_dataset(f"squad:{path}", documents=folder)


@XQUAD
def test_xquad_and_its_adversarial_questions() -> None:
    romanian = open_dataset(f"squad:{SHARED / 'xquad-dev.ro.json'}")
    assert (len(romanian.documents), len(romanian.examples)) == (240, 388)
    english = open_dataset(f"squad:{SHARED / 'xquad-dev.ro.json'}", questions=SHARED / "xquad-dev.en.json")
    assert {example.language for example in english.examples} == {"en"}
    assert [x.evidence for x in english.examples] == [x.evidence for x in romanian.examples]
    for example in romanian.examples:
        for span in example.evidence[0]:
            text = romanian.documents[span.document].text
            assert text[span.start : span.end] == span.quote
            assert [text[a:b] for a, b in span.answers] == list(example.answers)
    adversarial = open_dataset(f"adversarial:{SHARED / 'adversarial-dev.en.jsonl'}")
    assert sum(not example.answerable for example in adversarial.examples) == 102
    assert len(open_dataset(f"squad:{SHARED / 'xquad-dev.ro.json'}", limit=7).examples) == 7
