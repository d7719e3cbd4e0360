"""Conversations that are kept: each person's own, never written over, found by their words, restored when deleted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ui.page import conversation_store
from ui.page.conversation_store import ConversationStore


def row(question: str, text: str = "Da.") -> dict[str, Any]:
    return {"id": question, "question": question, "text": text}


@pytest.fixture
def store(tmp_path: Path) -> ConversationStore:
    return ConversationStore(tmp_path / "home")


def test_a_conversation_is_named_after_its_first_question_and_keeps_a_name_that_was_given(
    store: ConversationStore,
) -> None:
    held = store.save("", None, [row("Unde e  Delta?\n")])
    assert held is not None
    assert [(one.name, one.count) for one in store.find("")] == [("Unde e Delta?", 1)]
    store.rename("", held.id, "  Despre   Deltă ")
    held = store.save("", held, [row("Unde e Delta?"), row("Și Tulcea?")])
    assert held is not None
    assert [(one.name, one.count) for one in store.find("")] == [("Despre Deltă", 2)]
    store.rename("", held.id, " \n ")
    assert store.find("")[0].name == "Despre Deltă"


def test_two_tabs_never_write_over_each_other(store: ConversationStore) -> None:
    first = store.save("", None, [row("A")])
    assert first is not None
    other = first  # a second tab that opened the same conversation
    first = store.save("", first, [row("A"), row("B")])
    copy = store.save("", other, [row("A"), row("C")])
    assert first is not None
    assert copy is not None
    assert copy.id != first.id
    kept = [store.read("", one.id) for one in (first, copy)]
    assert [[turn["question"] for turn in one[1]] for one in kept if one] == [["A", "B"], ["A", "C"]]
    store.delete("", first.id)
    again = store.save("", first, [row("A"), row("B"), row("D")])  # it was deleted in another tab meanwhile
    assert again is not None
    assert again.id != first.id


def test_people_do_not_see_each_others_conversations(store: ConversationStore) -> None:
    mine = store.save("ana", None, [row("Cât?")])
    assert mine is not None
    store.save("ion", mine, [row("Al meu acum")])
    store.rename("ion", mine.id, "furat")
    store.delete("ion", mine.id)
    assert store.read("ion", mine.id) is None
    assert [one.name for one in store.find("ana")] == ["Cât?"]
    assert [one.name for one in store.find("ion")] == ["Al meu acum"]


def test_conversations_are_found_by_name_question_and_answer(store: ConversationStore) -> None:
    held = store.save("", None, [row("Unde cuibăresc?", "Pelicanii cuibăresc pe lacul Roșca.")])
    store.save("", None, [row("Cât costă pâinea?")])
    assert held is not None
    assert [one.name for one in store.find("", "ROSCA")] == ["Unde cuibăresc?"]
    assert [one.name for one in store.find("", "  pâinea")] == ["Cât costă pâinea?"]
    store.rename("", held.id, "Păsări")
    assert [one.name for one in store.find("", "pasari")] == ["Păsări"]
    assert store.find("", "100%_") == []


def test_a_deleted_conversation_can_be_restored_and_is_gone_after_a_month(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ConversationStore(tmp_path)
    held = store.save("", None, [row("A")])
    assert held is not None
    store.delete("", held.id)
    assert store.find("") == []
    store.restore("", held.id)
    assert [one.id for one in ConversationStore(tmp_path).find("")] == [held.id]
    monkeypatch.setattr(conversation_store, "_now", lambda: "2020-01-01T00:00:00+00:00")
    store.delete("", held.id)
    reopened = ConversationStore(tmp_path)
    reopened.restore("", held.id)
    assert reopened.find("") == []


def test_there_is_an_end_to_them_and_only_their_owner_may_read_the_file(
    store: ConversationStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation_store, "MOST_KEPT", 2)
    held = [store.save("", None, [row(str(n))]) for n in range(3)]
    assert held[2] is None
    assert held[1] is not None
    assert store.save("", held[1], [row("1"), row("2")]) is not None
    path = tmp_path / "home" / "conversations.sqlite3"
    assert path.stat().st_mode & 0o077 == 0


def test_a_damaged_file_is_kept_under_another_name_and_a_new_one_is_made(tmp_path: Path) -> None:
    (tmp_path / "conversations.sqlite3").write_bytes(b"nimic" * 2000)
    store = ConversationStore(tmp_path)
    assert store.find("") == []
    assert store.save("", None, [row("A")]) is not None
    (aside,) = tmp_path.glob("conversations-damaged-*")
    assert aside.read_bytes() == b"nimic" * 2000
    assert aside.stat().st_mode & 0o077 == 0
