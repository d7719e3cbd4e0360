"""Ask the questions of a set for passages alone, as the chain would, before anything is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from eval.corpus import Advance, open_corpus
from eval.runner import asked_before, searched
from eval.sets.dataset import Dataset, Example
from rag.asked import accept
from rag.calibration import Calibration
from rag.errors import DatasetError, QuestionError
from rag.models.embeddings import Embedder
from rag.models.word_rarity import WordRarity
from rag.retrieve import Retrieval, retrieve
from rag.settings import Settings


def retrievals(
    dataset: Dataset,
    settings: Settings,
    embedder: Embedder,
    calibration: Calibration,
    *,
    report: Callable[[str], None] = lambda line: None,
    advance: Advance = lambda what, done, total: None,
) -> Iterator[tuple[Example, Retrieval]]:
    """Yield every question with what is retrieved for it, after the questions that it follows.

    Raises:
        DatasetError: a question cannot be asked.
    """
    # No language model: confidence is decided before one is asked.
    plain = settings.model_copy(update={"chat_model": ""})
    temei = open_corpus(dataset, plain, embedder=embedder, calibration=calibration, report=report, advance=advance)
    rarity = WordRarity.of(embedder)
    for number, example in enumerate(dataset.examples):
        advance("asking", number, len(dataset.examples))
        ids, most = searched(dataset, example), max(settings.candidates, settings.top_k)
        try:
            turns = asked_before(example, temei, ids)
            query = accept({"question": example.question, "history": turns}, temei.settings, rarity).standalone
        except QuestionError as error:
            raise DatasetError(f"{example.id}: {error}") from error
        yield example, retrieve(temei.index, query, count=settings.top_k, candidates=most, document_ids=ids)
    advance("asking", len(dataset.examples), len(dataset.examples))
    temei.index.close()
