"""Questions that ask for every item: "Which documents …", "Care sunt …", "Quelles sont les étapes …"."""

from __future__ import annotations

import regex

from rag.text.language import fold

# Folded.
_WORDS = {
    "ro": r"care (?:sunt|erau|au fost|vor fi|dintre)|cine (?:sunt|erau|au fost)"
    r"|ce (?!este|e|ce|se|ne|te|le|ii|va|re|trebuie|poate|parte|ora|pret|data|lege|vine|fel)\p{L}{2,14}[ei]"
    r"|enumera\p{L}*|insira\p{L}*|lista\p{L}*|toate|toti|pasii|etapele|motivele|conditiile|actele|documentele",
    "en": r"(?:what|which|who) (?:are|were)|all(?: of)? the|what kinds? of|steps|ways|reasons"
    r"|(?:what|which) (?:\p{L}{2,14} ){0,2}\p{L}{2,14}(?<!s)s(?<!this|was|is|does|has)"
    r"|^(?:list|name|enumerate)",
    "de": r"welche|was sind|wer sind|nenne\p{L}*|zahle?n? .{1,60} auf|alle",
    "fr": r"(?:les)?quel(?:le)?s|enumere[rz]?|listez?|citez?|tous les|toutes les",
    "es": r"cuales|que \p{L}{2,16}[aeo]s|quienes|enumer\p{L}+|todos|todas",
    "it": r"quali|chi sono|elenca\p{L}*|tutti|tutte",
    "pt": r"quais|quem sao|listar?",
    "hu": r"melyek|milyen \p{L}{2,16}k|sorol\p{L}*|kik|mik|osszes",
    "pl": r"jakie|które|którzy|wymien\p{L}*|wszystkie",
    "nl": r"welke|noem|wat zijn|alle",
    "ru": r"какие|которые|перечисл\p{L}+|назови\p{L}*|все",
}
_ALL = regex.compile(rf"(?<!\p{{L}})(?:{'|'.join(_WORDS.values())})(?!\p{{L}})|哪些|列出|有什么|どんな|何があり")


def asks_for_all(question: str) -> bool:
    """Return whether the words of a question ask for several things."""
    return bool(_ALL.search(fold(question)))
