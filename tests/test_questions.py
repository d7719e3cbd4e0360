"""What a question asks for, whether a text holds it, and whether it asks."""

from __future__ import annotations

import pytest

from rag.text.number_words import AMOUNTS, DATED, MONTHS
from rag.text.numbers_names import months, values
from rag.text.questions import Wanted, asks, holds, wanted


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Când a fost trimisă scrisoarea?", Wanted.DATE),
        ("cand a fost trimisa scrisoarea", Wanted.DATE),
        ("In which year was it founded?", Wanted.DATE),
        ("Mikor küldték el?", Wanted.DATE),
        ("信是什么时候发的？", Wanted.DATE),
        ("Câți membri are?", Wanted.NUMBER),
        ("How many pages?", Wanted.NUMBER),
        ("Combien de chercheurs?", Wanted.NUMBER),
        ("多少人参加了会议？", Wanted.NUMBER),
        ("Cine a semnat?", Wanted.PERSON),
        ("Whose letter is it?", Wanted.PERSON),
        ("Ki írta a levelet?", Wanted.PERSON),
        ("Ce decalaj trebuie redus?", None),
        ("What does the candle cost us in comfort?", None),
        ("Care este câtimea?", None),
        ("", None),
    ],
)
def test_what_is_wanted(question: str, kind: Wanted | None) -> None:
    assert wanted(question) is kind


def test_the_first_question_word_decides() -> None:
    assert wanted("Who knows when it was sent?") is Wanted.PERSON
    assert wanted("When was it known who sent it?") is Wanted.DATE


@pytest.mark.parametrize(
    ("text", "kind", "there"),
    [
        ("Pe 12 iulie a fost trimisă.", Wanted.DATE, True),
        ("A fost trimisă în iulie.", Wanted.DATE, True),
        ("A fost trimisă ieri, se pare.", Wanted.DATE, False),
        ("It has twelve members.", Wanted.NUMBER, True),
        ("Are trei sute de membri.", Wanted.NUMBER, True),
        ("Are mulți membri.", Wanted.NUMBER, False),
        ("Scrisoarea lui Xi Jinping a sosit.", Wanted.PERSON, True),
        ("Scrisoarea a sosit.", Wanted.PERSON, False),
        ("信是习近平发的。", Wanted.PERSON, True),
    ],
)
def test_whether_it_is_there(text: str, kind: Wanted, there: bool) -> None:
    assert holds(text, kind) is there


@pytest.mark.parametrize("text", ["Why?", "Why?!", "“Why?”", "(why?)  ", "为什么？", "لماذا؟", "Γιατί;", "Why? …"])
def test_a_question_asks(text: str) -> None:
    assert asks(text)


@pytest.mark.parametrize("text", ["", "Because.", "Come in;", "Why? Because.", "http://a.org/?q=1", "Γιατί όχι."])
def test_what_is_no_question_does_not_ask(text: str) -> None:
    assert not asks(text)


def test_every_month_that_tells_when_is_a_month_and_every_amount_a_number_word() -> None:
    assert {name for name in DATED if not months(name)} == set()
    assert len(MONTHS) == 12
    assert all(holds(name, Wanted.DATE) and not holds(f"x{name}", Wanted.DATE) for name in DATED)
    assert all(holds(word, Wanted.NUMBER) and not holds(f"{word}x", Wanted.NUMBER) for word in AMOUNTS)
    # What is no number by itself: "half", and words that mean something else as well.
    others = {word for word in AMOUNTS if not values(word)}
    assert others == {"unu", "una", "noua", "jumatate", "sfert", "one", "dozen", "half", "quarter", "neuf"}
