"""Run the plain pipeline of a tutorial on the same weights: LangChain, sentence-transformers on torch, Chroma.

It cuts the text every 1000 characters with an overlap of 200, embeds it with `HuggingFaceEmbeddings`, stores it in
`Chroma` and searches with `similarity_search`. It uses no code of Temei except the export of the bundled model. As a
program, ``python -m eval.tutorial MODEL HOME QUESTION`` answers one question in a new process and prints what it finds.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_chroma import Chroma
    from langchain_text_splitters import TextSplitter

CHUNK, OVERLAP = 1000, 200
"""Characters of a passage and of what two share, as in LangChain's tutorial."""
MODEL = "tutorial"


def export_model(models: Path) -> Path:
    """Return the bundled model as a sentence-transformers folder, written where it is missing."""
    folder = models / MODEL
    if not (folder / "modules.json").exists():
        from rag.models.embeddings import export_sentence_transformer

        export_sentence_transformer(folder)
    return folder


def open_store(model: Path, home: Path) -> Chroma:
    """Return the vector store under ``home``, embedding with the model in that folder."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from chromadb.config import Settings as ChromaSettings
    from langchain_chroma import Chroma
    from langchain_huggingface import HuggingFaceEmbeddings
    from transformers.utils import logging

    logging.disable_progress_bar()
    return Chroma(
        collection_name="tutorial",
        embedding_function=HuggingFaceEmbeddings(model_name=str(model), model_kwargs={"device": "cpu"}),
        persist_directory=str(home),
        client_settings=ChromaSettings(anonymized_telemetry=False, is_persistent=True, persist_directory=str(home)),
    )


def open_splitter() -> TextSplitter:
    """Return the splitter; chunks know where they begin."""
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    return RecursiveCharacterTextSplitter(chunk_size=CHUNK, chunk_overlap=OVERLAP, add_start_index=True)


def main(model: Path, home: Path, question: str) -> None:
    """Print the four nearest chunks."""
    for page in open_store(model, home).similarity_search(question, k=4):
        print(page.page_content)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
