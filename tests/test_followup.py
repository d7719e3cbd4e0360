"""Follow-up questions carry the topic over; questions that stand alone are never changed."""

from __future__ import annotations

import json

import pytest
from conftest import ROOT

from rag import Temei, Turn
from rag.followup import standalone
from rag.models.word_rarity import WordRarity

ASKED = Turn("Când a trimis Xi Jinping scrisoarea de felicitare?", "Pe 12 iulie. [1]")
LETTER = Turn("When did Xi Jinping send the letter?", "Pe 12 iulie. [1]")


@pytest.fixture(scope="module")
def rarity(temei: Temei) -> WordRarity:
    return WordRarity.of(temei.embedder)


@pytest.mark.parametrize(
    "question", ["De ce?", "Și cine a trimis-o?", "Din ce oraș?", "Dar articolul?", "Cui i-a dat-o?"]
)
def test_a_romanian_follow_up_carries_the_topic(rarity: WordRarity, question: str) -> None:
    rewritten = standalone(question, [ASKED], rarity)

    assert rewritten.startswith(question)
    assert "scrisoarea" in rewritten
    assert "Jinping" in rewritten


@pytest.mark.parametrize("question", ["Why?", "And who wrote it?", "Did they answer him?"])
def test_an_english_follow_up_carries_the_topic(rarity: WordRarity, question: str) -> None:
    rewritten = standalone(question, [LETTER], rarity)

    assert rewritten.startswith(question)
    assert "letter" in rewritten


@pytest.mark.parametrize(
    ("earlier", "question", "expected"),
    [
        ("Who runs the Leeds branch?", "What about Hull?", "Who runs the Hull branch?"),
        ("When is the shop open on Saturdays?", "And on Sundays?", "When is the shop open on Sundays?"),
        ("Câți angajați avea firma în 2019?", "Și în 2020?", "Câți angajați avea firma în 2020?"),
        ("Cine conduce filiala din Iași?", "Și din Bacău?", "Cine conduce filiala din Bacău?"),
        ("What was the rent in May 2021?", "And in July 2022?", "What was the rent in July 2022?"),
        ("Combien coûte le billet le samedi ?", "Et le dimanche ?", "Combien coûte le billet le dimanche ?"),
        ("¿Quién dirige la oficina de Madrid?", "¿Y la de Sevilla?", "¿Quién dirige la oficina de Sevilla?"),
        # Of several things of a kind the one behind the same word is meant.
        ("Who is the head of Acme Ltd in Leeds?", "And in York?", "Who is the head of Acme Ltd in York?"),
        ("Wie viele Leute hat die Filiale in Köln?", "Und in Bonn?", "Wie viele Leute hat die Filiale in Bonn?"),
    ],
)
def test_another_thing_of_the_same_kind_takes_the_place_of_the_earlier(
    rarity: WordRarity, earlier: str, question: str, expected: str
) -> None:
    assert standalone(question, [Turn(earlier, "…")], rarity) == expected


def test_what_was_replaced_is_no_longer_the_topic(rarity: WordRarity) -> None:
    turns = [Turn("Who is the manager of the Leeds branch?", "…"), Turn("What about Hull?", "…")]

    rewritten = standalone("When did it open?", turns, rarity)

    assert "Hull" in rewritten
    assert "Leeds" not in rewritten


def test_a_question_with_a_new_name_does_not_carry_the_earlier_one(rarity: WordRarity) -> None:
    rewritten = standalone("And the manager in Hull?", [Turn("When did the branch in Leeds open?", "…")], rarity)

    assert "Leeds" not in rewritten
    assert "branch" in rewritten


def test_the_topic_is_that_of_the_last_answered_turn(rarity: WordRarity) -> None:
    refused = Turn("Cât costă pâinea la Cluj?", "Nu găsesc.", abstained=True)

    assert "scrisoarea" in standalone("De ce?", [ASKED, refused], rarity)
    assert "pâinea" not in standalone("De ce?", [ASKED, refused], rarity)
    assert standalone("De ce?", [refused], rarity) == "De ce?"


def test_a_topic_goes_on_through_several_follow_ups(rarity: WordRarity) -> None:
    assert "scrisoarea" in standalone("De ce?", [ASKED, Turn("Și cine a scris-o?", "Xi. [1]")], rarity)


@pytest.mark.parametrize(
    "question",
    [
        "Ce decalaj trebuie redus în spațiul cibernetic?",
        "What is the capital of France?",
        "Cine este Nikola Tesla?",
        "Wer hat das Telefon erfunden?",
        "When was this article posted?",
        "Cine a scris acest articol?",
        "这几年中国在数字化方面加快建设了什么",
        "¿Cuánto es el 15 % de 840?",
    ],
)
def test_a_question_that_stands_alone_is_not_changed(rarity: WordRarity, question: str) -> None:
    assert standalone(question, [ASKED, LETTER], rarity) == question
    assert standalone(question, [], rarity) == question


def test_the_questions_of_the_shipped_set_stand_alone(rarity: WordRarity) -> None:
    with (ROOT / "eval" / "data" / "conferinta.jsonl").open(encoding="utf-8") as lines:
        questions = [row["question"] for row in map(json.loads, lines) if not row["history"]]

    changed = [question for question in questions if standalone(question, [ASKED], rarity) != question]

    assert len(questions) > 150
    assert changed == []


def test_the_chain_answers_a_follow_up_and_tells_what_it_searched(temei: Temei) -> None:
    first = temei.answer(ASKED.question)
    follow_up = temei.answer("Și cine a trimis-o?", history=[Turn(first.question, first.text)])

    assert follow_up.question == "Și cine a trimis-o?"
    assert "scrisoarea" in follow_up.standalone_question
    assert temei.answer("Și cine a trimis-o?").standalone_question == "Și cine a trimis-o?"
