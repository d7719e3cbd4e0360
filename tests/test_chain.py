"""The chain, with the real model on the real article, and with a fake one where the text matters."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from conftest import ROOT, SEED, write_articles
from fakes import FakeEmbedder
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from langchain_core.callbacks import BaseCallbackHandler

import rag
import rag.default_chain
from ingest import ingest
from rag import Answer, Settings, Temei, Turn
from rag.errors import QuestionError
from rag.fuller import MOST_ITEMS
from rag.index.index import Index
from rag.models.embeddings import BundledEmbedder

real = pytest.mark.model

WHAT_WAS_CREATED = "Ce a creat înființarea Organizației Internaționale?"
ANSWERABLE = [
    WHAT_WAS_CREATED,
    "Când a trimis președintele scrisoarea de felicitare?",
    "Ce ar trebui să consolideze toate țările?",
    "When was the letter of congratulation sent?",
    "What should all countries strengthen?",
    "所有国家应该加强什么？",
]
UNANSWERABLE = [
    ("Cine a scris Hamlet?", "ro"),
    ("Care e capitala Australiei?", "ro"),
    ("Who wrote Hamlet?", "en"),
    ("How tall is Mount Everest?", "en"),
    ("珠穆朗玛峰有多高？", "zh"),
    ("澳大利亚的首都是哪里？", "zh"),
    ("谁写了哈姆雷特？", "zh"),
    ("水的沸点是多少？", "zh"),
]
REFUSAL = {"ro": "Nu găsesc", "en": "I find no answer", "zh": "找不到"}


def timeless(answer: Answer) -> Answer:
    return replace(answer, timings={})


def check(answer: Answer, temei: Temei) -> None:
    """Check what holds for every answer."""
    markers = [int(number) for number in re.findall(r"\[(\d+)\]", answer.text)]
    assert markers == [citation.number for citation in answer.citations] == list(range(1, len(markers) + 1))
    assert answer.abstained == (not answer.citations)
    assert len(answer.citations) <= temei.settings.max_sentences + MOST_ITEMS + 1  # a whole list under what leads to it
    assert 0 <= answer.confidence <= 1
    assert (answer.confidence >= temei.settings.min_confidence) != answer.abstained
    for citation in answer.citations:
        document = temei.document(citation.document_id)
        assert document is not None
        assert document.text[citation.start : citation.end] == citation.quote
        assert citation.quote.strip() == citation.quote != ""
        assert (citation.title, citation.source) == (document.title, document.source)
    if answer.short is not None:
        citation = answer.citations[answer.short.citation - 1]
        assert citation.start <= answer.short.start < answer.short.end <= citation.end
        assert (
            citation.quote[answer.short.start - citation.start : answer.short.end - citation.start] == answer.short.text
        )
    spans = [(citation.start, citation.end) for citation in answer.citations]
    assert len(set(spans)) == len(spans)
    assert answer.mode == "extractive"
    assert set(answer.timings) == {"retrieve", "read", "total"}
    assert all(seconds >= 0 for seconds in answer.timings.values())
    assert answer.timings["total"] >= max(answer.timings["retrieve"], answer.timings["read"])


# The real model on the real article


@real
@pytest.mark.parametrize("question", ANSWERABLE)
def test_every_citation_is_the_exact_text_of_its_span(temei: Temei, question: str) -> None:
    answer = temei.answer(question)

    check(answer, temei)
    assert not answer.abstained
    assert answer.question == answer.standalone_question == question
    assert len(answer.hits) == min(temei.settings.top_k, len(temei.index))
    for citation in answer.citations:
        assert citation.quote in SEED.read_text(encoding="utf-8")
        assert " ".join(citation.quote.split()) in answer.text
    starts = [citation.start for citation in answer.citations]
    assert starts == sorted(starts)


@real
@pytest.mark.parametrize(("question", "language"), UNANSWERABLE)
def test_without_ground_it_abstains_in_the_language_of_the_question(temei: Temei, question: str, language: str) -> None:
    answer = temei.answer(question)

    check(answer, temei)
    assert answer.abstained
    assert REFUSAL[language] in answer.text


@real
def test_it_answers_with_the_sentence_that_says_so(temei: Temei) -> None:
    quotes = " ".join(citation.quote for citation in temei.answer(WHAT_WAS_CREATED).citations)
    assert "a creat o nouă platformă pentru partajarea și co-guvernarea globală a internetului" in quotes

    quotes = " ".join(citation.quote for citation in temei.answer(ANSWERABLE[1]).citations)
    assert "12 iulie" in quotes


@real
@pytest.mark.parametrize("question", [ANSWERABLE[0], ANSWERABLE[3], UNANSWERABLE[0][0]])
def test_the_last_of_a_stream_is_the_answer(temei: Temei, question: str) -> None:
    grown = list(temei.stream(question))

    assert timeless(grown[-1]) == timeless(temei.answer(question))
    for earlier, later in pairwise(grown):
        assert later.text.startswith(earlier.text)
        assert later.citations[: len(earlier.citations)] == earlier.citations
        assert len(later.citations) > len(earlier.citations)


@real
def test_the_asynchronous_doors_say_the_same(temei: Temei) -> None:
    async def ask() -> tuple[Answer, list[Answer]]:
        return await temei.aanswer(WHAT_WAS_CREATED), [a async for a in temei.astream(WHAT_WAS_CREATED)]

    answer, grown = asyncio.run(ask())

    assert timeless(answer) == timeless(grown[-1]) == timeless(temei.answer(WHAT_WAS_CREATED))


@real
def test_it_is_a_langchain_runnable(temei: Temei) -> None:
    expected = [timeless(temei.answer(question)) for question in ANSWERABLE[:3]]
    chain = temei.chain

    assert timeless(chain.invoke(ANSWERABLE[0])) == expected[0]
    assert timeless(chain.invoke({"question": ANSWERABLE[0]})) == expected[0]
    assert timeless(list(chain.stream(ANSWERABLE[1]))[-1]) == expected[1]
    assert [timeless(a) for a in chain.batch(ANSWERABLE[:3])] == expected
    cited = chain | (lambda answer: len(answer.citations))
    assert cited.invoke(ANSWERABLE[0]) == len(expected[0].citations)
    good, bad = chain.batch([ANSWERABLE[0], ""], return_exceptions=True)
    assert timeless(good) == expected[0]
    assert isinstance(bad, QuestionError)


@real
def test_it_is_an_asynchronous_langchain_runnable(temei: Temei) -> None:
    expected = [timeless(temei.answer(question)) for question in ANSWERABLE[:3]]

    async def ask() -> tuple[Answer, list[Answer], list[Answer]]:
        streamed = [answer async for answer in temei.chain.astream(ANSWERABLE[1])]
        return await temei.chain.ainvoke(ANSWERABLE[0]), streamed, await temei.chain.abatch(ANSWERABLE[:3])

    one, streamed, several = asyncio.run(ask())

    assert timeless(one) == expected[0]
    assert timeless(streamed[-1]) == expected[1]
    assert [timeless(answer) for answer in several] == expected


@real
def test_callbacks_see_the_steps(temei: Temei) -> None:
    class Seen(BaseCallbackHandler):
        def __init__(self) -> None:
            self.begun: list[str] = []
            self.ended: list[Any] = []

        def on_chain_start(self, serialized: Any, inputs: Any, **facts: Any) -> None:
            self.begun.append(facts["name"])

        def on_chain_end(self, outputs: Any, **facts: Any) -> None:
            self.ended.append(outputs)

    seen = Seen()
    answer = temei.chain.invoke(WHAT_WAS_CREATED, {"callbacks": [seen]})

    assert seen.begun[0] == "temei"
    assert {"accept", "retrieve", "respond"} <= set(seen.begun)
    assert len(seen.ended) == len(seen.begun)
    assert seen.ended[-1] == answer


@real
def test_threads_share_it(temei: Temei, embedder: BundledEmbedder) -> None:
    questions = [*ANSWERABLE, *(question for question, _ in UNANSWERABLE)] * 2
    expected = [timeless(temei.answer(question)) for question in questions]
    unopened = Temei(temei.settings, embedder=embedder)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(unopened.answer, questions))

    assert [a.text for a in answers] == [a.text for a in expected]
    assert [a.citations for a in answers] == [a.citations for a in expected]


@real
@pytest.mark.parametrize(
    "dirty",
    [
        "\x00Ce a creat\x07 înființarea\x1b Organizației\u202e Internaționale?\x7f",
        "\ufeff\u200bCe a creat înființarea Organizației Internaționale?\r\n\t",
        "Ce a creat înființarea\ud800 Organizației Internaționale?",
    ],
)
def test_control_characters_in_a_question_do_not_count(temei: Temei, dirty: str) -> None:
    answer = temei.answer(dirty)

    assert not re.search(r"[\x00-\x1f\x7f\u202e\ud800]", answer.question)
    assert [c.quote for c in answer.citations] == [c.quote for c in temei.answer(WHAT_WAS_CREATED).citations]
    json.dumps(answer.to_dict(), ensure_ascii=False).encode()


@real
@hypothesis_settings(max_examples=15)
@given(st.text(min_size=1, max_size=100))
def test_any_question_is_answered_or_refused(temei: Temei, question: str) -> None:
    try:
        answer = temei.answer(question)
    except QuestionError:
        assert not [character for character in question if character.isalnum()]
    else:
        check(answer, temei)


@real
def test_the_json_object_has_the_keys_of_the_design(temei: Temei) -> None:
    answer = replace(temei.answer(WHAT_WAS_CREATED), short=None)
    shown = json.loads(json.dumps(answer.to_dict()))

    assert list(shown) == [
        "question",
        "text",
        "abstained",
        "confidence",
        "mode",
        "standalone_question",
        "citations",
        "timings",
        "kind",
    ]
    for one, citation in zip(shown["citations"], answer.citations, strict=True):
        assert list(one) == ["number", "document_id", "title", "source", "start", "end", "quote", "score"]
        assert one["quote"] == citation.quote
        assert one["score"] == pytest.approx(citation.score, abs=1e-4)
    refused = temei.answer("Cine a scris Hamlet?").to_dict()
    assert refused["citations"] == []
    assert list(refused) == list(shown)


ASK = """
import json, socket, sys

def refuse(self, address):
    raise SystemExit(f"reached for {address}")

socket.socket.connect = refuse
from rag import answer
print(json.dumps([answer(sys.argv[1]).to_dict(), sorted({"torch", "onnx", "gradio"} & set(sys.modules))]))
"""


@real
def test_a_fresh_process_answers_without_torch_network_or_noise(temei: Temei) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASK, WHAT_WAS_CREATED],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TEMEI_HOME": str(temei.settings.home)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    answer, modules = json.loads(done.stdout)
    assert answer["text"] == temei.answer(WHAT_WAS_CREATED).text
    assert modules == []


@real
def test_the_default_answer_reads_the_environment(temei: Temei, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMEI_HOME", str(temei.settings.home))
    rag.default_chain.default_chain.cache_clear()
    try:
        assert timeless(rag.answer(WHAT_WAS_CREATED)) == timeless(temei.answer(WHAT_WAS_CREATED))
    finally:
        rag.default_chain.default_chain.cache_clear()


# With the fake model


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Temei:
    folder = tmp_path_factory.mktemp("library")
    articles = write_articles(folder / "articles")
    (articles / "markers.txt").write_text(
        "Zahărul [1] se topește la foc mic [2], zice rețeta [37]. "
        "Vezi [12] și [999999] în bibliografie.\n\n[1]\n[2] Nota de subsol a cărții."
    )
    settings = Settings(home=folder / "home", min_confidence=0.0, max_sentences=3)
    index = Index(settings, FakeEmbedder(), create=True)
    ingest([articles], index)
    index.close()
    return Temei(settings, embedder=FakeEmbedder())


@pytest.mark.parametrize(
    "question",
    ["Zahărul se topește la foc mic?", "Vezi [12] și [999999] în bibliografie?", "[2] Nota de subsol a cărții?"],
)
def test_markers_of_a_document_are_not_taken_for_citations(library: Temei, question: str) -> None:
    answer = library.answer(question)

    check(answer, library)
    assert any("[" in citation.quote for citation in answer.citations)


def test_only_the_documents_asked_for(library: Temei) -> None:
    ids = {row.title: row.id for row in library.index.documents()}
    question = "The lid of the kettle is made of brass."

    assert library.answer(question).citations[0].document_id == ids["Kettle"]
    narrowed = library.answer(question, document_ids=[ids["Wuzhen"], ids["Markers"]])
    check(narrowed, library)
    assert {hit.passage.document_id for hit in narrowed.hits} == {ids["Wuzhen"], ids["Markers"]}
    for nothing in ([], ["nu există"]):
        none = library.answer(question, document_ids=nothing)
        assert none.abstained
        assert none.hits == none.citations == ()
        assert none.confidence == 0


def test_the_confidence_that_is_asked_for_decides(library: Temei) -> None:
    strict = Temei(library.settings.model_copy(update={"min_confidence": 1.0}), embedder=FakeEmbedder())
    question = "The lid of the kettle is made of brass."

    assert not library.answer(question).abstained
    assert strict.answer(question).abstained
    assert library.answer(question).confidence == strict.answer(question).confidence


@pytest.mark.parametrize("most", [1, 2, 3])
def test_no_more_sentences_than_asked_for(library: Temei, most: int) -> None:
    few = Temei(library.settings.model_copy(update={"max_sentences": most}), embedder=FakeEmbedder())

    assert 1 <= len(few.answer("kettle").citations) <= most


def test_history_is_accepted(library: Temei) -> None:
    history = [Turn("Ce fierbe apa?", "A kettle boils water in three minutes. [1]")]

    for answer in (library.answer("kettle lid", history), library.chain.invoke({"question": "x", "history": history})):
        check(answer, library)


@pytest.mark.parametrize("question", ["", " \n\t", "\u3000", "\x00\x1b", "\u200b\ufeff", "\ud800"])
def test_an_empty_question(library: Temei, question: str) -> None:
    for ask in (library.answer, library.retrieve, library.chain.invoke, lambda q: list(library.stream(q))):
        with pytest.raises(QuestionError, match="empty"):
            ask(question)


def test_a_question_that_is_too_long(library: Temei) -> None:
    limit = library.settings.max_question_chars

    with pytest.raises(QuestionError, match="TEMEI_MAX_QUESTION_CHARS") as caught:
        library.answer("Ce? " * 2500)

    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 300
    library.answer("a" * limit)
    with pytest.raises(QuestionError):
        library.answer("a" * (limit + 1))


@pytest.mark.parametrize("question", [None, 5, b"Ce?", ["Ce?"], {"question": "Ce?"}])
def test_a_question_that_is_no_text(library: Temei, question: Any) -> None:
    with pytest.raises(QuestionError, match="text"):
        library.answer(question)


@pytest.mark.parametrize("given_to_it", [None, 5, ["Ce?"], {}, {"q": "Ce?"}, {"question": None}])
def test_the_chain_refuses_what_is_no_question(library: Temei, given_to_it: Any) -> None:
    with pytest.raises(QuestionError):
        library.chain.invoke(given_to_it)


def test_a_document_is_given_with_its_text(library: Temei) -> None:
    citation = library.answer("kettle").citations[0]

    assert library.document(citation.document_id).text[citation.start : citation.end] == citation.quote
    assert library.document("nu există") is None


def test_adding_up_answers_keeps_the_later() -> None:
    one = Answer("q", "a [1]", (), (), False, 0.5, "q", "extractive")
    other = replace(one, text="a [1] b [2]")

    assert one + other == other
    with pytest.raises(AttributeError):
        one.text = "x"


MANY = " ".join(f"When was kettle number {n} made?" for n in range(150))


@pytest.mark.parametrize("most", [1, 4])
def test_of_many_questions_in_one_only_so_many_are_looked_into_and_that_is_said(
    library: Temei, fake: FakeEmbedder, most: int
) -> None:
    settings = library.settings.model_copy(update={"max_parts": most, "max_question_chars": 10_000})
    temei = Temei(settings, embedder=fake)

    answer = temei.answer(MANY)

    assert len(fake.queries) == 1 + most
    assert answer.note == f"Of its 150 questions, {most} were looked into; ask the others one at a time."


def test_no_further_question_is_looked_into_when_the_time_is_over(library: Temei, fake: FakeEmbedder) -> None:
    settings = library.settings.model_copy(
        update={"max_parts": 100, "question_seconds": 1e-6, "max_question_chars": 10_000}
    )
    answer = Temei(settings, embedder=fake).answer(MANY)
    assert len(fake.queries) == 1
    assert "Of its 150 questions, 0 were" in answer.note


def test_the_same_question_many_times_is_looked_into_once(library: Temei, fake: FakeEmbedder) -> None:
    answer = Temei(library.settings, embedder=fake).answer("When was the kettle made? " * 60)
    assert len(fake.queries) == 2
    assert answer.note == ""


@pytest.mark.parametrize("ids", ["abc", 5, [1], [None], [["a"]], {"a": 1}.items(), b"x", 1.5])
def test_documents_that_are_no_ids(library: Temei, ids: Any) -> None:
    with pytest.raises(QuestionError, match="document_ids"):
        library.answer("Unde?", document_ids=ids)


@pytest.mark.parametrize("history", ["abc", 5, [1], [None], ["x"], [("a", "b")], [Turn(1, 2)], [Turn("a", None)]])  # type: ignore[arg-type]
def test_a_history_that_is_none(library: Temei, history: Any) -> None:
    with pytest.raises(QuestionError, match="history"):
        library.answer("Unde?", history)


@pytest.mark.parametrize("half", ["\ud800", "a\udfffb", "\udcff\udc80"])
def test_lone_surrogates_are_no_traceback(library: Temei, half: str) -> None:
    answer = library.answer(f"Where is the kettle {half}?", [Turn(f"What is brass {half}?", half)], ["x", half])
    json.dumps(answer.to_dict(), ensure_ascii=False).encode()
    library.answer("And when?", [Turn(f"What is brass {half}?", half)]).standalone_question.encode()
    assert library.document(half) is None
    assert library.retrieve(f"kettle {half}")
    library.answer(f"x{half}")


def test_one_long_document_id_among_many_takes_no_memory(library: Temei) -> None:
    ids = [str(n) for n in range(20_000)] + ["x" * 1_000_000]  # an array of both would take 20 GB
    assert library.answer("Where is the kettle?", document_ids=ids).abstained


def test_a_long_history_does_not_make_a_long_question(library: Temei) -> None:
    history = [Turn(" ".join(f"kettle{n}word{i}" for i in range(5000)), "y" * 100_000) for n in range(200)]
    began = time.monotonic()
    answer = library.answer("And when?", history)
    assert len(answer.standalone_question) < 4000
    assert time.monotonic() - began < 10


GUIDE = """\
# Cumpărarea unei locuințe: ghidul Primăriei Lunca Mare

Acest ghid îi ajută pe cei care cumpără sau vând un apartament în orașul nostru.
Ghidul nu înlocuiește sfatul unui notar.

## Cumpărători cetățeni români

1. Primul pas este verificarea extrasului de carte funciară.
2. Apoi se semnează promisiunea de vânzare și se plătește un avans de cel mult 10% din preț.
3. Contractul se autentifică la notar, în cel mult 60 de zile de la promisiune.

## Cumpărători din Uniunea Europeană

1. Primul pas este obținerea certificatului de înregistrare de la Biroul pentru Imigrări.
2. Cumpărătorul poate dobândi apartamentul și terenul de sub el, în aceleași condiții ca un cetățean român.
3. Actele străine se depun cu traducere legalizată.

## Cumpărători din afara Uniunii Europene

1. Primul pas este obținerea unui număr de identificare fiscală de la Finanțe.
2. Cumpărătorul poate dobândi apartamentul, dar nu și terenul de sub el.
3. Actele străine se depun cu apostilă și traducere legalizată.

## Obligațiile cumpărătorului

Cumpărătorul plătește onorariul notarului și taxa de intabulare. Cumpărătorul declară locuința la Direcția de Taxe în 30
de zile de la semnare.

## Obligațiile vânzătorului

Vânzătorul plătește impozitul pe venitul din vânzare și comisionul agenției.
Vânzătorul predă certificatul energetic și adeverința de la asociația de proprietari.
Vânzătorul scoate locuința din evidența Direcției de Taxe în 15 zile de la semnare.

## Taxa de intabulare

Taxa de intabulare este de 0,15% pentru persoane fizice și de 0,5% pentru firme.

Notă: sumele au fost actualizate în mai 2024.
"""


@real
@pytest.mark.parametrize(
    ("question", "answered"),
    [
        ("Sunt cetățean român și vreau să cumpăr un apartament în Lunca Mare. Ce fac mai întâi?", True),
        ("Vin din Franța și cumpăr o locuință în Lunca Mare. Ce fac mai întâi?", True),
        ("I am a citizen and want to buy a flat. What is the first step?", True),
        ("I am a Romanian citizen and want to buy a flat. What is love?", False),
        ("I am a Romanian citizen and want to buy a flat. Who wrote Hamlet?", False),
        ("Vin din Franța și cumpăr o locuință în Lunca Mare. Ce este iubirea?", False),
        ("Vin din Franța și cumpăr o locuință în Lunca Mare. Cine este președintele?", False),
    ],
)
def test_a_part_that_needs_the_sentence_beside_it_is_not_judged_alone(
    guide: Temei, question: str, answered: bool
) -> None:
    assert guide.answer(question).abstained is not answered


@pytest.fixture(scope="module")
def guide(tmp_path_factory: pytest.TempPathFactory, embedder: BundledEmbedder) -> Temei:
    folder = tmp_path_factory.mktemp("guide")
    (folder / "guide.md").write_text(GUIDE, "utf-8")
    settings = Settings(home=folder / "home")
    index = Index(settings, embedder, create=True)
    ingest([folder / "guide.md"], index)
    index.close()
    return Temei(settings, embedder=embedder)
