"""Find the directions of language in the embeddings: ``python -m eval.fit.language_bias DATA``.

The result is ``rag/language_bias.npz``. Django translates its messages into some eighty languages. The direction of a
language is the mean, over these messages, of the vector of its translation minus the mean vector of all translations.
`rag.models.language_bias` removes the strongest of these directions from vectors. DATA is a folder of SQuAD-format
files; their questions give the mean of questions, and their answers and passages are not used.
"""

from __future__ import annotations

import argparse
import gettext
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from random import Random

import numpy as np

from eval.fit.reader_sets import read_set
from rag.models.e5 import open_encoder
from rag.models.embeddings import PASSAGE_PREFIX, QUERY_PREFIX
from rag.models.language_bias import PATH, LanguageBias
from rag.settings import Settings
from rag.types import Floats

Encode = Callable[[str], Floats]
"""From a text with its prefix to its unit vector as the model gives it."""

RANK = 16
"""Directions of language that are taken out (docs/experiments.md: 16 beside 8 and others)."""
MESSAGES, LEAST = 120, 60
"""The messages with the most translations that are used, and how many of them a language must have."""
FILES = ("new_wiki", "tydiqa-en", "reddit", "amazon_reviews", "tquad-train", "jaquad")
"""Of the reader's data; the sample of questions comes from these."""
QUESTIONS = 150
"""Questions of each file."""

_HOLE = re.compile(r"%\(\w+\)[sd]|%[sd]|\{[^}]*\}")


def messages(folder: Path) -> dict[str, dict[str, str]]:
    """Return by language the translations of Django's messages of three words or more."""
    found: dict[str, dict[str, str]] = {"en": {}}
    for path in sorted(folder.glob("**/locale/*/LC_MESSAGES/django.mo")):
        with path.open("rb") as stream:
            catalogue: Mapping[object, str] = gettext.GNUTranslations(stream)._catalog  # type: ignore[attr-defined]
        for key, value in catalogue.items():
            message, text = (_plain(part) for part in (key[0] if isinstance(key, tuple) else str(key), value))
            if text and "\x04" not in message and len(message.split()) >= 3 and len(message) < 150:
                # A language's variants ("es_AR") count as one, those of Chinese and Serbian too.
                found.setdefault(path.parts[-3].split("_")[0], {}).setdefault(message, text)
                found["en"][message] = message
    return found


def _plain(text: str) -> str:
    return " ".join(_HOLE.sub("", text).split())


def directions(vectors: Mapping[str, Mapping[str, Floats]], rank: int = RANK) -> Floats:
    """Return the strongest directions, shape (rank, dimension), of vectors by language and message."""
    by_message: dict[str, list[Floats]] = {}
    for own in vectors.values():
        for message, vector in own.items():
            by_message.setdefault(message, []).append(vector)
    mean = {message: np.mean(some, axis=0) for message, some in by_message.items()}
    centres = [np.mean([vector - mean[m] for m, vector in own.items()], axis=0) for own in vectors.values()]
    return np.asarray(np.linalg.svd(np.stack(centres), full_matrices=False)[2][:rank], dtype=np.float32)


def questions(folder: Path) -> list[str]:
    """Return a sample of the questions of every file."""
    random = Random(0)
    sample: list[str] = []
    for name in FILES:
        some = sorted({question.text for question in read_set(folder / f"{name}.json.gz")})
        sample += random.sample(some, min(QUESTIONS, len(some)))
    return sample


def fit(translated: Mapping[str, Mapping[str, str]], asked: Sequence[str], encode: Encode) -> LanguageBias:
    """Return the bias to remove from vectors, from translated messages and a sample of questions."""
    counts = Counter(message for own in translated.values() for message in own)
    commonest = sorted(counts, key=lambda message: (-counts[message], message))[:MESSAGES]
    vectors = {
        language: {message: encode(PASSAGE_PREFIX + own[message]) for message in commonest if message in own}
        for language, own in sorted(translated.items())
        if sum(message in own for message in commonest) >= LEAST
    }
    print(f"{len(vectors)} languages: {' '.join(vectors)}")
    found = LanguageBias(directions(vectors), np.zeros(0, dtype=np.float32))
    mean = np.mean([found.passage(encode(QUERY_PREFIX + question)) for question in asked], axis=0)
    return LanguageBias(found.directions, np.asarray(mean, dtype=np.float32))


def main() -> None:
    """Find the directions and write them to the file."""
    parser = argparse.ArgumentParser(description="Find the directions of language in the embeddings.")
    parser.add_argument("data", type=Path)
    given = parser.parse_args()
    django = find_spec("django")
    if django is None or django.origin is None:
        raise SystemExit("Django's translations are needed; run: pip install -e '.[train]'")
    encoder = open_encoder(Settings().home / "models", print)
    bias = fit(
        messages(Path(django.origin).parent),
        questions(given.data),
        lambda text: encoder.encode(encoder.tokenizer.encode(text).ids),
    )
    half = np.float16
    np.savez_compressed(PATH, directions=bias.directions.astype(half), question=bias.question.astype(half))
    print(f"{PATH}: {bias.directions.shape[0]} directions")


if __name__ == "__main__":
    main()
