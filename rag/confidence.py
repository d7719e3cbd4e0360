"""Confidence: how likely it is that the sentences chosen answer the question, and the words of a refusal.

A logistic model over what retrieval saw. Its weights were fitted on the XQuAD development questions in Romanian and
English, each asked with its paragraph present, with the paragraph removed, and with its whole article removed.
"""

from __future__ import annotations

import math

from rag.bm25 import Bm25
from rag.language import detect_language
from rag.read import Sentence, passage_overlap
from rag.retrieve import Retrieval

INTERCEPT = -54.26
COSINE, OVERLAP, SAME_LANGUAGE, OVERLAP_IF_SAME = 66.36, 6.546, -6.248, 1.731

REFUSALS = {
    "ro": "Nu găsesc în sursele date un răspuns la această întrebare.",
    "en": "I find no answer to this question in the sources given.",
    "fr": "Je ne trouve pas de réponse à cette question dans les sources fournies.",
    "de": "In den vorliegenden Quellen finde ich keine Antwort auf diese Frage.",
    "es": "No encuentro respuesta a esta pregunta en las fuentes disponibles.",
    "it": "Non trovo una risposta a questa domanda nelle fonti disponibili.",
    "pt": "Não encontro resposta a esta pergunta nas fontes disponíveis.",
    "hu": "A megadott forrásokban nem találok választ erre a kérdésre.",
    "ru": "В имеющихся источниках нет ответа на этот вопрос.",
    "zh": "在所给资料中找不到这个问题的答案。",
}


def confidence(retrieval: Retrieval, ranked: list[Sentence], bm25: Bm25) -> float:
    """Return the probability (0..1) that the best sentences answer the question."""
    if not ranked:
        return 0.0
    best = ranked[0]
    overlap = passage_overlap(retrieval, bm25)
    same = float(detect_language(retrieval.query) == best.hit.passage.language)
    evidence = (
        INTERCEPT + COSINE * best.cosine + OVERLAP * overlap + SAME_LANGUAGE * same + OVERLAP_IF_SAME * overlap * same
    )
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, evidence))))


def refusal(question: str) -> str:
    """Return the sentence that declines to answer, in the question's language where there is one, else English."""
    return REFUSALS.get(detect_language(question), REFUSALS["en"])
