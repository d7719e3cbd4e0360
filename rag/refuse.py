"""The sentence with which Temei declines to answer, in ten languages."""

from __future__ import annotations

from collections.abc import Collection

from rag.text.language import question_language

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


def refusal(question: str, languages: Collection[str]) -> str:
    """Return the sentence that declines to answer, in the question's language where there is one, else in English.

    ``languages`` are those of the corpus, which decide where the question is too short to tell.
    """
    return REFUSALS.get(question_language(question, languages), REFUSALS["en"])
