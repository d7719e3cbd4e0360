"""The door for OpenAI's clients: what they and the front ends built on them send, and what they read."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from fakes import FakeEmbedder
from serving import serving

from rag import Settings, Temei
from ui.api.front_ends import reply_to_order
from ui.serve import app

MILL = "Moara din vale macină grâul din 1874."
QUESTION = "Ce macină moara din vale?"
ASKING = [{"role": "user", "content": QUESTION}]
# As Open WebUI 0.6 sends them, shortened in the middle.
TITLE = """### Task:
Generate a concise, 3-5 word title with an emoji summarizing the chat history.
### Guidelines:
- The title should clearly represent the main theme or subject of the conversation.
### Output:
JSON format: { "title": "your concise title here" }
### Chat History:
<chat_history>
USER: Ce macină moara din vale, de cine a fost făcută și cui îi folosește acum?
ASSISTANT: Moara din vale macină grâul din 1874. [1]
</chat_history>"""
TAGS = """### Task:
Generate 1-3 broad tags categorizing the main themes of the chat history, along with 1-3 more specific subtopic tags.
### Output:
JSON format: { "tags": ["tag1", "tag2", "tag3"] }
### Chat History:
<chat_history>
USER: Ce macină moara?
</chat_history>"""
FOLLOW_UPS = """### Task:
Suggest 3-5 relevant follow-up questions or prompts that the user might naturally ask next in this conversation.
### Output:
JSON format: { "follow_ups": ["Question 1?", "Question 2?", "Question 3?"] }
### Chat History:
<chat_history>
USER: Give the title of the law and its tags
</chat_history>"""
QUERIES = """### Task:
Analyze the chat history to determine the necessity of generating search queries, in the given language.
### Output:
{ "queries": ["query1", "query2"] }
### Chat History:
<chat_history>
USER: x
</chat_history>"""
LIBRECHAT = """Provide a concise, 5-word-or-less title for the conversation, using title case conventions.

User: Ce macină moara?
AI: Grâul."""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Temei]:
    home = tmp_path_factory.mktemp("door")
    settings = Settings(home=home, reader=False, min_confidence=0, asks_a_minute=10_000)
    with Temei(settings, embedder=FakeEmbedder()) as temei:
        temei.add(MILL, metadata={"source": "moara.txt", "title": "Moara"})
        temei.add(f"The mill. {MILL}", metadata={"source": "mill.txt", "title": "Mill", "language": "en"})
        yield temei


@pytest.fixture(scope="module")
def address(library: Temei) -> Iterator[str]:
    with serving(app(library)) as where:
        yield f"{where}v1"


@pytest.fixture(scope="module")
def client(address: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=address, api_key="none", max_retries=0)


def test_fields_that_are_null_count_as_left_out(address: str) -> None:
    body = {"messages": ASKING, "stream": None, "stream_options": None, "where": None, "tools": None}
    reply = httpx.post(f"{address}/chat/completions", json=body)

    assert reply.status_code == 200
    assert reply.json()["object"] == "chat.completion"


def test_usage_is_told_whole_and_at_the_end_of_a_stream(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="temei", messages=ASKING)
    told = {"model": "temei", "messages": ASKING, "stream": True}
    chunks = list(client.chat.completions.create(**told, stream_options={"include_usage": True}))

    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens > 20
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert {chunk.usage for chunk in chunks[:-1]} == {None}
    assert all(chunk.choices for chunk in client.chat.completions.create(**told))


def test_parts_of_text_are_joined_as_they_are(client: openai.OpenAI) -> None:
    parts = [{"type": "text", "text": "Ce macină mo"}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    reply = client.chat.completions.create(
        model="temei", messages=[{"role": "user", "content": [*parts, {"type": "text", "text": "ara din vale?"}]}]
    )

    assert reply.temei["question"] == QUESTION


def test_citations_are_annotations_too(client: openai.OpenAI, library: Temei) -> None:
    reply = client.chat.completions.create(model="temei", messages=ASKING)
    last = [
        chunk for chunk in client.chat.completions.create(model="temei", messages=ASKING, stream=True) if chunk.choices
    ][-1]
    text, found = reply.choices[0].message.content, reply.choices[0].message.annotations

    assert len(found) == len(reply.citations) >= 1
    found = [{name: value for name, value in each.model_dump().items() if name != "url_citation"} for each in found]
    for one, citation in zip(found, reply.citations, strict=True):
        assert one["type"] == "file_citation"
        assert text[one["start_index"] : one["end_index"]] == one["text"] == f"[{citation['number']}]"
        assert one["filename"] == citation["source"]
        document = library.document(one["file_citation"]["file_id"])
        assert document is not None
        assert one["file_citation"]["quote"] in document.text
    assert last.choices[0].delta.annotations == found


def test_the_model_is_told_and_another_is_an_error(client: openai.OpenAI) -> None:
    assert client.models.retrieve("temei").id == "temei"
    with pytest.raises(openai.NotFoundError, match="There is no model gpt-4o") as caught:
        client.models.retrieve("gpt-4o")
    assert caught.value.code == "not_found"


def test_errors_have_a_message_a_type_and_a_code(client: openai.OpenAI, address: str) -> None:
    for messages, code in (([], "invalid_request"), ([{"role": "user", "content": "x" * 3000}], "invalid_request")):
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(model="temei", messages=messages)
        assert (caught.value.code, caught.value.type) == (code, "temei_error")
    for path, body in (("chat/completions", {"messages": 5}), ("embeddings", {}), ("nothing", {})):
        told = httpx.post(f"{address}/{path}", json=body).json()["error"]
        assert told["message"]
        assert told["code"] in ("invalid_request", "not_found")


def test_a_question_is_narrowed_by_a_field_of_ours(client: openai.OpenAI) -> None:
    told = {"model": "temei", "messages": ASKING}
    reply = client.chat.completions.create(**told, extra_body={"where": {"language": "en"}})

    assert {citation["source"] for citation in reply.citations} == {"mill.txt"}
    with pytest.raises(openai.BadRequestError, match="No document fits language=zh"):
        client.chat.completions.create(**told, extra_body={"where": {"language": "zh"}})


def test_texts_are_embedded(client: openai.OpenAI, address: str) -> None:
    texts = [MILL, QUESTION]
    reply = client.embeddings.create(model="temei", input=texts)
    one = client.embeddings.create(model="temei", input=MILL, encoding_format="float")
    query = client.embeddings.create(model="temei", input=MILL, extra_body={"input_type": "query"})

    expected = FakeEmbedder().encode_passages(texts)
    assert np.allclose([row.embedding for row in reply.data], expected, atol=1e-6)
    assert [row.index for row in reply.data] == [0, 1]
    assert np.allclose(one.data[0].embedding, expected[0], atol=1e-6)
    assert np.allclose(query.data[0].embedding, FakeEmbedder().encode_query(MILL), atol=1e-6)
    assert (reply.model, reply.usage.total_tokens > 10) == ("fake", True)
    raw = httpx.post(f"{address}/embeddings", json={"input": MILL, "encoding_format": "base64"}).json()
    assert len(base64.b64decode(raw["data"][0]["embedding"])) == 4 * 64
    for wrong in ([], "", [" "], ["a"] * 257, "x" * 20_001, [[1, 2]]):
        with pytest.raises(openai.UnprocessableEntityError):
            client.embeddings.create(model="temei", input=wrong)


@pytest.mark.parametrize(
    ("order", "reply"),
    [
        (TITLE, {"title": "Ce macină moara din vale, de cine a fost făcută și…"}),
        (TAGS, {"tags": []}),
        (FOLLOW_UPS, {"follow_ups": []}),
        (QUERIES, {"queries": []}),
        ("### Task:\nYou are an autocompletion system. Continue the text.", {"text": ""}),
        (TITLE.replace("USER: ", ""), {"title": ""}),
    ],
)
def test_an_order_of_a_front_end_is_answered_without_a_search(
    order: str, reply: dict[str, Any], client: openai.OpenAI, library: Temei, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: object, **named: object) -> None:
        raise AssertionError("nothing is to be looked up")

    monkeypatch.setattr(library, "astream", fail)
    long = order.replace("- The title", "- The title " * 400)  # longer than a question may be
    for text in (order, long):
        asking = {"model": "temei", "messages": [{"role": "user", "content": text}]}
        whole = client.chat.completions.create(**asking)
        parts = [
            chunk.choices[0].delta.content or "" for chunk in client.chat.completions.create(**asking, stream=True)
        ]

        assert json.loads(whole.choices[0].message.content) == reply
        assert json.loads("".join(parts)) == reply


def test_a_title_in_words_and_questions_about_titles() -> None:
    assert reply_to_order(LIBRECHAT, "") == "Ce macină moara?"
    assert reply_to_order("Write a short title for this conversation", "Cine?") == "Cine?"
    for question in (
        QUESTION,
        "What is the title of the law?",
        "Give me the tags",
        "Task: what is due?",
        "### Ce este?",
    ):
        assert reply_to_order(question, "") is None
