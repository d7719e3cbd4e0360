"""Questions answered from a set of articles, each answer quoting the exact words it stands on."""

from typing import TYPE_CHECKING

from rag.exports import on_demand

if TYPE_CHECKING:
    from rag.chain import Temei
    from rag.default_chain import answer
    from rag.errors import TemeiError
    from rag.langchain import TemeiRetriever, as_runnable, as_tool
    from rag.library import Added
    from rag.settings import Settings
    from rag.types import Answer, Citation, Document, DocumentRecord, Hit, LookedIn, Passage, ShortAnswer, Turn
else:
    __getattr__, __dir__ = on_demand(
        __name__,
        {
            "Added": "library",
            "Answer": "types",
            "Citation": "types",
            "Document": "types",
            "DocumentRecord": "types",
            "Hit": "types",
            "LookedIn": "types",
            "Passage": "types",
            "Settings": "settings",
            "ShortAnswer": "types",
            "Temei": "chain",
            "TemeiError": "errors",
            "TemeiRetriever": "langchain",
            "Turn": "types",
            "answer": "default_chain",
            "as_runnable": "langchain",
            "as_tool": "langchain",
        },
    )

__all__ = [
    "Added",
    "Answer",
    "Citation",
    "Document",
    "DocumentRecord",
    "Hit",
    "LookedIn",
    "Passage",
    "Settings",
    "ShortAnswer",
    "Temei",
    "TemeiError",
    "TemeiRetriever",
    "Turn",
    "answer",
    "as_runnable",
    "as_tool",
]
