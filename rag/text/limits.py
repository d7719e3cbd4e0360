"""Limits: tell whether a sentence limits the rule of another, as "This does not apply to staff on leave" does.

Two kinds are known: a sentence with a word of exception ("except", "scutiți", "ausgenommen"), and one that says the
same of others and denies it ("Part-time staff do not receive the bonus"). The words are those of the languages of
`rag.text.questions`; in another language no sentence limits another.
"""

from __future__ import annotations

from functools import lru_cache

import regex

from rag.text.language import fold, stem, words

_EXCEPTS = (
    r"cu exceptia|exceptand|excepti[ei]|in afara|nu se aplica|nu (?:este|e|sunt) valabil\p{L}*|scuti[tț]\p{L}*"
    r"|except\p{L}*|exclud(?:ed?|ing)|unless|do(?:es)? not apply|exempt\p{L}*|other than"
    r"|sauf|hormis|a moins que?|ne s.appliquent? pas|exoner\p{L}*"
    r"|ausgenommen|ausnahme\p{L}*|ausser|es sei denn|gilt nicht|gelten nicht|befreit"
    r"|salvo|excepci\p{L}*|excepto|a menos que|no se aplican?|exent[oa]s?"
    r"|eccett\p{L}*|tranne|eccezion\p{L}*|a meno che|non si applican?o?|esent[ei]"
    r"|exceto|excec\p{L}*|nao se aplicam?|isent[oa]s?"
    r"|kiveve|kivetel\p{L}*|nem vonatkozik|nem ervenyes|mentes\p{L}*"
    r"|кроме|исключени\p{L}*|не распространя\p{L}*|не относ\p{L}*|освобожд\p{L}*"
)
_DENIES = (
    r"nu|n-\p{L}+|not|no|never|n't|ne|pas|jamais|nicht|kein\p{L}*|nie|non|nao|nunca|nem|nincs\p{L}*|не|нет|никогда"
)
_EXCEPTION = regex.compile(rf"(?<![\p{{L}}\p{{M}}])(?:{_EXCEPTS})(?![\p{{L}}\p{{M}}])|除外|除了|例外|不适用")
_DENIAL = regex.compile(rf"(?<![\p{{L}}\p{{M}}])(?:{_DENIES})(?![\p{{L}}\p{{M}}])|n't(?!\p{{L}})|[不没未]")
_LONG = 4
"""Letters from which on a word says what a sentence is about."""
ALIKE = 0.5
"""The share of its long words that a denial has in common with what it denies."""


def limits(sentence: str, rule: str, language: str) -> bool:
    """Return whether a sentence limits a rule beside it, both in one language."""
    folded, of_rule = fold(sentence), fold(rule)
    shared = _shared(sentence, rule, language)
    if _EXCEPTION.search(folded) and not _EXCEPTION.search(of_rule):
        return shared > 0
    return bool(_DENIAL.search(folded)) and not _DENIAL.search(of_rule) and shared >= ALIKE


def _shared(sentence: str, rule: str, language: str) -> float:
    """Return the share of the long words of a sentence, by their stems, that stand in the rule as well."""
    mine = _stems(sentence, language)
    return len(mine & _stems(rule, language)) / len(mine) if mine else 0.0


@lru_cache(maxsize=1024)
def _stems(text: str, language: str) -> frozenset[str]:
    return frozenset(stem(word, language) for word in words(text) if len(word) >= _LONG or not word.isascii())
