"""Induce a bilingual lexicon with the bundled model, for training across languages.

The most frequent words of each language (`wordfreq`) are embedded one by one and centred by language. Two words are
paired where each is the nearest of the other by cross-domain similarity local scaling (Conneau et al., 2018). No
dictionary and no parallel text is used. Words are replaced as in CoSDA (Qin et al., 2020).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from random import Random

import numpy as np
import regex

from rag.models.embeddings import Embedder
from rag.types import Floats

Lexicon = Mapping[str, Mapping[str, str]]
"""Target language -> source word in lower case -> its translation."""

LANGUAGES = ("ro", "es", "de", "fr", "ru", "el", "ar", "hi", "tr", "vi", "zh", "hu")
COMMONEST = 6000
NEIGHBOURS = 10
MIN_SIMILARITY = 0.05
"""Twice the cosine less the mean cosines to the neighbours on both sides: below it a pair is not trusted."""

_WORD = regex.compile(r"\p{L}{3,}")


def words_of(texts: Iterable[str], most: int) -> list[str]:
    """Return the commonest words (three letters or more, lower case) of texts."""
    counts: dict[str, int] = {}
    for text in texts:
        for word in _WORD.findall(text.lower()):
            counts[word] = counts.get(word, 0) + 1
    return sorted(counts, key=lambda word: (-counts[word], word))[:most]


def induce(sources: list[str], targets: list[str], embed: Callable[[list[str]], Floats]) -> dict[str, str]:
    """Return the trusted translations of source words."""
    a, b = _centred(embed(sources)), _centred(embed(targets))
    cosines = a @ b.T
    near_a = np.sort(cosines, axis=1)[:, -NEIGHBOURS:].mean(axis=1)
    near_b = np.sort(cosines, axis=0)[-NEIGHBOURS:].mean(axis=0)
    scaled = 2 * cosines - near_a[:, None] - near_b[None]
    forth, back = scaled.argmax(axis=1), scaled.argmax(axis=0)
    return {
        word: targets[there]
        for row, (word, there) in enumerate(zip(sources, forth, strict=True))
        if back[there] == row and scaled[row, there] >= MIN_SIMILARITY
    }


def _centred(vectors: Floats) -> Floats:
    centred = vectors - vectors.mean(axis=0)
    return np.asarray(centred / np.linalg.norm(centred, axis=1, keepdims=True), dtype=np.float32)


def open_lexicon(path: Path, sources: list[str], embedder: Embedder) -> Lexicon:
    """Return the lexicon from the source words into every language, made once and kept at ``path``."""
    if path.exists():
        stored: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
        return stored
    from wordfreq import top_n_list

    made = {}
    known: dict[tuple[str, ...], Floats] = {}

    def embed(words: list[str]) -> Floats:
        key = tuple(words)
        if key not in known:
            known[key] = embedder.encode_passages(words)
        return known[key]

    for language in LANGUAGES:
        targets = [word for word in top_n_list(language, 2 * COMMONEST) if regex.fullmatch(r"[\p{L}\p{M}]{2,}", word)]
        made[language] = induce(sources, targets[:COMMONEST], embed)
    path.write_text(json.dumps(made, ensure_ascii=False), encoding="utf-8")
    return made


def switch(text: str, translations: Mapping[str, str], share: float, random: Random) -> str:
    """Return the text with about that share of its words replaced by their translations, capitals kept."""

    def replace(match: regex.Match[str]) -> str:
        word = match.group()
        other = translations.get(word.lower())
        if other is None or random.random() >= share:
            return word
        return other.capitalize() if word[0].isupper() else other

    return _WORD.sub(replace, text)
