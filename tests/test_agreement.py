"""Agreement: a sentence of another year, month, day, number or name is told from the one that is asked about."""

from __future__ import annotations

import pytest

from rag.agreement import KINDS, WAYS, Mentioned, agreement
from rag.text.numbers_names import weekdays
from rag.types import Passage

REPORT = (
    "## Orhei",
    "Atelierul din Orhei a fost deschis în 2016.",
    "În 2018 lucrau aici 14 oameni.",
    "În martie 2021 lucrau 22.",
    "Sâmbăta se lucrează până la prânz.",
)


def a_passage(*sentences: str, title: str = "Raport", language: str = "ro") -> Passage:
    spans, at = [], 0
    for sentence in sentences:
        spans.append((at, at + len(sentence)))
        at += len(sentence) + 2
    return Passage("p", "d", title, "s", 0, at, "\n\n".join(sentences), language, tuple(spans))


def ways(question: str, language: str, passage: Passage, number: int) -> dict[str, str]:
    """Return for each kind that the question mentions the way that counts most."""
    told = agreement(Mentioned.of(question, language), question, passage, passage.sentences[number])
    kinds = dict.fromkeys(name.partition("_")[0] for name in told)
    return {kind: max(WAYS, key=lambda way: told[f"{kind}_{way}"]) for kind in kinds}


@pytest.mark.parametrize(
    ("question", "language", "number", "expected"),
    [
        ("Câți oameni lucrau în 2018?", "ro", 2, {"year": "agreed"}),
        ("Câți oameni lucrau în 2018?", "ro", 3, {"year": "near"}),
        ("Câți oameni lucrau în 2019?", "ro", 3, {"year": "other"}),
        ("Câți oameni lucrau în 2019?", "ro", 4, {"year": "absent"}),
        ("How many worked in Orhei?", "en", 2, {"name": "agreed"}),
        ("How many worked in Hull?", "en", 2, {"name": "absent"}),
        ("Wie viele arbeiteten im März 2021?", "de", 3, {"year": "agreed", "month": "agreed"}),
        ("Combien en mai 2021 ?", "fr", 3, {"year": "agreed", "month": "other"}),
        ("Se lucrează sâmbăta?", "ro", 4, {"weekday": "agreed"}),
        ("¿Se trabaja los domingos?", "es", 4, {"weekday": "other"}),
        ("Welche 14 Leute?", "de", 2, {"number": "agreed"}),
        ("Care 15 oameni?", "ro", 2, {"number": "absent"}),
        ("ce se face acolo?", "ro", 2, {}),
    ],
)
def test_where_the_things_of_a_question_stand(
    question: str, language: str, number: int, expected: dict[str, str]
) -> None:
    assert ways(question, language, a_passage(*REPORT), number) == expected


def test_a_year_between_two_others_is_near() -> None:
    passage = a_passage("Din 2010 până în 2016 a condus firma Ana.")
    assert ways("Cine conducea în 2013?", "ro", passage, 0) == {"year": "near"}
    assert ways("Cine conducea în 2017?", "ro", passage, 0) == {"year": "other"}


def test_the_title_and_the_columns_speak_for_every_sentence() -> None:
    passage = a_passage("Deschis la nouă.", title="Filiala Timișoara")
    assert ways("Când se deschide în Timișoara?", "ro", passage, 0) == {"name": "agreed"}


def test_names_are_found_whatever_their_ending_and_spelling() -> None:
    passage = a_passage("Варшава приняла их в 1990 году.", title="s", language="ru")
    assert ways("What did Warsaw do in 1990?", "en", passage, 0) == {"year": "agreed", "name": "agreed"}


def test_the_ways_of_each_kind_add_up_to_one() -> None:
    passage = a_passage(*REPORT)
    asked = "Câți oameni din Orhei și Hull lucrau în 2018 și 2019, luni și marți, 14 sau 15, în mai 2020?"
    told = agreement(Mentioned.of(asked, "ro"), asked, passage, passage.sentences[2])
    for kind in KINDS:
        assert sum(told[f"{kind}_{way}"] for way in WAYS) == pytest.approx(1), kind


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Luni–Vineri 9-17, sâmbăta 10-14", [0, 1, 2, 3, 4, 5]),
        ("Monday to Friday", [0, 1, 2, 3, 4]),
        ("Öffnungszeiten: Dienstag bis Donnerstag", [1, 2, 3]),
        ("Sunday - Tuesday", [0, 1, 6]),
        ("от понедельника до среды", [0, 1, 2]),
        ("hétfőn zárva", [0]),
        ("timp de trei luni", []),
        ("luni și marți", [0, 1]),
        ("nothing of the kind", []),
    ],
)
def test_days_of_the_week(text: str, days: list[int]) -> None:
    assert sorted(weekdays(text)) == days


def test_the_path_of_headings_speaks_for_every_sentence_of_its_section() -> None:
    text = "Deschis la nouă. Deschis la zece."
    spans = ((0, 16), (17, len(text)))
    sections = ((0, ("Program", "Filiala Timișoara")), (17, ("Program", "Filiala Cluj")))
    passage = Passage("p", "d", "Ghid", "s", 0, len(text), text, "ro", spans, path=("Program",), sections=sections)

    asked = "Când se deschide în Timișoara?"
    assert ways(asked, "ro", passage, 0) == {"name": "agreed"}
    # Another section's heading stands before the second sentence, not above it.
    assert ways(asked, "ro", passage, 1) == {"name": "absent"}
