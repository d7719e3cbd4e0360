"""Questions: find out what a question word asks for, whether a text holds such a thing, and whether a text asks."""

from __future__ import annotations

from enum import StrEnum

import regex

from rag.text.language import fold
from rag.text.number_words import AMOUNTS, DATED


class Wanted(StrEnum):
    """The kind of answer that a question word asks for."""

    DATE = "date"
    NUMBER = "number"
    PERSON = "person"


# Folded (lower case, no diacritics), in Romanian, English, French, German, Spanish, Italian, Portuguese, Hungarian,
# Russian and Chinese; a question in another language wants nothing in particular.
_DATE = (
    r"cand|in ce (?:an|zi|luna|data|secol|perioada|deceniu|moment)|(?:din|pe|de la) ce (?:an|zi|data)|ce (?:an|data|zi)"
    r"|when|(?:what|which) (?:year|date|day|month|century|decade)|quand|en quelle annee|quel jour|quelle date"
    r"|wann|in welchem jahr|an welchem tag|seit wann|cuando|en que (?:ano|fecha|dia|siglo)|quando|in che anno"
    r"|em que ano|mikor|melyik (?:evben|napon)|mely evben|когда|в каком году"
)
_NUMBER = (
    r"cat(?:i|e|a|ului|or)?|ce (?:procent|procentaj|numar)|how (?:many|much|old|long|far|tall|high|large|big)"
    r"|what (?:number|percentage|percent)|combien|wie ?viele?|wie (?:lange|alt|gross|hoch|weit)|cuant[oa]s?"
    r"|quant[oaie]s?|hany|mennyi|hanyan|сколько"
)
_PERSON = (
    r"cine|(?:pe|cu|de|la) cine|(?:al|a|ai|ale) cui|cui|who|whose|whom|qui|wer|wen|wem|wessen|quien(?:es)?|chi|quem"
)
_PERSON += r"|ki|kik|kit|kinek|кто|кого|кому"

_PATTERNS = {
    wanted: regex.compile(rf"(?<![\p{{L}}\p{{M}}])(?:{words})(?![\p{{L}}\p{{M}}])|(?:{cjk})")
    for wanted, words, cjk in (
        (Wanted.NUMBER, _NUMBER, "多少|几个|几位|几次|几页|多大|多长"),
        (Wanted.DATE, _DATE, "什么时候|何时|哪一?天|哪一?年|几月|几号"),
        (Wanted.PERSON, _PERSON, "谁|哪位"),
    )
}
_NOT_AMOUNTS = regex.compile(r"cat de curand|cat timp in urma|cat priveste|cat si|atat cat|how come")

_WHEN = regex.compile(
    rf"\p{{N}}|(?<!\p{{L}})(?:{'|'.join(sorted(DATED))})(?!\p{{L}})|[年月日]"
    r"|secol|century|siecle|siglo|jahrhundert|szazad"
)
_AMOUNT = regex.compile(
    rf"\p{{N}}|(?<!\p{{L}})(?:{'|'.join(sorted(AMOUNTS))})(?!\p{{L}})|[一二三四五六七八九十百千万亿]"
)
_NAME = regex.compile(r"(?<=\p{Ll}[\p{P}]?[ \u00a0][\p{P}]?|[,;:] )\p{Lu}\p{L}+")
_CASED = regex.compile(r"\p{Lu}|\p{Ll}")
_ASKS = regex.compile(r"[?？؟՞⸮][\p{P}\p{S}\s]*$|\p{Greek}[;\u037e][\p{P}\s]*$")
"""A question mark at the end, in Greek a semicolon."""
LAST = 80
"""Characters of a sentence that its end is looked for in."""


def wanted(question: str) -> Wanted | None:
    """Return what the question's first question word asks for, or None where it asks for something else."""
    folded = _NOT_AMOUNTS.sub(" ", fold(question))
    found = [(match.start(), kind) for kind, pattern in _PATTERNS.items() if (match := pattern.search(folded))]
    return min(found)[1] if found else None


def holds(text: str, kind: Wanted) -> bool:
    """Return whether a text holds a thing of that kind: a date or number in figures or words, a capitalised name."""
    if kind is Wanted.PERSON:
        return not _CASED.search(text) or bool(_NAME.search(text))
    return bool((_WHEN if kind is Wanted.DATE else _AMOUNT).search(fold(text)))


def asks(text: str) -> bool:
    """Return whether a sentence ends as a question."""
    return bool(_ASKS.search(text[-LAST:]))
