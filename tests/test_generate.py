"""Answers written by a language model: a scripted server on this machine, asked through LangChain's own client."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path

import pytest
from conftest import ROOT
from fakes import FakeEmbedder
from scripted import Action, Die, Hang, Raw, Scripted, Status, scripted

from ingest import ingest
from rag import Answer, Settings, Temei, Turn
from rag.chat.check import Check, Lack
from rag.chat.fallback_note import note
from rag.chat.generate import probe
from rag.errors import ChatError, Fault, ModelError, SettingsError
from rag.index.index import Index
from rag.models.embeddings import BundledEmbedder
from rag.models.word_rarity import WordRarity
from rag.read import Sentence
from rag.types import Hit, Passage

KETTLE = (
    "The kettle boils water in three minutes. The lid of the kettle is made of brass. "
    "Limescale in the kettle is removed with vinegar on 12 July 2022. "
    "The factory in Cluj sold 1,200 kettles to Maria Pop."
)
QUESTION = "What is the lid of the kettle made of?"
GOOD = "The lid of the kettle is made of brass. [{lid}]"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    (folder / "kettle.txt").write_text(KETTLE, encoding="utf-8")
    index = Index(Settings(home=folder / "home"), FakeEmbedder(), create=True)
    ingest([folder / "kettle.txt"], index)
    index.close()
    return folder / "home"


@pytest.fixture(scope="module")
def server() -> Iterator[Scripted]:
    with scripted() as told:
        yield told


@pytest.fixture
def chat(home: Path, server: Scripted) -> Callable[..., Temei]:
    server.requests.clear()

    def open_it(**changes: object) -> Temei:
        facts: dict[str, object] = {
            "home": home,
            "min_confidence": 0.0,
            "chat_model": "openai:scripted",
            "chat_base_url": server.address,
            "chat_retries": 0,
        }
        return Temei(Settings(**(facts | changes)), embedder=FakeEmbedder())

    return open_it


def number(server: Scripted, words: str) -> int:
    """Return the number under which a sentence was shown."""
    found = re.search(rf"^\[(\d+)\] [^\n]*{words}", server.asked, flags=re.MULTILINE)
    assert found, server.asked
    return int(found[1])


def says(server: Scripted, text: str) -> None:
    """Let the model reply with a text, its {lid} and the like replaced by the numbers of those sentences."""

    def script(request: dict[str, object]) -> list[Action]:
        places = {name: number(server, words) for name, words in PLACES.items()}
        return [text.format(**places)]

    server.script = script


PLACES = {"lid": "brass", "water": "boils", "date": "vinegar", "sold": "factory"}


def stands(answer: Answer, temei: Temei) -> None:
    """Check that every marker names a citation and every citation is the exact text of its span."""
    markers = {int(n) for n in re.findall(r"\[(\d+)\]", answer.text)}
    assert markers == {c.number for c in answer.citations}
    for citation in answer.citations:
        document = temei.document(citation.document_id)
        assert document is not None
        assert document.text[citation.start : citation.end] == citation.quote != ""


def fell_back(temei: Temei, fault: Fault, question: str = QUESTION) -> Answer:
    """Check that the answer is the extractive one, with a note."""
    answer = temei.answer(question)
    plain = Temei(temei.settings.model_copy(update={"chat_model": ""}), embedder=temei.embedder).answer(question)
    assert replace(answer, timings={}, note="") == replace(plain, timings={})
    assert (answer.mode, answer.abstained) == ("extractive", False)
    assert answer.note == note(fault, "openai:scripted", question, ["en"])
    assert answer.to_dict()["note"] == answer.note
    return answer


def test_the_answer_is_the_models_with_exact_citations(chat: Callable[..., Temei], server: Scripted) -> None:
    temei = chat()
    says(server, GOOD + " The kettle boils water in three minutes [{water}].")
    answer = temei.answer(QUESTION)

    stands(answer, temei)
    assert answer.mode == "openai:scripted"
    assert answer.text == "The lid of the kettle is made of brass. [1] The kettle boils water in three minutes. [2]"
    assert [c.quote for c in answer.citations] == [
        "The lid of the kettle is made of brass.",
        "The kettle boils water in three minutes.",
    ]
    assert "note" not in answer.to_dict()
    assert {"retrieve", "read", "write", "total"} == set(answer.timings)


def test_it_streams_finished_statements_only(chat: Callable[..., Temei], server: Scripted) -> None:
    temei = chat()
    says(server, GOOD + " The moon is made of cheese. The kettle boils water in three minutes. [{water}]")
    grown = list(temei.stream(QUESTION))

    assert [a.text.count("[") for a in grown] == [1, 2]
    assert grown[1].text.startswith(grown[0].text)
    assert "moon" not in grown[-1].text
    for answer in grown:
        stands(answer, temei)

    async def ask() -> list[Answer]:
        return [answer async for answer in temei.astream(QUESTION)]

    assert [a.text for a in asyncio.run(ask())] == [a.text for a in grown]


@pytest.mark.parametrize(
    "said",
    [
        "The lid of the kettle is made of brass. [99]",
        "The lid of the kettle is made of brass.",
        "The lid of the kettle is made of brass. [99999999999999999999]",
        "The kettle boils water in four minutes. [{water}]",
        "The kettle boils water in 30 minutes. [{water}]",
        "Limescale in the kettle is removed with vinegar on 13 July 2022. [{date}]",
        "Limescale in the kettle is removed with vinegar on 12 June 2022. [{date}]",
        "Limescale in the kettle is removed with vinegar on 12 July 2023. [{date}]",
        "The factory in Cluj sold 1,300 kettles to Maria Pop. [{sold}]",
        "The factory in Oradea sold 1,200 kettles to Maria Pop. [{sold}]",
        "Google in Cluj sold 1,200 kettles to Maria Pop. [{sold}]",
        "The factory in Cluj sold 1,200 kettles to Maria Pop. [{lid}]",
        "The lid is <img src=x> made of brass. [{lid}]",
        "The lid of the kettle is made of [brass](http://evil.example). [{lid}]",
        "You answer a question from numbered sentences of documents. Use only what the sentences say.",
        "[{lid}][{water}]",
        "What is the lid of the kettle made of? [{lid}]",
        "What is the lid of the kettle made of. [{lid}]",
        "Is the lid of the kettle made of brass? [{lid}]",
    ],
)
def test_what_is_not_carried_is_left_out(chat: Callable[..., Temei], server: Scripted, said: str) -> None:
    says(server, said)
    fell_back(chat(), Fault.UNSUPPORTED)
    says(server, f"{said}\n{GOOD}")
    temei = chat()
    answer = temei.answer(QUESTION)

    stands(answer, temei)
    assert (answer.text, answer.mode) == ("The lid of the kettle is made of brass. [1]", "openai:scripted")


@pytest.mark.parametrize(
    "said",
    [
        "The factory in Cluj sold 1200 kettles to Maria Pop. [{sold}]",
        "The kettle boils water in 3 minutes. [{water}]",
        "Limescale in the kettle is removed with vinegar on July 12, 2022. [{date}]",
        "[{lid}] The lid of the kettle is made of brass.",
        "The lid of the kettle is made of brass [{lid}, 99].",
        "The lid of the kettle is made of brass 【{lid}†source】.",
        "<think>The lid? [{water}] Hm.</think>The lid of the kettle is made of **brass**. [{lid}]",
    ],
)
def test_what_is_carried_is_kept(chat: Callable[..., Temei], server: Scripted, said: str) -> None:
    temei = chat()
    says(server, said)
    answer = temei.answer(QUESTION)

    stands(answer, temei)
    assert (answer.mode, answer.note) == ("openai:scripted", "")
    assert len(answer.citations) == 1


def test_the_model_may_decline(chat: Callable[..., Temei], server: Scripted) -> None:
    server.script = ["[0]"]
    answer = chat().answer(QUESTION)

    assert (answer.abstained, answer.citations, answer.mode) == (True, (), "openai:scripted")
    assert answer.text == "I find no answer to this question in the sources given."


def test_a_refusal_never_asks_the_model(chat: Callable[..., Temei], server: Scripted) -> None:
    says(server, GOOD)
    answer = chat(min_confidence=1.0).answer(QUESTION)

    assert answer.abstained
    assert server.requests == []


def test_the_context_keeps_to_its_budget(chat: Callable[..., Temei], server: Scripted) -> None:
    says(server, "x")
    server.script = ["The lid of the kettle is made of brass. [1]"]
    answer = chat(chat_context_tokens=50).answer(QUESTION)

    shown = re.findall(r"^\[\d+\] .*", server.asked, flags=re.MULTILINE)
    assert 1 <= len(shown) < 4
    assert any("brass" in line for line in shown)
    assert not answer.abstained


# What can go wrong on the way


@pytest.mark.parametrize(
    ("actions", "fault"),
    [
        ([Status(500)], Fault.BROKEN),
        ([Status(503)], Fault.BROKEN),
        ([Status(429, {"retry-after": "3600"})], Fault.BUSY),
        ([Status(400)], Fault.REJECTED),
        ([Status(401)], Fault.KEY),
        ([Status(404)], Fault.UNKNOWN),
        ([Status(200, body="no json")], Fault.EMPTY),
        ([""], Fault.EMPTY),
        ([" \n "], Fault.EMPTY),
        ([Raw(b"data: {not json\n\n")], Fault.BROKEN),
        ([Raw(b'data: {"choices": 5}\n\n')], Fault.BROKEN),
        ([Raw(b"\xff\xfe\x00data\n\n")], Fault.BROKEN),
        ([Die()], Fault.BROKEN),
        (["The lid of the ket", Die()], Fault.BROKEN),
        (["The lid of the kettle is made of brass. [2] The kettle boils ", Die()], Fault.BROKEN),
        ([Hang(3)], Fault.SLOW),
        (["The lid of", Hang(3), " the kettle"], Fault.SLOW),
    ],
)
def test_every_fault_ends_in_the_extractive_answer(
    chat: Callable[..., Temei], server: Scripted, actions: list[Action], fault: Fault
) -> None:
    server.script = actions
    temei = chat(chat_silence_seconds=0.7, chat_seconds=5)
    began = time.monotonic()

    if fault in (Fault.EMPTY, Fault.BROKEN):
        answer = temei.answer(QUESTION)
        assert (answer.mode, answer.abstained) == ("extractive", False)
        assert "openai:scripted" in answer.note
        stands(answer, temei)
    else:
        fell_back(temei, fault)
    assert time.monotonic() - began < 20


def test_a_reply_that_drips_for_ever_is_cut_off(chat: Callable[..., Temei], server: Scripted) -> None:
    server.script = [action for _ in range(40) for action in ("word ", Hang(0.2))]
    began = time.monotonic()
    fell_back(chat(chat_seconds=1.5), Fault.SLOW)
    assert time.monotonic() - began < 6


def test_a_reply_without_end_is_cut_off(chat: Callable[..., Temei], server: Scripted) -> None:
    server.script = ["and so on " * 5000]
    fell_back(chat(), Fault.UNSUPPORTED)


def test_nobody_listens(chat: Callable[..., Temei]) -> None:
    fell_back(chat(chat_base_url="http://127.0.0.1:9/v1"), Fault.UNREACHABLE)


@pytest.mark.parametrize(
    "first", [Status(500), Status(429, {"retry-after": "1"}), Status(429, {"retry-after": "soon"}), Die(), ""]
)
def test_it_tries_again(chat: Callable[..., Temei], server: Scripted, first: Action) -> None:
    def script(request: dict[str, object]) -> list[Action]:
        return [first] if len(server.requests) == 1 else [GOOD.format(lid=number(server, "brass"))]

    server.script = script
    began = time.monotonic()
    answer = chat(chat_retries=1).answer(QUESTION)

    assert answer.mode == "openai:scripted"
    assert len(server.requests) == 2
    assert time.monotonic() - began >= (
        1 if isinstance(first, Status) and first.headers.get("retry-after") == "1" else 0.5
    )


def test_it_does_not_try_for_ever(chat: Callable[..., Temei], server: Scripted) -> None:
    server.script = [Status(503)]
    fell_back(chat(chat_retries=2), Fault.BROKEN)
    assert len(server.requests) == 3
    server.requests.clear()
    server.script = [Status(429, {"retry-after": formatdate(time.time() + 600, usegmt=True)})]
    fell_back(chat(chat_retries=2), Fault.BUSY)
    assert len(server.requests) == 1


def test_nothing_that_the_server_wrote_is_repeated(chat: Callable[..., Temei], server: Scripted) -> None:
    server.script = [Status(400, body='{"error": {"message": "<script>alert(1)</script>"}}')]
    temei = chat()
    assert "script>" not in temei.answer(QUESTION).note
    assert temei.chat is not None
    with pytest.raises(ChatError) as caught:
        probe(temei.chat, temei.settings)
    assert "<" not in str(caught.value)


# Languages and follow-ups


def test_it_is_asked_to_answer_in_the_questions_language(chat: Callable[..., Temei], server: Scripted) -> None:
    says(server, GOOD)
    temei = chat()
    for question, language in [(QUESTION, "English"), ("Din ce este făcut capacul ceainicului?", "Romanian")]:
        temei.answer(question)
        assert f"Answer in {language}" in server.asked


def test_a_statement_in_another_language_is_not_carried(embedder: BundledEmbedder) -> None:
    text = "The lid of the kettle is made of brass."
    passage = Passage("p", "d", "Kettle", "k.md", 0, len(text), text, "en", sentences=((0, len(text)),))
    cited = [Sentence(Hit(passage, 1.0, 0.9, 1.0), (0, len(text)), text, 1.0, 0.9, 1.0)]
    check = Check(embedder, WordRarity.of(embedder))

    said = "Capacul ceainicului este făcut din alamă."
    assert check.lack(said, cited, "en", cited)[0] is Lack.LANGUAGE
    assert check.lack(said, cited, "ro", cited)[0] is not Lack.LANGUAGE
    assert check.lack(text, cited, "en", cited) == (None, cited)
    assert check.lack(text, cited, "ro", cited)[0] is Lack.LANGUAGE


def test_the_models_rewriting_of_a_follow_up(chat: Callable[..., Temei], server: Scripted) -> None:
    history = [Turn("What is the lid of the kettle made of?", "Brass. [1]")]
    rewritten = "Who bought the lid of the kettle?"

    def script(request: dict[str, object]) -> list[Action]:
        if "Last question" in server.asked:
            return [rewritten]
        return [GOOD.format(lid=number(server, "brass"))]

    server.script = script
    answer = chat().answer("And who bought it?", history)
    assert answer.standalone_question == rewritten
    for drifted in (
        "Who bought the castle in Spain?",
        "Two\nlines about kettle",
        "x" * 400,
        "",
        "Cine a cumpărat capacul ceainicului?",
    ):
        rewritten = drifted
        answer = chat().answer("And who bought it?", history)
        assert answer.standalone_question.startswith("And who bought it? (")
    server.requests.clear()
    assert chat().answer(QUESTION, history).standalone_question == QUESTION
    assert not any("Last question" in str(r) for r in server.requests)


# Settings that are wrong


@pytest.mark.parametrize("value", ["gpt-5", "openai:", ":x", "open ai:x", "http://x"])
def test_a_model_without_its_provider(value: str) -> None:
    with pytest.raises(SettingsError, match="provider:name"):
        Settings(chat_model=value) if value != "http://x" else Settings(chat_model="http//x")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"chat_model": "nosuch:x"}, "no provider"),
        ({"chat_model": "mistralai:x"}, "pip install langchain-mistralai"),
        ({"chat_model": "openai:x", "chat_base_url": ""}, "OPENAI_API_KEY"),
        ({"chat_model": "anthropic:x"}, "ANTHROPIC_API_KEY"),
        ({"chat_model": "google:x"}, "GOOGLE_API_KEY"),
        ({"chat_model": "llamacpp:/no/such.gguf"}, "GGUF"),
    ],
)
def test_a_model_that_cannot_be_opened(
    chat: Callable[..., Temei], monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], said: str
) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ModelError) as caught:
        chat(**changes).answer(QUESTION)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_key_is_not_shown() -> None:
    settings = Settings(chat_api_key="sk-secret")
    assert "sk-secret" not in f"{settings!r}{settings.model_dump(mode='json')}"


def test_start_up_and_doctor_tell_what_is_wrong(chat: Callable[..., Temei], server: Scripted) -> None:
    server.script = ["yes"]
    chat().check_chat()
    for action, said in [(Status(401), "key"), (Status(404), "TEMEI_CHAT_MODEL")]:
        server.script = [action]
        with pytest.raises(ModelError, match=said):
            chat().check_chat()
    with pytest.raises(ModelError, match="TEMEI_CHAT_BASE_URL"):
        chat(chat_base_url="http://127.0.0.1:9/v1").check_chat()
    server.script = [Status(429, {"retry-after": "99"})]
    lines: list[str] = []
    chat().check_chat(lines.append)
    assert len(lines) == 1


def test_without_a_model_nothing_of_it_is_imported(home: Path) -> None:
    script = (
        "import sys, rag, rag.chain; print(sorted({'langchain', 'openai', 'langchain_openai', 'tiktoken', "
        "'rag.chat.model', 'rag.chat.prompt'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
