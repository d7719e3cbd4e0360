"""The doors for programs, each opened by a real client, and who may come in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakes import FakeEmbedder
from gradio_client import Client
from gradio_client.exceptions import AppError
from serving import serving
from starlette.testclient import TestClient

from ingest import ingest
from rag import Answer, Settings, Temei
from rag.errors import SettingsError
from rag.index.index import Index
from ui.api.openai import Message, asked, content
from ui.serve import app, check_open, credentials, has_mcp, is_loopback

JSON = {"content-type": "application/json"}
QUESTION = "Unde este Delta Dunării?"
EVIL = "Delta Dunării este în ![x](http://evil.example/p.png) România <b>azi</b>."


class Set:
    """Settings with what the page reads of them and may not be there yet."""

    def __init__(self, settings: Settings, **more: Any) -> None:
        self._settings, self._more = settings, more

    def __getattr__(self, name: str) -> Any:
        return self._more[name] if name in self._more else getattr(self._settings, name)


@pytest.fixture(scope="module")
def temei(tmp_path_factory: pytest.TempPathFactory) -> Temei:
    folder = tmp_path_factory.mktemp("doors")
    (folder / "delta.md").write_text(f"{EVIL}\n\nPelicanii au revenit în anul 1990.", "utf-8")
    settings = Settings(home=folder / "home", min_confidence=0, asks_a_minute=10_000)
    ingest([folder / "delta.md"], Index(settings, FakeEmbedder(), create=True))
    return Temei(settings, embedder=FakeEmbedder())


@pytest.fixture(scope="module")
def address(temei: Temei) -> Iterator[str]:
    with serving(app(temei)) as where:
        yield where


def same(told: dict[str, Any], answer: Any) -> bool:
    expected = answer.to_dict()
    return {k: v for k, v in told.items() if k != "timings"} == {k: v for k, v in expected.items() if k != "timings"}


def test_the_api_answers_as_the_command_line_does(address: str, temei: Temei) -> None:
    client = Client(address, verbose=False)
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert set(endpoints) == {"/ask", "/ask_json"}
    answer = temei.answer(QUESTION)
    assert answer.citations
    assert same(client.predict(question=QUESTION, api_name="/ask"), answer)
    assert same(json.loads(client.predict(question=QUESTION, api_name="/ask_json")), answer)
    for wrong, told in ((" ", "The question is empty"), ("x" * 2001, "more than the 2000 allowed")):
        with pytest.raises(AppError, match=told):
            client.predict(question=wrong, api_name="/ask")


def test_completions_answer_with_citations(address: str, temei: Temei) -> None:
    reply = httpx.post(
        f"{address}v1/chat/completions",
        json={"model": "temei", "temperature": 0, "messages": [{"role": "user", "content": QUESTION}]},
    ).json()
    answer = temei.answer(QUESTION)
    assert reply["object"] == "chat.completion"
    assert reply["choices"][0]["finish_reason"] == "stop"
    assert same(reply["temei"], answer)
    assert reply["citations"] == answer.to_dict()["citations"]
    shown = reply["choices"][0]["message"]["content"]
    assert "![x]" not in shown
    assert "<b>" not in shown.replace("\\<b", "")
    assert "[1]" in shown


def test_completions_stream(address: str, temei: Temei) -> None:
    body = {"stream": True, "messages": [{"role": "user", "content": [{"type": "text", "text": QUESTION}]}]}
    with httpx.stream("POST", f"{address}v1/chat/completions", json=body) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        lines = [line.removeprefix("data: ") for line in reply.iter_lines() if line]
    assert lines[-1] == "[DONE]"
    chunks = [json.loads(line) for line in lines[:-1]]
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    answer = temei.answer(QUESTION)
    assert text.startswith(content(answer))
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["citations"] == answer.to_dict()["citations"]


def test_an_answer_that_changes_in_the_middle_is_sent_whole_after_what_cannot_be_taken_back(
    temei: Temei, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = temei.answer(QUESTION)
    begun = replace(answer, text="Delta este [1]", mode="a model")
    whole = replace(answer, note="a model fell silent.")

    async def changes(*arguments: object, **named: object) -> AsyncIterator[Answer]:
        yield begun
        yield whole

    monkeypatch.setattr(temei, "astream", changes)
    body = {"stream": True, "messages": [{"role": "user", "content": QUESTION}]}
    with TestClient(app(temei), base_url="http://127.0.0.1") as client:
        lines = client.post("/v1/chat/completions", json=body).text.split("\n\n")
        plain = client.post("/v1/chat/completions", json=body | {"stream": False}).json()

    chunks = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    told = plain["choices"][0]["message"]["content"]
    assert told.startswith(content(whole))
    assert told.endswith("*a model fell silent.*")
    assert text == f"{content(begun)}\n\n---\n\n{told}"


def test_the_openai_client_is_content(address: str, temei: Temei) -> None:
    openai = pytest.importorskip("openai", reason="the OpenAI client is not installed: pip install openai")
    client = openai.OpenAI(base_url=f"{address}v1", api_key="none")
    assert [model.id for model in client.models.list()] == ["temei"]
    asking = {"model": "temei", "messages": [{"role": "user", "content": QUESTION}]}
    whole = client.chat.completions.create(**asking)
    assert whole.citations == temei.answer(QUESTION).to_dict()["citations"]
    parts = [chunk.choices[0].delta.content or "" for chunk in client.chat.completions.create(stream=True, **asking)]
    assert "".join(parts) == whole.choices[0].message.content
    for wrong, told in (("", "The question is empty"), ("x" * 2001, "more than the 2000 allowed")):
        with pytest.raises(openai.BadRequestError, match=told):
            client.chat.completions.create(model="temei", messages=[{"role": "user", "content": wrong}])


def test_clients_give_the_password(temei: Temei, monkeypatch: pytest.MonkeyPatch) -> None:
    openai = pytest.importorskip("openai", reason="the OpenAI client is not installed: pip install openai")
    monkeypatch.setattr(temei, "settings", Set(temei.settings, auth="ana:are"))
    with serving(app(temei)) as where:
        asking = {"model": "temei", "messages": [{"role": "user", "content": QUESTION}]}
        with pytest.raises(openai.AuthenticationError, match="TEMEI_AUTH"):
            openai.OpenAI(base_url=f"{where}v1", api_key="ana:pere").chat.completions.create(**asking)
        client = openai.OpenAI(base_url=f"{where}v1", api_key="ana:are")
        assert same(client.chat.completions.create(**asking).temei, temei.answer(QUESTION))
        with pytest.raises((ValueError, AppError)):
            Client(where, verbose=False, auth=("ana", "pere"))
        known = Client(where, verbose=False, auth=("ana", "are"))
        assert same(known.predict(question=QUESTION, api_name="/ask"), temei.answer(QUESTION))


def test_the_mcp_tool_answers_with_json(address: str, temei: Temei) -> None:
    if not has_mcp():
        pytest.skip("MCP is untested: Gradio works with its major version 1 only; pip install 'mcp>=1.26,<2'")
    import mcp
    from mcp.client.streamable_http import streamablehttp_client

    async def call() -> tuple[list[str], str, Any]:
        where = f"{address}gradio_api/mcp/"
        async with streamablehttp_client(where) as (read, write, _), mcp.ClientSession(read, write) as session:
            await session.initialize()
            tools = [tool.name for tool in (await session.list_tools()).tools]
            told = (await session.call_tool(tools[0], {"question": QUESTION})).content[0].text
            return tools, told, await session.call_tool(tools[0], {"question": " "})

    tools, text, refused = asyncio.run(call())
    assert tools == ["ask_json"]
    assert same(json.loads(text), temei.answer(QUESTION))
    assert refused.isError
    assert "The question is empty" in refused.content[0].text


def test_a_conversation_becomes_question_and_history() -> None:
    said = [("system", "Be kind."), ("user", "Unu?"), ("assistant", "1."), ("user", "Doi?")]
    question, history = asked([Message(role=role, content=text) for role, text in said])
    assert question == "Doi?"
    assert [(turn.question, turn.answer) for turn in history] == [("Unu?", "1.")]
    assert asked([]) == ("", ())


@pytest.mark.parametrize(
    ("said", "abstained"),
    [
        ("I find no answer to this question in the sources given.", True),
        ("Cu plăcere! Întreabă mai departe oricând; documentele de aici: X.", True),
        ("It opens at 9. [1]", False),
        ("It opens at 9.", False),
    ],
)
def test_a_refused_turn_is_known_by_its_text(said: str, abstained: bool) -> None:
    messages = [("user", "When?"), ("assistant", said), ("user", "And on Sundays?")]

    _, history = asked([Message(role=role, content=text) for role, text in messages])

    assert [turn.abstained for turn in history] == [abstained]


def test_an_empty_question_is_refused_in_one_line(temei: Temei) -> None:
    client = TestClient(app(temei), base_url="http://127.0.0.1")
    reply = client.post("/v1/chat/completions", json={"messages": []})
    assert reply.status_code == 400
    assert "empty" in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        r'{"messages":"\ud800"}',
        r'{"\ud800":1}',
        r'"\ud800"',
        r'{"messages":[{"role":"user","content":{"\ud800":1}}]}',
        r'{"messages":[{"role":"user","content":"Unde?"}],"stream":"\ud800"}',
        '{"messages":NaN}',
        '{"messages":[{"role":"user","content":-Infinity}]}',
        '{"messages":1e999}',
        '{"messages":' + "[" * 100_000 + "}",
        '{"messages":' + "9" * 100_000 + "}",
        "null",
        "",
    ],
)
def test_a_body_that_does_not_fit_is_refused_in_one_line(temei: Temei, body: str) -> None:
    client = TestClient(app(temei), base_url="http://127.0.0.1")
    reply = client.post("/v1/chat/completions", content=body, headers={"content-type": "application/json"})
    assert reply.status_code in (400, 422)
    assert len(reply.text) < 400
    assert "\n" not in reply.text


@pytest.mark.parametrize(
    "message",
    [
        r'{"role":"user","content":"Unde este \ud800 Delta?"}',
        r'{"role":"user","content":[{"type":"text","text":"Unde este Delta? \udfff"}]}',
        r'{"role":"user","content":[{"type":"text","text":["\udfff Delta"]}]}',
        r'{"role":"user","content":"Delta?"},{"role":"assistant","content":"\ud800"},{"role":"user","content":"Și?"}',
    ],
)
@pytest.mark.parametrize("stream", ["true", "false"])
def test_lone_surrogates_in_a_conversation_are_refused_in_one_line(temei: Temei, message: str, stream: str) -> None:
    client = TestClient(app(temei), base_url="http://127.0.0.1")
    body = f'{{"stream":{stream},"messages":[{message}]}}'
    reply = client.post("/v1/chat/completions", content=body, headers={"content-type": "application/json"})
    assert reply.status_code == 400
    assert "not valid JSON" in reply.json()["error"]["message"]


@pytest.mark.parametrize("given", [r'"Unde \ud800 este Delta?",null', r'"Unde este Delta?",["\ud800"]'])
@pytest.mark.parametrize("door", ["ask", "ask_json"])
def test_lone_surrogates_at_the_api_are_refused_in_one_line(temei: Temei, door: str, given: str) -> None:
    client = TestClient(app(temei), base_url="http://127.0.0.1")
    reply = client.post(f"/gradio_api/run/{door}", content=f'{{"data":[{given}]}}', headers=JSON)
    assert reply.status_code == 400
    assert "not valid JSON" in reply.json()["error"]["message"]


@pytest.mark.parametrize("given", ['"Unde?","delta"', '"Unde?",[null]', '"Unde?",{"a":1}', "null,null", "[],null"])
def test_what_is_no_question_is_one_line_at_the_api(
    temei: Temei, given: str, capfd: pytest.CaptureFixture[str]
) -> None:
    client = TestClient(app(temei), base_url="http://127.0.0.1")
    reply = client.post("/gradio_api/run/ask", content=f'{{"data":[{given}]}}', headers=JSON)
    assert reply.status_code == 422
    assert "must be" in str(reply.json()["error"])
    assert "Traceback" not in capfd.readouterr().err


def test_other_names_for_this_machine_are_refused(temei: Temei) -> None:
    served = app(temei)
    assert TestClient(served, base_url="http://127.0.0.1").get("/v1/models").status_code == 200
    assert TestClient(served, base_url="http://evil.example").get("/v1/models").status_code == 400


def test_a_password_guards_every_door(temei: Temei, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temei, "settings", Set(temei.settings, auth="ana:are:mere"))
    client = TestClient(app(temei, host="0.0.0.0"), base_url="http://temei.example")
    assert client.get("/v1/models").status_code == 401
    assert client.get("/v1/models", auth=("ana", "are:pere")).status_code == 401
    assert client.get("/v1/models", auth=("ana", "are:mere")).status_code == 200
    assert client.get("/v1/models", headers={"Authorization": "Bearer ana:are:mere"}).status_code == 200
    assert client.get("/config").status_code == 401
    assert client.post("/gradio_api/call/ask", json={"data": [QUESTION, None]}).status_code == 401
    for path in ("/gradio_api/mcp/", "/gradio_api/mcp", "/gradio_api//mcp/sse", "/gradio_api/mcp/schema"):
        assert client.post(path, json={}).status_code == 401


def test_other_addresses_need_a_password_or_a_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(home=tmp_path)
    check_open(settings, "127.0.0.1", None)
    check_open(settings, "0.0.0.0", ("ana", "mere"))
    with pytest.raises(SettingsError, match="TEMEI_AUTH"):
        check_open(settings, "0.0.0.0", None)
    check_open(Set(settings, allow_open=True), "0.0.0.0", None)  # type: ignore[arg-type]
    assert "anybody" in capsys.readouterr().err


@pytest.mark.parametrize("auth", ["ana", "ana:", ":mere"])
def test_a_malformed_password_is_told(tmp_path: Path, auth: str) -> None:
    with pytest.raises(SettingsError, match="user:password"):
        credentials(Set(Settings(home=tmp_path), auth=auth))  # type: ignore[arg-type]


def test_loopback() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "127.3.2.1")] == [True] * 4
    assert [is_loopback(host) for host in ("0.0.0.0", "::", "192.168.1.2", "temei.example")] == [False] * 4


@pytest.mark.slow
def test_fifty_at_once_each_get_their_own_answer(address: str, temei: Temei) -> None:
    def ask(number: int) -> tuple[str, dict[str, Any], dict[str, Any]]:
        question = f"{QUESTION} {number}"
        with httpx.Client(timeout=60) as client:
            body = {"messages": [{"role": "user", "content": question}]}
            completion = client.post(f"{address}v1/chat/completions", json=body)
            event = client.post(f"{address}gradio_api/call/ask", json={"data": [question, None]}).json()["event_id"]
            stream = client.get(f"{address}gradio_api/call/ask/{event}").text
        last = stream.strip().splitlines()[-1].removeprefix("data: ")
        return question, completion.json()["temei"], json.loads(last)[0]

    with ThreadPoolExecutor(50) as people:
        for question, completed, called in people.map(ask, range(50)):
            assert completed["question"] == called["question"] == question
            assert completed["citations"] == called["citations"] == temei.answer(question).to_dict()["citations"]
