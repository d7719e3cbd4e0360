"""Intent: thanks, requests and questions about the collection are told from what is to be looked up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eval.sets.open import open_dataset
from ingest import ingest
from rag import Settings, Temei
from rag.index.index import Index
from rag.intent import Intent, Wish, wish_of
from rag.models.embeddings import BundledEmbedder
from rag.types import Turn

GUIDE = """# Ghidul chiriașului

## Garanția

Garanția este de două chirii lunare. Proprietarul o dă înapoi în 30 de zile de la plecare.

## Reparațiile

Chiriașul plătește reparațiile mici. Proprietarul plătește reparațiile mari, de exemplu acoperișul.

## Plecarea

Chiriașul anunță plecarea cu 60 de zile înainte, în scris. Cheile se predau la administrator.
"""
LIBRARY = """# Biblioteca din Lunca

Biblioteca este deschisă de luni până vineri, de la 9 la 17. Un permis nou costă 15 lei pe an, iar elevii nu plătesc.
"""


@pytest.fixture(scope="module")
def temei(tmp_path_factory: pytest.TempPathFactory, embedder: BundledEmbedder) -> Temei:
    folder = tmp_path_factory.mktemp("intent")
    (folder / "texts").mkdir()
    (folder / "texts" / "ghid.md").write_text(GUIDE, encoding="utf-8")
    (folder / "texts" / "biblioteca.md").write_text(LIBRARY, encoding="utf-8")
    settings = Settings(home=folder / "home")
    index = Index(settings, embedder, create=True)
    ingest([folder / "texts"], index)
    index.close()
    return Temei(settings, embedder=embedder)


@pytest.mark.parametrize(
    ("said", "intent"),
    [
        ("Mulțumesc mult pentru ajutor!", Intent.SMALLTALK),
        ("salut", Intent.SMALLTALK),
        ("thanks, that was helpful", Intent.SMALLTALK),
        ("Danke, das hilft mir", Intent.SMALLTALK),
        ("Cine ești?", Intent.SMALLTALK),
        ("Rezumă documentul", Intent.OVERVIEW),
        ("What is this document about?", Intent.OVERVIEW),
        ("De quoi parle ce document ?", Intent.OVERVIEW),
        ("Câte documente ai?", Intent.COLLECTION),
        ("Which documents do you have?", Intent.COLLECTION),
        ("Traduce documentul în engleză", Intent.TASK),
        ("Write a poem about spring", Intent.TASK),
        ("Escríbeme una carta", Intent.TASK),
        ("Cât costă un permis nou?", Intent.LOOK_UP),
        ("Wer zahlt die Reparaturen?", Intent.LOOK_UP),
        ("How many documents must a tenant bring?", Intent.LOOK_UP),
        ("Ce documente sunt necesare pentru înmatriculare?", Intent.LOOK_UP),
        ("Who wrote the poem?", Intent.LOOK_UP),
        ("What is the average rent?", Intent.LOOK_UP),
        ("And in York?", Intent.LOOK_UP),
        ("De când?", Intent.LOOK_UP),
    ],
)
def test_what_is_wanted_is_told(said: str, intent: Intent, embedder: BundledEmbedder) -> None:
    assert wish_of(said, embedder.encode_query(said), embedder.name).intent is intent


def test_no_answerable_question_of_the_shipped_set_is_taken_for_something_else(embedder: BundledEmbedder) -> None:
    for example in open_dataset().examples:
        if example.answerable and not example.history:
            wish = wish_of(example.question, embedder.encode_query(example.question), embedder.name)
            assert wish is Wish.ANSWER, example.question


def test_beside_another_embedding_model_everything_is_looked_up(embedder: BundledEmbedder) -> None:
    assert wish_of("Mulțumesc!", embedder.encode_query("Mulțumesc!"), "another") is Wish.ANSWER


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        ("Mulțumesc!", "smalltalk", "Cu plăcere!"),
        ("Thank you!", "smalltalk", "You're welcome!"),
        ("Good morning!", "smalltalk", "What would you like to know?"),
        ("Who are you?", "smalltalk", "I am Temei"),
        ("Ce poți face?", "smalltalk", "Întreabă ce scrie"),
        ("La revedere!", "smalltalk", "La revedere!"),
        ("ok, am înțeles", "smalltalk", "Poți întreba mai departe"),
        ("Câte documente ai?", "collection", "Documente aici: 2."),
        ("Write a poem about spring", "task", "do not write texts"),
        ("Tradu documentul în engleză", "task", "nu traduc"),
        ("What time is it?", "task", "no clock"),
    ],
)
def test_a_reply_has_no_citations_and_says_what_can_be_asked(temei: Temei, said: str, kind: str, words: str) -> None:
    answer = temei.answer(said)

    assert (answer.kind, answer.abstained, answer.citations) == (kind, True, ())
    assert words in answer.text
    assert json.loads(json.dumps(answer.to_dict()))["kind"] == kind


def test_an_overview_quotes_sentences_from_all_over_the_document(temei: Temei) -> None:
    (guide,) = (record for record in temei.index.documents() if "chiriașului" in record.title)

    answer = temei.answer("Despre ce este documentul?", document_ids=[guide.id])

    assert (answer.kind, answer.abstained) == ("overview", False)
    text = Path(guide.path).read_text(encoding="utf-8")
    assert len(answer.citations) == 3
    assert all(text[c.start : c.end] == c.quote for c in answer.citations)
    assert not any(c.quote.startswith("#") for c in answer.citations)
    starts = [c.start for c in answer.citations]
    assert starts == sorted(starts)
    sections = [text.rindex("## ", 0, start) for start in starts]
    assert len(set(sections)) == 3, "not one sentence of each section"


def test_an_overview_of_several_documents_quotes_each(temei: Temei) -> None:
    answer = temei.answer("What are these documents about?")

    assert answer.kind == "overview"
    assert len({c.document_id for c in answer.citations}) == len(answer.citations) == 2


def test_thanks_are_not_the_topic_of_what_follows(temei: Temei) -> None:
    first = temei.answer("Cât costă un permis nou?")
    thanks = temei.answer("Mulțumesc!", [Turn(first.question, first.text)])
    turns = [Turn(a.question, a.text, a.abstained) for a in (first, thanks)]

    followed = temei.answer("Și pentru elevi?", turns)

    assert "permis" in followed.standalone_question


def test_an_answer_and_a_refusal_say_so(temei: Temei) -> None:
    assert temei.answer("Cât costă un permis nou?").kind == "answer"
    assert temei.answer("Who wrote Hamlet?").kind == "refusal"


def test_a_greeting_beside_a_question_is_no_part_of_it(temei: Temei) -> None:
    alone = temei.answer("Cât costă un permis nou?")

    greeted = temei.answer("Bună ziua! Cât costă un permis nou? Mulțumesc!")

    assert (greeted.kind, greeted.citations) == (alone.kind, alone.citations)
    assert greeted.standalone_question == "Cât costă un permis nou?"
