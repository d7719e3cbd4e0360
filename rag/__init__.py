"""Questions answered from a set of articles, each answer quoting the exact words it stands on."""

from rag.chain import Temei
from rag.default_chain import answer
from rag.errors import TemeiError
from rag.settings import Settings
from rag.types import Answer, Citation, Document, DocumentRecord, Hit, Passage, ShortAnswer, Turn

__all__ = [
    "Answer",
    "Citation",
    "Document",
    "DocumentRecord",
    "Hit",
    "Passage",
    "Settings",
    "ShortAnswer",
    "Temei",
    "TemeiError",
    "Turn",
    "answer",
]
