"""A greeting or thanks beside a question is no part of it."""

from __future__ import annotations

import pytest

from rag.courtesy import without_courtesies
from rag.intent import is_courtesy
from rag.models.embeddings import BundledEmbedder

POLITE = {"Hi", "Hello", "Thanks", "thanks", "ok great", "Bună ziua", "Mulțumesc", "great"}


@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("Hi! When is the library open?", "When is the library open?"),
        ("Hello, when is the library open? Thanks!", "when is the library open?"),
        ("ok great, thanks! And on Sundays?", "And on Sundays?"),
        ("Bună ziua, când se deschide?\nMulțumesc.", "când se deschide?"),
        ("When is the library open?", "When is the library open?"),
        ("In 1998, who led it?", "In 1998, who led it?"),
        ("Hi! Thanks!", "Hi! Thanks!"),
        ("", ""),
    ],
)
def test_courtesies_are_left_out_unless_nothing_else_is_said(said: str, question: str) -> None:
    assert without_courtesies(said, lambda part: part.strip("!. ") in POLITE) == question


@pytest.mark.parametrize(
    ("part", "polite"),
    [
        ("Hi", True),
        ("Good morning", True),
        ("Mulțumesc mult", True),
        ("Danke", True),
        ("In 1998", False),
        ("Victoria", False),
        ("pe timp de noapte", False),
        ("for students", False),
    ],
)
def test_what_is_polite_is_told_by_the_encoder(part: str, polite: bool, embedder: BundledEmbedder) -> None:
    assert is_courtesy(part, embedder.encode_query(part), embedder.name) is polite


def test_beside_another_embedding_model_nothing_is_polite(embedder: BundledEmbedder) -> None:
    assert not is_courtesy("Hi", embedder.encode_query("Hi"), "another")
