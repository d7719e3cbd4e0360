"""What an index says of itself: the embedding model and the format it was made with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rag.errors import StaleIndexError
from rag.messages import message
from rag.models.embeddings import Embedder
from rag.settings import Settings

FORMAT = 8
"""Raise it when what is stored changes: older indexes are then refused with the command that rebuilds them."""


def made_with(embedder: Embedder) -> dict[str, Any]:
    """Return what an index says of the model and the format it was made with."""
    return {"embedding_model": embedder.name, "dimension": embedder.dimension, "format": FORMAT}


def check_made_by(made_by: Mapping[str, Any], embedder: Embedder, settings: Settings) -> None:
    """Raise StaleIndexError where an index was made in another format or with another model."""
    where = settings.chroma_url or settings.home
    if made_by.get("format") != FORMAT:
        found = made_by.get("format")
        raise StaleIndexError(message("index_of_other_format", where=where, found=found, wanted=FORMAT))
    model, dimension = made_by.get("embedding_model"), made_by.get("dimension")
    if (str(model), str(dimension)) != (embedder.name, str(embedder.dimension)):
        raise StaleIndexError(
            message(
                "index_of_other_model",
                where=where,
                model=model,
                dimension=dimension,
                wanted=embedder.name,
                wanted_dimension=embedder.dimension,
            )
        )
