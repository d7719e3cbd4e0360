"""A document named in a question is a place to look: which one it is, and what remains of the question."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import FakeEmbedder

from ingest import ingest
from rag import Answer, LookedIn, Settings, Temei, Turn
from rag.document_names import NamesOf, is_alike, words_of
from rag.index.index import Index
from rag.models.word_rarity import WordRarity
from rag.place import may_name, place_in
from rag.text.document_kinds import is_place, kinds

FILES = {
    "street-stream.txt": "STREET STREAM NON-DISCLOSURE AGREEMENT\nBetween Street Stream Ltd and Northgate Cycles Inc."
    "\n\nThe recipient may keep one copy. The recipient may not take the goods apart.",
    "yahoo.txt": "MUTUAL NONDISCLOSURE AGREEMENT\nThis agreement is made between Yahoo! Inc. and Restrac, Inc.\n\n"
    "The recipient must destroy every copy. A copy is never kept.",
    "legea-50.md": "# LEGE nr. 50 din 29 iulie 1991\n\nAutorizația se emite de primar în 30 de zile.",
    "legea-10.md": "# LEGE nr. 10 din 18 ianuarie 1995\n\nModifică Legea nr. 50/1991. Calitatea este obligatorie.",
    "biblioteca.md": "# Biblioteca Comunală Valea Plopilor\n\nRegulament de împrumut. Se împrumută trei cărți.",
    "library.txt": "Library\n\nThe library opens at nine and closes at five in the evening.",
    "contract.txt": "CONTRACT DE ÎNCHIRIERE\n\nÎntre Ion Popescu și Ana Marin. Chiriașul plătește gazul.",
    "satzung.md": "# Satzung des Turnvereins Lindau\n\nDer Beitrag ist 30 Euro im Jahr.",
    "reglement.txt": "Règlement intérieur de la piscine Jaurès\n\nIl est interdit de manger au bord du bassin.",
    "strand.md": "# Arak Strandfürdő házirend\n\nKutyát behozni tilos.",
    "房屋.md": "# 房屋租赁合同\n\n水费由承租人支付。",
}
NDA, YAHOO, LAW, TENANCY = ("street-stream.txt", "yahoo.txt", "legea-50.md", "contract.txt")


@pytest.fixture(scope="module")
def temei(tmp_path_factory: pytest.TempPathFactory) -> Temei:
    folder = tmp_path_factory.mktemp("place")
    (folder / "texts").mkdir()
    for name, text in FILES.items():
        (folder / "texts" / name).write_text(text, encoding="utf-8")
    settings = Settings(home=folder / "home", min_confidence=0.0)
    index = Index(settings, FakeEmbedder(), create=True)
    ingest([folder / "texts"], index)
    index.close()
    return Temei(settings, embedder=FakeEmbedder())


@pytest.fixture(scope="module")
def rarity() -> WordRarity:
    return WordRarity.of(FakeEmbedder())


def look(temei: Temei, rarity: WordRarity, question: str) -> tuple[list[str], str] | None:
    place = place_in(question, NamesOf()(temei.index), rarity.weight)
    source = {record.id: Path(record.source).name for record in temei.index.documents()}
    return None if place is None else ([source[name] for name in place.document_ids], place.question)


@pytest.mark.parametrize(
    ("question", "document", "left"),
    [
        ("In the Street Stream NDA, may the recipient keep copies?", NDA, "May the recipient keep copies?"),
        ("May the recipient keep copies under the Street Stream NDA?", NDA, "copies under the NDA?"),
        ("Does the Street Stream agreement allow copies?", NDA, "Does the agreement allow copies?"),
        ("may they keep copies according to the street stream nda", NDA, "May they keep copies according to the nda"),
        (
            "Consider the agreement between Yahoo! Inc. and Restrac, Inc.; may a copy be kept?",
            YAHOO,
            "May a copy be kept?",
        ),
        ("The agreement with Northgate Cycles: who keeps a copy?", NDA, "The agreement: who keeps a copy?"),
        ("În acordul dintre Street Stream și Northgate, cine păstrează copii?", NDA, "Cine păstrează copii?"),
        ("В договоре со Street Stream, кто хранит копии?", NDA, "Кто хранит копии?"),
        ("Ce spune Legea 50/1991 despre autorizație?", LAW, "Ce spune Legea despre autorizație?"),
        ("Cine emite autorizația, potrivit Legii nr. 50/1991?", LAW, "Cine emite autorizația, potrivit Legii?"),
        ("Conform regulamentului bibliotecii, câte cărți se împrumută?", "biblioteca.md", "Câte cărți se împrumută?"),
        ("În contractul de închiriere, cine plătește gazul?", TENANCY, "Cine plătește gazul?"),
        ("Cine plătește gazul în contractul cu Ana Marin?", TENANCY, "Cine plătește gazul în contractul?"),
        ("Wie hoch ist der Beitrag laut Satzung des Turnvereins Lindau?", "satzung.md", "der Beitrag laut Satzung?"),
        ("Selon le règlement de la piscine Jaurès, peut-on manger ?", "reglement.txt", "Peut-on manger?"),
        (
            "Az araki strandfürdő házirendje szerint lehet kutyát vinni?",
            "strand.md",
            "házirendje szerint lehet kutyát vinni?",
        ),
        ("根据《房屋租赁合同》，谁付水费？", "房屋.md", "谁付水费？"),
        ("Who keeps a copy according to yahoo.txt?", YAHOO, "Who keeps a copy"),
        ("What does the Library document say about the evening?", "library.txt", "What does the document say about"),
    ],
)
def test_a_question_names_a_document_in_any_language_and_order(
    temei: Temei, rarity: WordRarity, question: str, document: str, left: str
) -> None:
    found = look(temei, rarity, question)

    assert found is not None
    assert found[0] == [document]
    assert left.casefold() in found[1].casefold()


@pytest.mark.parametrize(
    "question",
    [
        "The library is open when?",
        "When is the Library open?",
        "Ce trebuie să conțină un contract de închiriere?",
        "Cine a semnat contractul?",
        "What document is needed?",
        "Is a law on building permits needed?",
        "Ce acte cere legea pentru construcții?",
        "How long is the notice period at Northgate Cycles?",
        "谁付水费？",
        "In the Oracle NDA, may the recipient keep copies?",
        "Ce spune Legea 51/1991 despre autorizații?",
        "What is the Street Stream NDA?",
    ],
)
def test_ordinary_words_and_unknown_names_are_no_place(temei: Temei, rarity: WordRarity, question: str) -> None:
    assert look(temei, rarity, question) is None


def test_a_name_of_several_documents_looks_in_all_of_them_and_a_common_one_in_none(tmp_path: Path) -> None:
    for town in ("cluj", "arad", "deva", "iasi", "sibiu"):
        who = "Dacia Impex" if town in ("cluj", "arad") else "Alfa Comerț"
        (tmp_path / f"{town}.txt").write_text(f"CONTRACT DE VÂNZARE\n\nÎntre {who} și orașul {town.title()}.")
    index = Index(Settings(home=tmp_path / "home"), FakeEmbedder(), create=True)
    ingest(sorted(tmp_path.glob("*.txt")), index)
    names, rarity = NamesOf()(index), WordRarity.of(FakeEmbedder())
    index.close()

    place = place_in("În contractul cu Dacia Impex, ce sumă se plătește?", names, rarity.weight)

    assert place is not None
    assert len(place.document_ids) == 2
    assert place_in("În contractul de vânzare, ce sumă se plătește?", names, rarity.weight) is None


def test_the_answer_comes_from_the_named_document_and_says_so(temei: Temei) -> None:
    answer = temei.answer("In the Street Stream NDA, may the recipient keep a copy?")
    (looked_in,) = answer.looked_in

    assert {citation.document_id for citation in answer.citations} == {looked_in.document_id}
    assert {hit.passage.document_id for hit in answer.hits} == {looked_in.document_id}
    assert answer.citations[0].quote == "The recipient may keep one copy."
    assert answer.to_dict()["looked_in"] == [{"document_id": looked_in.document_id, "title": looked_in.title}]
    assert Answer.from_dict(answer.to_dict()).looked_in == answer.looked_in
    assert answer.note == f"Looked in: {looked_in.title}."
    romanian = temei.answer("În acordul dintre Street Stream și Northgate, ce copie poate păstra cel care o primește?")
    assert romanian.note == f"Am căutat în: {looked_in.title}."


def test_an_answer_to_a_question_that_names_none_has_no_such_field(temei: Temei) -> None:
    answer = temei.answer("When does the library open?")

    assert answer.looked_in == ()
    assert "looked_in" not in answer.to_dict()


def test_the_place_is_among_the_documents_that_may_be_searched(temei: Temei) -> None:
    ids = {Path(record.source).name: record.id for record in temei.index.documents()}
    question = "In the Street Stream NDA, may the recipient keep a copy?"

    within = temei.answer(question, document_ids=[ids[NDA], ids[YAHOO]])
    other = temei.answer(question, document_ids=[ids[YAHOO]])

    assert [one.document_id for one in within.looked_in] == [ids[NDA]]
    assert other.looked_in == ()
    assert {hit.passage.document_id for hit in other.hits} == {ids[YAHOO]}


def test_a_follow_up_stays_in_the_document(temei: Temei) -> None:
    first = temei.answer("In the Street Stream NDA, may the recipient keep a copy?")
    turns = [Turn(first.question, first.text)]

    assert temei.answer("And who may take it apart?", turns).looked_in == first.looked_in


def test_names_are_read_once_for_each_state_of_the_index(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("ACME AGREEMENT\n\nThe fee is ten euros.")
    index = Index(Settings(home=tmp_path / "home"), FakeEmbedder(), create=True)
    ingest([tmp_path / "one.txt"], index)
    names_of = NamesOf()
    first = names_of(index)

    assert names_of(index) is first
    (tmp_path / "two.txt").write_text("BOLT AGREEMENT\n\nThe fee is six euros.")
    ingest([tmp_path / "two.txt"], index)
    assert len(names_of(index)) == 2
    index.close()


def test_most_questions_are_not_even_looked_at() -> None:
    assert not may_name("Când a fost trimisă scrisoar?")
    assert may_name("Ce prevede legea?")


def test_words_differ_in_their_endings() -> None:
    assert is_alike("bibliotecii", "biblioteca")
    assert not is_alike("street", "stream")
    assert [word.text for word in words_of("Legea 50/1991")] == ["legea", "50", "1991"]
    assert kinds("mietvertrag") == kinds("contractul") == {"contract"}
    assert not kinds("contractor")
    assert is_place(["according", "to", "the"], ["handbook"], []) == 3
    assert is_place(["what", "is", "the"], ["handbook"], []) is None


def test_what_was_looked_in_is_a_value() -> None:
    assert LookedIn("a", "T") == LookedIn(document_id="a", title="T")
