"""Answer a question with the default settings: the shortest way to call Temei."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from rag.asked import History
from rag.chain import Temei
from rag.filters import Where
from rag.types import Answer


@cache
def default_chain() -> Temei:
    """Return the chain with the settings of the environment, opened once in each process."""
    return Temei()


def answer(
    question: str, history: History = (), document_ids: Sequence[str] | None = None, where: Where | None = None
) -> Answer:
    """Answer a question with the default settings; the first call opens the model and the index.

    See `Temei.answer` for arguments and errors. With the article that comes with the project:

    >>> from rag import answer
    >>> a = answer("When was the letter of congratulation sent?")
    >>> a.abstained, len(a.citations) > 0
    (False, True)
    """
    return default_chain().answer(question, history, document_ids, where)
