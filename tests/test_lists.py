"""Lists: which sentences are items, what leads to them, and which questions ask for all of them."""

from __future__ import annotations

import pytest

from ingest import split
from rag import Document, Passage
from rag.text.asks_for_all import asks_for_all
from rag.text.lists import lists_in


def a_passage(text: str, language: str = "en") -> Passage:
    (passage,) = split(Document("d", "T", "s.md", text, language), 384)
    return passage


def told(text: str) -> list[tuple[str | None, list[str]]]:
    passage = a_passage(text)

    def quote(row: int) -> str:
        return passage.quote(passage.sentences[row])

    return [
        (None if one.lead is None else quote(one.lead), [quote(item[0]) for item in one.items])
        for one in lists_in(passage)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Bring these:\n\n- your passport\n- two photographs\n- the signed form\n\nThe office is open on Monday.",
        "Bring these:\n* your passport\n* two photographs\n* the signed form\n\nThe office is open on Monday.",
        "Bring these:\n1. your passport\n2. two photographs\n3. the signed form\n\nThe office is open on Monday.",
        "Bring these:\na) your passport\nb) two photographs\nc) the signed form\n\nThe office is open on Monday.",
        "Bring these:\n(i) your passport\n(ii) two photographs\n(iii) the signed form\n\nThe office is open on Monday.",
        "Bring these:\n• your passport\n• two photographs\n• the signed form\n\nThe office is open on Monday.",
    ],
)
def test_items_are_found_by_their_marks(text: str) -> None:
    ((lead, items),) = told(text)

    assert lead == "Bring these:"
    assert [words in item for words, item in zip(("passport", "photographs", "form"), items, strict=True)] == [True] * 3


def test_a_heading_leads_and_sections_part_lists() -> None:
    found = told("## What we recommend\n\n- Build lanes.\n- Plant trees.\n\n## Limits\n\n- It rained.\n- It snowed.\n")

    assert found == [
        ("## What we recommend", ["Build lanes.", "Plant trees."]),
        ("## Limits", ["It rained.", "It snowed."]),
    ]


def test_further_sentences_of_an_item_belong_to_it() -> None:
    passage = a_passage("## Steps\n\n1. Fill the tank. Use cold water.\n2. Press the button.\n   It turns red.\n")
    (listed,) = lists_in(passage)

    assert [len(item) for item in listed.items] == [2, 2]
    assert not listed.announced


@pytest.mark.parametrize(
    "text",
    [
        "The shop sells bread. It sells milk. It sells tea.",
        "Bring these:\nyour passport\ntwo photographs\nthe signed form\n\nThe office is open on Monday.",
        "- a single item\n\nNothing else is listed here.",
        "| Name | Age |\n|---|---|\n| Ana | 7 |\n| Ion | 9 |\n",
    ],
)
def test_prose_single_items_and_tables_are_no_lists(text: str) -> None:
    assert told(text) == []


@pytest.mark.parametrize(
    "question",
    [
        "Which documents do I need?",
        "List all rooms",
        "Who are the members?",
        "Ce acte îmi trebuie?",
        "Care sunt pașii?",
        "Welche Unterlagen brauche ich?",
        "Quelles sont les étapes ?",
        "¿Qué documentos necesito?",
        "Quali documenti servono?",
        "Milyen iratok kellenek?",
        "Какие документы нужны?",
        "需要哪些文件？",
    ],
)
def test_words_ask_for_several_things(question: str) -> None:
    assert asks_for_all(question)


@pytest.mark.parametrize(
    "question",
    [
        "What is the address?",
        "What was his name?",
        "Care este prețul?",
        "Ce este temei?",
        "Quel est le prix ?",
        "¿Qué es?",
    ],
)
def test_words_ask_for_one_thing(question: str) -> None:
    assert not asks_for_all(question)
