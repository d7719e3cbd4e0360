"""Answer ``/v1/embeddings`` with the encoder that Temei searches with."""

from __future__ import annotations

import asyncio
import base64
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from rag.models.embeddings import Embedder
from rag.text.tokens import count_tokens

MOST_TEXTS = 256
"""Texts of one request, which take the bundled model about a second on two processors."""
LONGEST_TEXT = 20_000
"""Characters of a text. The model reads the first 500 tokens or so; more is sent by mistake."""


class EmbeddingRequest(BaseModel):
    """A text or several. ``input_type`` is ours: a passage to be found, or a question that finds it."""

    model_config = ConfigDict(extra="ignore")
    input: str | list[str]
    encoding_format: Literal["float", "base64"] | None = "float"
    input_type: Literal["passage", "query"] | None = "passage"
    model: str = Field("", max_length=200)

    @property
    def texts(self) -> list[str]:
        return [self.input] if isinstance(self.input, str) else self.input

    @property
    def problem(self) -> str:
        """What is wrong with the texts, in words; empty where nothing is."""
        if not 1 <= len(self.texts) <= MOST_TEXTS:
            return f"input: give 1 to {MOST_TEXTS} texts"
        if not all(text.strip() and len(text) <= LONGEST_TEXT for text in self.texts):
            return f"input: each text needs 1 to {LONGEST_TEXT} characters"
        return ""


async def embed(request: EmbeddingRequest, embedder: Embedder) -> dict[str, Any]:
    """Return the reply: unit vectors in the order of the texts."""
    vectors = await asyncio.to_thread(_vectors, request, embedder)
    tokens = sum(map(count_tokens, request.texts))
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": number, "embedding": _written(row, request.encoding_format)}
            for number, row in enumerate(vectors)
        ],
        "model": embedder.name,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _vectors(request: EmbeddingRequest, embedder: Embedder) -> Any:
    if request.input_type == "query":
        return np.stack([embedder.encode_query(text) for text in request.texts])
    return embedder.encode_passages(request.texts)


def _written(vector: Any, form: str | None) -> str | list[float]:
    """Return a vector as numbers, or as base64 of little-endian float32, which OpenAI's client asks for."""
    if form == "base64":
        return base64.b64encode(np.asarray(vector, dtype="<f4").tobytes()).decode()
    return [float(number) for number in vector]
