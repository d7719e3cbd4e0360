"""Fit what tells requests from questions: ``python -m eval.fit.intents FOLDER [FOLDER …]`` writes ``rag/intents.json``.

Each FOLDER has question sets (`eval.fit.reader_sets`): their questions are look-ups, and so are the few words before or
after a comma in them. What is wanted otherwise is in ``eval/data/intents`` (`eval.fit.intent_examples`). A network with
one hidden layer learns from the question's vector, so it knows every language that the encoder knows; what the words
that recur in the examples say of it is added, which sharpens it in the languages of the examples. What it tells in a
language that it was not fitted on is printed with ``--languages``. A question is taken for something else only above a
bound that few of the look-ups pass that the network was not fitted on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
import torch
from numpy.typing import NDArray

from eval.fit.intent_examples import MIXED, examples, look_ups, parts_of, request_words, telling_words
from eval.stats import Doubles
from rag.intent import COURTESIES, PATH, Intent, Wish
from rag.models.embeddings import BundledEmbedder
from rag.settings import Settings
from rag.text.language import fold, words
from rag.types import Floats

HIDDEN = 48
"""Units of the hidden layer; 128 told nothing more (docs/experiments.md, What is no look-up)."""
ROUNDS, BATCH = 10, 256
RATE, DECAY = 0.003, 0.05
"""Rounds through all examples, examples of a step, their rate, and the decay of the weights (AdamW)."""
DROPPED = 0.3
"""Share of the inputs that is left out of each step."""
FALSE_ALARMS = 0.004
"""The share of the held-out look-ups of the question sets that may be taken for something else. Many of them speak to
somebody ("What information do you collect about me?"); of XQuAD's 776 questions none passes the bound then."""
COURTESY = 0.94
"""The bound of a courtesy is no lower: "In China," before a question reaches 0.76, and "Victoria," 0.93."""
PARTS = 5
Weights = tuple[Floats, Floats, Floats]


class _Network(torch.nn.Module):
    def __init__(self, dimension: int, words: int) -> None:
        super().__init__()
        self.dropout = torch.nn.Dropout(DROPPED)
        self.first = torch.nn.Linear(dimension, HIDDEN)
        self.second = torch.nn.Linear(HIDDEN, len(Wish))
        self.words = torch.nn.Linear(words, len(Wish), bias=False)
        torch.nn.init.zeros_(self.words.weight)

    def forward(self, vectors: torch.Tensor, held: torch.Tensor) -> torch.Tensor:
        hidden = torch.relu(self.first(self.dropout(vectors)))
        return torch.Tensor(self.second(hidden) + self.words(self.dropout(held)))


def fit(x: Floats, held: Floats, y: NDArray[np.int64], weight: Doubles, seed: int = 0) -> Weights:
    """Return the two layers of a network that tells wishes and the weights of words, as `rag.intent` keeps them.

    Args:
        x: vectors, shape (n, dimension).
        held: whether each telling word stands in the question, shape (n, words).
        y: numbers of wishes, shape (n,).
        weight: how much each row counts, shape (n,).
    """
    torch.manual_seed(seed)
    net = _Network(x.shape[1], held.shape[1])
    scale = x.shape[1] ** 0.5  # vectors of length 1 become such whose numbers vary by about 1
    rows, of_words, wanted = torch.tensor(x) * scale, torch.tensor(held), torch.tensor(y)
    counts = torch.tensor(weight, dtype=torch.float32)
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY)
    for _ in range(ROUNDS):
        for some in torch.randperm(len(rows)).split(BATCH):
            optimizer.zero_grad()
            lost = torch.nn.functional.cross_entropy(net(rows[some], of_words[some]), wanted[some], reduction="none")
            (lost * counts[some]).mean().backward()
            optimizer.step()
    first, second = (
        np.c_[layer.weight.detach().numpy(), layer.bias.detach().numpy()].astype(np.float32)
        for layer in (net.first, net.second)
    )
    first[:, :-1] *= scale
    return first, second, net.words.weight.detach().numpy().astype(np.float32)


def probabilities(x: Floats, held: Floats, weights: Weights) -> Doubles:
    """Return the probability of each wish, shape (n, wishes)."""
    first, second, of_words = weights
    hidden = np.maximum(x @ first[:, :-1].T + first[:, -1], 0.0)
    scores = hidden @ second[:, :-1].T + second[:, -1] + held @ of_words.T
    likely = np.exp(scores - scores.max(1, keepdims=True))
    return np.asarray(likely / likely.sum(1, keepdims=True), dtype=np.float64)


def held_words(texts: Sequence[str], telling: Sequence[str]) -> Floats:
    """Return whether each word stands in each text, shape (n, words)."""
    place = {word: number for number, word in enumerate(telling)}
    held = np.zeros((len(texts), len(telling)), dtype=np.float32)
    for row, text in enumerate(texts):
        held[row, [place[word] for word in map(fold, words(text)) if word in place]] = 1.0
    return held


def by_intent(likely: Doubles) -> Doubles:
    """Return the probability of each intent, shape (n, intents)."""
    return np.stack([likely[:, [w.intent is i for w in Wish]].sum(1) for i in Intent], axis=1)


def told(likely: Doubles, bound: float) -> NDArray[np.int64]:
    """Return the number of the likeliest other intent where a look-up is unlikely enough, else 0; shape (n,)."""
    return np.where(1 - likely[:, 0] > bound, by_intent(likely)[:, 1:].argmax(1) + 1, 0)


def balanced(y: NDArray[np.int64]) -> Doubles:
    """Return what each row counts: a rarer wish more, but not as much more as it is rarer; shape (n,)."""
    counts = np.bincount(y, minlength=len(Wish)).clip(1)
    return np.asarray(np.sqrt(counts.max() / counts)[y], dtype=np.float64)


def main() -> None:
    """Fit, write the model and print how it does on what it was not fitted on."""
    parser = argparse.ArgumentParser(description="Fit what tells requests from questions.")
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--vectors", type=Path, help="where vectors are kept between runs (.npz)")
    parser.add_argument("--languages", action="store_true", help="measure also without the examples of each language")
    given = parser.parse_args()
    random = Random(0)
    plain, titles = look_ups(given.folders, random)
    written = examples(titles)
    texts = [example.text for example in written] + plain + (parts := parts_of(plain))
    languages = np.array([example.language for example in written] + [MIXED] * (len(plain) + len(parts)))
    wishes = list(Wish)
    y = np.array([wishes.index(example.wish) for example in written] + [0] * (len(plain) + len(parts)))
    x = vectors(texts, given.vectors)
    held = held_words(texts, telling := telling_words(written))
    kinds = list(Intent)
    intent = np.array([kinds.index(wishes[number].intent) for number in y.tolist()])

    held_out = np.zeros((len(texts), len(wishes)))
    part = np.array([random.randrange(PARTS) for _ in texts])
    for number in range(PARTS):
        out = part == number
        held_out[out] = probabilities(x[out], held[out], fit(x[~out], held[~out], y[~out], balanced(y[~out])))
    asked = np.arange(len(texts))[len(written) : len(written) + len(plain)]
    bound = float(np.quantile(1 - held_out[asked, 0], 1 - FALSE_ALARMS))
    polite = held_out[:, [wish in COURTESIES for wish in wishes]].sum(1)
    is_polite = np.array([wishes[number] in COURTESIES for number in y.tolist()])
    courtesy = max(COURTESY, float(np.quantile(polite[~is_polite], 1 - FALSE_ALARMS)))
    print(
        f"bound {bound:.3f}; courtesies: {float((polite[is_polite] > courtesy).mean()):.3f} told, bound {courtesy:.3f}"
    )
    report("held out", held_out, intent, y, bound)
    for language in sorted(set(languages.tolist()) - {MIXED}) if given.languages else ():
        out = languages == language
        weights = fit(x[~out], held[~out], y[~out], balanced(y[~out]))
        report(language, probabilities(x[out], held[out], weights), intent[out], y[out], bound)

    first, second, of_words = fit(x, held, y, balanced(y))
    model = {
        "embedding_model": BundledEmbedder.name,
        "wishes": [str(wish) for wish in wishes],
        "bound": round(bound, 4),
        "courtesy": round(courtesy, 4),
        "request_words": request_words(),
        "first": np.round(first, 3).tolist(),
        "words": dict(zip(telling, np.round(of_words.T, 2).tolist(), strict=True)),
        "second": np.round(second, 3).tolist(),
    }
    PATH.write_text(json.dumps(model) + "\n", encoding="utf-8")
    for text, wanted, found in zip(texts, intent.tolist(), told(held_out, bound).tolist(), strict=True):
        if wanted != found:
            print(f"{kinds[wanted]} -> {kinds[found]}: {text}")


def vectors(texts: Sequence[str], kept: Path | None) -> Floats:
    """Return the vectors of questions, shape (n, dimension), those that are kept and others, which are then kept."""
    known: dict[str, Floats] = {}
    if kept is not None and kept.exists():
        stored = np.load(kept, allow_pickle=False)
        known = dict(zip(stored["texts"].tolist(), stored["vectors"], strict=True))
    embedder = BundledEmbedder(Settings().home / "models")
    for text in texts:
        if text not in known:
            known[text] = embedder.encode_query(text)
    if kept is not None:
        np.savez(kept, texts=np.array(list(known)), vectors=np.stack(list(known.values())))
    return np.stack([known[text] for text in texts])


def report(name: str, likely: Doubles, intent: NDArray[np.int64], y: NDArray[np.int64], bound: float) -> None:
    """Print what share of each intent is told, and of those how many are told in particular."""
    found, wishes = told(likely, bound), list(Wish)
    line = []
    for number, kind in enumerate(Intent):
        some = intent == number
        if some.any():
            of_kind = np.array([wish.intent is kind for wish in wishes])
            exact = np.where(of_kind, likely, -1).argmax(1) == y
            line.append(f"{kind} {float((found == number)[some].mean()):.3f} ({float(exact[some].mean()):.2f})")
    print(f"{name}: {', '.join(line)}")


if __name__ == "__main__":
    main()
