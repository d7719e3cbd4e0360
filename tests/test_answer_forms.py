"""The forms of an answer: JSON and back, its schema, and what a notebook shows."""

from __future__ import annotations

import dataclasses
import html
import json
import re

import jsonschema
import pytest
from conftest import ROOT

from rag import Answer, Citation, Document, Hit, Passage, ShortAnswer
from rag.schema import ANSWER_SCHEMA

QUOTE = "Pe <b>12</b> iulie a venit & a plecat."
SOURCE = 'a"><script>alert(1)</script>.txt'
ANSWER = Answer(
    question="Când?",
    text=f"{QUOTE} [1]",
    citations=(Citation(1, "d", "Titlu <i>", SOURCE, 10, 10 + len(QUOTE), QUOTE, 0.5, 3, ("Cap. I", "Art. 2")),),
    hits=(),
    abstained=False,
    confidence=0.75,
    standalone_question="Când?",
    mode="extractive",
    timings={"total": 0.25},
    short=ShortAnswer("<b>12</b> iulie", 1, 13, 28),
    note="o notă",
)
REFUSAL = Answer("Cine?", "Nu știu.", (), (), True, 0.0, "Cine?", "extractive", kind="refusal")


@pytest.mark.parametrize("answer", [ANSWER, REFUSAL])
def test_an_answer_comes_back_from_its_json(answer: Answer) -> None:
    told = json.loads(json.dumps(answer.to_dict()))

    assert Answer.from_dict(told) == answer
    assert Answer.from_dict({**told, "of a later version": 1}) == answer
    assert ("short" in told) == (answer.short is not None)
    jsonschema.validate(told, ANSWER_SCHEMA)


def test_an_answer_of_an_earlier_version_is_read() -> None:
    told = ANSWER.to_dict()
    for name in ("kind", "short", "note", "timings"):
        del told[name]
    del told["citations"][0]["path"]

    assert Answer.from_dict(told).citations[0].path == ()


@pytest.mark.parametrize("wrong", [{}, {"citations": 5}, {"citations": [{}]}, {**ANSWER.to_dict(), "citations": [1]}])
def test_what_is_no_answer_is_told(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="no answer of Temei's"):
        Answer.from_dict(wrong)


def test_the_published_schema_is_that_of_the_code_and_holds_answers_to_it() -> None:
    published = json.loads((ROOT / "docs" / "answer.schema.json").read_text("utf-8"))

    assert published == ANSWER_SCHEMA
    jsonschema.Draft202012Validator.check_schema(published)
    assert set(published["properties"]) == {one.name for one in dataclasses.fields(Answer)} - {"hits"}
    assert set(published["properties"]["citations"]["items"]["properties"]) == {
        one.name for one in dataclasses.fields(Citation)
    }
    told = ANSWER.to_dict()
    for change in ({"confidence": 2}, {"abstained": "no"}, {"citations": [{**told["citations"][0], "start": -1}]}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(told | change, published)


def test_a_notebook_shows_the_quote_with_the_short_answer_marked_and_all_escaped() -> None:
    shown = ANSWER._repr_html_()

    assert "<mark>&lt;b&gt;12&lt;/b&gt; iulie</mark>" in shown
    assert "<sup>[1]</sup>" in shown
    assert "<script" not in shown
    assert "<i>" not in shown
    quote = re.search(r"<blockquote[^>]*>(.*?)</blockquote>", shown, re.DOTALL)
    assert quote is not None
    assert html.unescape(re.sub("</?mark>", "", quote.group(1))) == QUOTE
    assert "Cap. I › Art. 2" in shown
    assert "page 3" in shown
    assert "Nu știu." in REFUSAL._repr_html_()


def test_a_notebook_shows_hits_and_documents() -> None:
    passage = Passage("p", "d", "Titlu <i>", SOURCE, 0, len(QUOTE), QUOTE, "ro")
    hit, document = Hit(passage, 0.5, 0.4, 0.1), Document("d", "Titlu <i>", SOURCE, QUOTE * 100, "ro")

    for shown in (hit._repr_html_(), document._repr_html_()):
        assert html.escape(QUOTE) in shown
        assert not re.search("<script|<i>|<b>12", shown)
    assert document._repr_html_().count("…") == 1
