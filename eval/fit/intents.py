"""Fit what tells requests from questions: ``python -m eval.fit.intents FOLDER [FOLDER …]`` writes ``rag/intents.json``.

Each FOLDER has question sets (`eval.fit.reader_sets`): their questions are look-ups. What is not a look-up is in
``eval/data/intents``, a file for each intent (``answer.txt`` has follow-ups) and a line for each example; ``{}`` in a
line stands for a title of the written documents. A ridge regression on the intent learns from the question's vector
alone, so it knows every language that the encoder knows. A question is taken for something else only above a bound that
at most four look-ups in ten thousand pass, of those that the model was not fitted on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

from eval.fit.reader_sets import WRITTEN, names, read_set
from eval.stats import Doubles
from rag.intent import PATH, Intent
from rag.models.embeddings import BundledEmbedder
from rag.settings import Settings
from rag.types import Floats

EXAMPLES = Path(__file__).resolve().parents[1] / "data" / "intents"
LOOK_UPS = 8_000
"""Questions that are taken as look-ups, the written ones half of them."""
TITLES = 12
"""Titles that stand for ``{}`` in each line."""
FALSE_ALARMS = 0.0004
"""The share of the held-out look-ups that may be taken for something else, for each intent."""
RIDGE = 0.3
"""Penalty on the squared coefficients. Of 0.3 to 10 it finds most at that rate of false alarms."""
WRITTEN_WEIGHT = 3.0
"""What a look-up of ``answer.txt`` counts beside one of a question set: it looks like something else."""
PARTS = 5


def examples(titles: Sequence[str], random: Random) -> list[tuple[str, Intent]]:
    """Return the examples of what is not a look-up."""
    found = []
    for intent in Intent:
        path = EXAMPLES / f"{intent}.txt"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        for line in filter(None, lines):
            fillings = random.sample(titles, TITLES) if "{}" in line else [""]
            found += [(line.replace("{}", title), intent) for title in fillings]
    return found


def look_ups(folders: Sequence[Path], random: Random) -> tuple[list[str], list[str]]:
    """Return questions that are look-ups, and the titles of the written documents."""
    written: list[str] = []
    others: list[str] = []
    titles: set[str] = set()
    for name, path in names(folders).items():
        for question in read_set(path):
            if name.startswith(WRITTEN):
                written.append(question.text)
                titles.add(question.heading.split(" › ")[0])
            else:
                others.append(question.text)
    chosen = [random.sample(some, min(len(some), LOOK_UPS // 2)) for some in (written, others)]
    return [question for some in chosen for question in some], sorted(titles)


def fit(x: Floats, y: Doubles, weight: Doubles) -> Doubles:
    """Return the coefficients of a ridge regression on which intent it is, shape (dimension + 1, intents).

    Args:
        x: vectors, shape (n, dimension).
        y: shape (n, intents).
        weight: how much each row counts, shape (n,).
    """
    full = np.c_[x, np.ones(len(x))].astype(np.float64)
    weighted = full * weight[:, None]
    return np.asarray(np.linalg.solve(full.T @ weighted + RIDGE * np.eye(full.shape[1]), weighted.T @ y))


def scores(x: Floats, beta: Doubles) -> Doubles:
    """Return the score of each intent, shape (n, intents)."""
    return np.asarray(np.c_[x, np.ones(len(x))] @ beta, dtype=np.float64)


def told(score: Doubles, bounds: Doubles) -> NDArray[np.int64]:
    """Return the number of the likeliest intent where its score is above its bound, else 0; shape (n,)."""
    best = score.argmax(1)
    return np.where(score[np.arange(len(score)), best] > bounds[best], best, 0)


def main() -> None:
    """Fit, write the model and print how it does on what it was not fitted on."""
    parser = argparse.ArgumentParser(description="Fit what tells requests from questions.")
    parser.add_argument("folders", type=Path, nargs="+")
    given = parser.parse_args()
    random = Random(0)
    plain, titles = look_ups(given.folders, random)
    other = examples(titles, random)
    kinds = list(Intent)
    texts = [*plain, *(text for text, _ in other)]
    y = [kinds.index(Intent.LOOK_UP)] * len(plain) + [kinds.index(intent) for _, intent in other]
    embedder = BundledEmbedder(Settings().home / "models")
    x = np.stack([embedder.encode_query(text) for text in texts])
    wanted = np.array(y)
    counts = np.bincount(wanted, minlength=len(kinds))
    weight = np.where(wanted == 0, 1.0, np.sqrt(counts[0] / len(kinds) / counts)[wanted])
    weight[len(plain) :][wanted[len(plain) :] == 0] = WRITTEN_WEIGHT
    part = np.array([random.randrange(PARTS) for _ in texts])
    held_out = np.zeros((len(texts), len(kinds)))
    for number in range(PARTS):
        out = part == number
        held_out[out] = scores(x[out], fit(x[~out], np.eye(len(kinds))[wanted[~out]], weight[~out]))
    bounds = np.quantile(held_out[wanted == 0], 1 - FALSE_ALARMS, axis=0)
    found = told(held_out, bounds)
    beta = fit(x, np.eye(len(kinds))[wanted], weight)
    model = {
        "embedding_model": embedder.name,
        "kinds": [str(kind) for kind in kinds],
        "bounds": np.round(bounds, 4).tolist(),
        "intercept": np.round(beta[-1], 4).tolist(),
        "weights": np.round(beta[:-1].T, 4).tolist(),
    }
    PATH.write_text(json.dumps(model) + "\n", encoding="utf-8")
    for name, count, one in zip(kinds, counts.tolist(), range(len(kinds)), strict=True):
        right = float((found[wanted == one] == one).mean())
        print(f"{name}: {count} examples, {right:.4f} told, bound {bounds[one]:.4f}")
    for text, one, other_ in zip(texts, y, found.tolist(), strict=True):
        if one != other_:
            print(f"{kinds[one]} -> {kinds[other_]}: {text}")


if __name__ == "__main__":
    main()
