"""Checking: find out whether the sentences that a generated statement cites support it.

The numbers, months and names of the statement must stand in them, its meaning must be near theirs, and it must be in
the question's language. The check cannot see a statement that reverses the meaning with the same words ("did not
send"). ``docs/experiments.md`` has the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
import regex

from rag.models.embeddings import BUNDLED, Embedder
from rag.models.word_rarity import WordRarity
from rag.read import Sentence
from rag.text.language import language_share
from rag.text.numbers_names import latin_words, mentions, months, named, values

MEANING = 0.88
"""Least cosine, with the bundled embedding model, of a statement and what it cites."""

RELEVANCE = 0.06
"""A cited sentence may be this much further from the question, by the bundled model, than the best of those shown."""

NEARER_THAN_REST = 0.03
"""With another embedding model: how much nearer a statement must be to what it cites than to the rest, on average."""

OTHER_LANGUAGE = 0.1
"""A statement that is less likely than this in the question's language is in another one."""

MOST_CITED = 3
"""Sentences that a statement may cite; of more, the nearest in meaning count."""

_NAME = regex.compile(r"\p{Lu}[\p{L}\p{M}]*(?:['’-]\p{L}[\p{L}\p{M}]*)*")
_POSSESSIVE = regex.compile(r"['’]s?$")
_LINK = regex.compile(r"https?:|www\.|\]\s*\(|<\s*[a-z/!?]|javascript:|data:[a-z]|mailto:|!\[", flags=regex.IGNORECASE)
_OTHER_SCRIPT = regex.compile(r"[^\P{L}\p{Latin}\p{Cyrillic}]")
_CASED_NOUNS = "de"


class Lack(StrEnum):
    """What a statement lacks to be supported."""

    GROUND = "ground"
    LANGUAGE = "language"
    LINK = "link"
    NUMBER = "number"
    MONTH = "month"
    NAME = "name"
    RELEVANCE = "relevance"
    MEANING = "meaning"


class Check:
    """The check of statements, with the embedding model and the vocabulary it needs."""

    def __init__(self, embedder: Embedder, rarity: WordRarity) -> None:
        self._embedder = embedder
        self._rarity = rarity

    def nearest(self, statement: str, cited: Sequence[Sentence]) -> tuple[list[Sentence], float]:
        """Return the at most `MOST_CITED` cited sentences nearest in meaning, in order, and how near they are.

        The cosine is that of the nearest, or of them all together where that is nearer.
        """
        vectors = self._embedder.encode_passages([statement, *(s.text for s in cited)])
        cosines = vectors[1:] @ vectors[0]
        kept = sorted(np.argsort(-cosines, kind="stable")[:MOST_CITED])
        near = float(cosines.max())
        if len(kept) > 1:
            together = self._embedder.encode_passages([" ".join(cited[at].text for at in kept)])[0]
            near = max(near, float(together @ vectors[0]))
        return [cited[at] for at in kept], near

    def lack(
        self, statement: str, cited: Sequence[Sentence], language: str, shown: Sequence[Sentence]
    ) -> tuple[Lack | None, list[Sentence]]:
        """Return what a statement in ``language`` lacks, None where it is supported, and the sentences that count.

        Args:
            cited: the sentences that it cites.
            shown: all sentences that the model saw.
        """
        if not cited:
            return Lack.GROUND, []
        if self._embedder.name == BUNDLED:
            # What is far from the question answers nothing, however faithfully it is repeated.
            best = max(sentence.cosine for sentence in shown)
            cited = [sentence for sentence in cited if sentence.cosine >= best - RELEVANCE]
        if not cited:
            return Lack.RELEVANCE, []
        if language_share(statement, language) < OTHER_LANGUAGE:
            return Lack.LANGUAGE, list(cited)
        kept, near = self.nearest(statement, cited)
        quoted = " ".join(sentence.text for sentence in kept)
        if any(mark not in quoted for mark in _LINK.findall(statement)):
            return Lack.LINK, kept
        known = values(quoted)
        if any(not mention & known for mention in mentions(statement, language)):
            return Lack.NUMBER, kept
        if not months(statement, certain=True) <= months(quoted):
            return Lack.MONTH, kept
        if not self._names_stand(statement, quoted, language, {s.hit.passage.language for s in kept}):
            return Lack.NAME, kept
        if self._embedder.name != BUNDLED:
            return (None if self._is_apart(statement, near, cited, shown) else Lack.MEANING), kept
        return (Lack.MEANING if near < MEANING else None), kept

    def _is_apart(self, statement: str, near: float, cited: Sequence[Sentence], shown: Sequence[Sentence]) -> bool:
        """Return whether a statement is nearer to what it cites than to the rest; every model has its own scale."""
        rest = [sentence.text for sentence in shown if sentence not in cited]
        if len(rest) < 2:
            return True
        vectors = self._embedder.encode_passages([statement, *rest])
        return near >= float((vectors[1:] @ vectors[0]).mean()) + NEARER_THAN_REST

    def _names_stand(self, statement: str, quoted: str, language: str, languages: set[str]) -> bool:
        """Return whether the names of a statement stand in what it cites.

        In one language every capitalised word but the first must. Between languages, and for the first word, only
        those must that are more usual with a capital than without: names that are translated are made of common words.
        """
        if _OTHER_SCRIPT.search(quoted):
            return True  # written in letters that ours cannot be compared with
        same = languages == {language}
        for match in _NAME.finditer(statement):
            name = _POSSESSIVE.sub("", match.group())
            if len(name) < 2 or months(name) or regex.fullmatch("[IVX]+", name):
                continue
            first = not regex.search(r"[\p{L}\p{N}]", statement[: match.start()])
            if (first or not same or language == _CASED_NOUNS) and not self._rarity.is_name(name):
                continue
            if latin_words(name) and not named(name, quoted, same_language=same):
                return False
        return True
