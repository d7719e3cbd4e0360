"""Vectors without their language."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eval.fit.language_bias import directions, fit, messages
from rag.models.embeddings import BundledEmbedder
from rag.models.language_bias import COMMON, LanguageBias

MEANINGS = {
    "The doors open at nine in the morning.": "Ușile se deschid la nouă dimineața.",
    "Bread is baked from flour and water.": "Pâinea se coace din făină și apă.",
    "The river froze in January.": "Râul a înghețat în ianuarie.",
    "She bought a ticket to Lisbon.": "Ea a cumpărat un bilet la Lisabona.",
}
STRAY = ["- Official source: the national portal of laws.", "See page 4.", "(a) Items"]
"""English lines as they stand among documents in another language."""


def test_what_languages_differ_in_is_found_and_taken_out() -> None:
    rng = np.random.default_rng(0)
    language = {name: 3 * rng.standard_normal(32) for name in ("ro", "en", "fr")}
    meaning = {str(number): rng.standard_normal(32) for number in range(40)}
    vectors = {
        name: {m: np.asarray(own + there, dtype=np.float32) for m, own in meaning.items()}
        for name, there in language.items()
    }

    found = LanguageBias(directions(vectors, 2), np.zeros(32, dtype=np.float32))

    assert np.allclose(found.directions @ found.directions.T, np.eye(2), atol=1e-5)
    for message in meaning:
        ro, en = (found.passage(vectors[name][message]) for name in ("ro", "en"))
        assert float(ro @ en) > 0.999
        assert float(np.linalg.norm(ro)) == pytest.approx(1, abs=1e-5)
    assert not found.passage(np.zeros(32, dtype=np.float32)).any()


def test_messages_are_read_by_language() -> None:
    django = pytest.importorskip("django")
    found = messages(Path(django.__file__).parent)

    assert found["ro"]["This field is required."] == "Acest câmp este obligatoriu."
    assert found["en"]["This field is required."] == "This field is required."
    assert "es_AR" not in found
    assert len(found) > 60


def test_questions_lose_what_they_have_in_common() -> None:
    def encode(text: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        seed = sum(map(ord, text))
        vector = np.random.default_rng(seed).standard_normal(32) + 2
        return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)

    translated = {name: {str(n): f"{name}{n}" for n in range(80)} for name in ("ro", "en", "fr")}
    made = fit(translated, [f"question {n}" for n in range(50)], encode)

    vector = encode("question 51")
    assert np.allclose(made.query(vector), made.passage(vector) - COMMON * made.question, atol=1e-6)
    assert float(made.query(vector) @ made.question) < float(made.passage(vector) @ made.question)


@pytest.mark.model
def test_a_question_is_not_drawn_to_its_own_language(embedder: BundledEmbedder) -> None:
    question = "When did the river freeze?"
    romanian = embedder.encode_passages(list(MEANINGS.values()))
    english = embedder.encode_passages(STRAY)

    asked = embedder.encode_query(question)

    assert (romanian @ asked).argmax() == 2
    assert (romanian @ asked).max() - (english @ asked).max() > 0.04
    raw = embedder.encoder
    plain = raw.encode(raw.tokenizer.encode(f"query: {question}").ids)
    before = [raw.encode(raw.tokenizer.encode(f"passage: {text}").ids) for text in MEANINGS.values()]
    stray = [raw.encode(raw.tokenizer.encode(f"passage: {text}").ids) for text in STRAY]
    gained = (romanian @ asked).max() - (english @ asked).max()
    assert gained > max(float(v @ plain) for v in before) - max(float(v @ plain) for v in stray)
