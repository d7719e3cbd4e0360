"""What an index says of itself: the embedding model and the format it was made with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rag.errors import StaleIndexError
from rag.models.embeddings import Embedder
from rag.settings import Settings

FORMAT = 7
"""Raise it when what is stored changes: older indexes are then refused with the command that rebuilds them."""


def made_with(embedder: Embedder) -> dict[str, Any]:
    """Return what an index says of the model and the format it was made with."""
    return {"embedding_model": embedder.name, "dimension": embedder.dimension, "format": FORMAT}


def check_made_by(made_by: Mapping[str, Any], embedder: Embedder, settings: Settings) -> None:
    """Raise StaleIndexError where an index was made in another format or with another model."""
    where = settings.chroma_url or settings.home
    if made_by.get("format") != FORMAT:
        raise StaleIndexError(
            f"The index in {where} has format {made_by.get('format')}, this version writes {FORMAT}; "
            "run: temei ingest --rebuild"
        )
    model = f"{made_by.get('embedding_model')} ({made_by.get('dimension')} dimensions)"
    if model != f"{embedder.name} ({embedder.dimension} dimensions)":
        raise StaleIndexError(
            f"The index in {where} was made with the embedding model {model}, not {embedder.name} "
            f"({embedder.dimension}); run: temei ingest --rebuild, or set TEMEI_EMBEDDING_MODEL back"
        )
