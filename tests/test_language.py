"""Language and words: folding, terms, stems, and which language a question is in."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rag.text.language import (
    detect_language,
    fold,
    language_share,
    prose,
    question_language,
    stem,
    tells_something,
    terms,
    words,
)


@pytest.mark.parametrize(
    "variants",
    [
        ["ştiinţă", "știință", "STIINTA", "s\u0326tiint\u0326a\u0306", "Ştiinţă"],
        ["âîăÂÎĂ", "aiaAIA"],
        ["Straße", "STRASSE"],
        ["ﬁre", "fire"],
        ["Ёлка", "елка"],
        ["ΣΊΣΥΦΟΣ", "σισυφοσ", "σίσυφος"],
        ["ＡＢＣ１２", "abc12"],
        ["é", "e\u0301", "e"],
    ],
)
def test_variants_of_a_word_are_folded_into_one(variants: list[str]) -> None:
    assert len({fold(variant) for variant in variants}) == 1


def test_different_words_stay_different() -> None:
    assert len({fold(word) for word in ["casa", "masa", "лес", "лось", "水", "火", "한국", "中国"]}) == 8


@given(st.text())
@example("𝕬™№")
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Într-o zi, la ora 12:30!", ["intr", "o", "zi", "la", "ora", "12", "30"]),
        ("", []),
        ("… — [ ] ?!", []),
        ("会议在乌镇", ["会议", "议在", "在乌", "乌镇"]),
        ("水", ["水"]),
        ("COVID病毒2019年", ["covid", "病毒", "2019", "年"]),
        ("ราคา abc", ["รา", "าค", "คา", "abc"]),
        ("e\u0301te\u0301", ["ete"]),
        ("foo_bar", ["foo", "bar"]),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(st.text(max_size=60))
def test_no_word_is_empty_and_none_has_a_blank(text: str) -> None:
    assert all(word and word.split() == [word] for word in words(text))


@given(st.text(max_size=60), st.sampled_from(["ro", "en", "zh", "xx", ""]))
def test_terms_are_the_stems_of_the_words(text: str, language: str) -> None:
    assert terms(text, language) == [stem(word, language) for word in words(text)]


def test_inflected_forms_share_a_stem() -> None:
    assert stem("conferinta", "ro") == stem("conferinte", "ro") == stem("conferintelor", "ro")
    assert stem("tara", "ro") == stem("tari", "ro") == stem("tarile", "ro")
    assert stem("congratulating", "en") == stem("congratulated", "en")
    assert stem("conferintei", "en") == "conferintei"
    assert stem("乌镇", "zh") == "乌镇"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Delta Dunării este o rezervație a biosferei aflată în județul Tulcea.", "ro"),
        ("The kettle boils water in three minutes and is made of brass.", "en"),
        ("会议在乌镇举行，来自八十个国家的代表参加了会议。", "zh"),
        ("Конференция прошла в городе Учжэнь.", "ru"),
        ("Die Konferenz fand in der Stadt Wuzhen statt und war gut besucht.", "de"),
    ],
)
def test_the_language_of_a_text(text: str, language: str) -> None:
    assert detect_language(text) == language


def test_a_text_without_letters_has_the_default_language() -> None:
    assert detect_language("1984, 12:30 — ?!") == "ro"
    assert detect_language("", default="en") == "en"


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("Când a trimis președintele scrisoarea?", "ro"),
        ("Cine este presedintele Frantei?", "ro"),
        ("Care e capitala Australiei?", "ro"),
        ("Cine a scris Hamlet?", "ro"),
        ("Cat costa o paine?", "ro"),
        ("Unde?", "ro"),
        ("Who wrote Hamlet?", "en"),
        ("When was the letter sent?", "en"),
        ("What is the capital of Australia?", "en"),
        ("What did the president say?", "en"),
        ("How tall is Mount Everest?", "en"),
        ("会议在哪里举行？", "zh"),
        ("Wer hat den Brief geschrieben?", "de"),
        ("Кто написал письмо?", "ru"),
        ("2+2", "ro"),
    ],
)
def test_the_language_of_a_question_to_a_romanian_corpus(question: str, language: str) -> None:
    assert question_language(question, ["ro"]) == language


def test_a_doubtful_question_is_in_the_language_of_the_corpus() -> None:
    assert question_language("Hamlet?", ["ro"]) == "ro"
    assert question_language("Hamlet?", ["de"]) == "de"
    assert question_language("When was the letter sent?", []) == "en"


@given(st.text(max_size=60), st.sampled_from(["ro", "en", "zh", "xx"]))
def test_a_language_share_is_a_probability(question: str, language: str) -> None:
    assert 0 <= language_share(question, language) <= 1
    assert len(question_language(question, [language])) == 2


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('</span><span class="S_PCT" id="a1">(ii)<!-- --></span> Legea', "(ii) Legea"),
        ('">Personal de vânzare.<br/></td>', "Personal de vânzare."),
        ('Aici <td style="border: 1px solid', "Aici"),
        ("x > 5 și y < 3", "x > 5 și y < 3"),
        ("If x<y then <https://example.org>", "If x<y then <https://example.org>"),
        ('> un citat cu "ghilimele"', '> un citat cu "ghilimele"'),
    ],
)
def test_markup_is_not_read(text: str, read: str) -> None:
    assert " ".join(prose(text).split()) == read


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Moara e din 1874.", True),
        ("会议在乌镇举行。", True),
        ("2.", False),
        ("- (ii)", False),
        ("-> - - - -", False),
        ("Art. 12", False),
        ("", False),
    ],
)
def test_fragments_tell_nothing(text: str, told: bool) -> None:
    assert tells_something(text) is told
