"""Turn training examples into token ids, and group them into batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import torch
from tokenizers import Tokenizer
from torch import Tensor

from eval.fit.reader_examples import Example
from rag.models.unigram import END
from rag.types import Span

LONGEST_QUESTION, LONGEST = 64, 256
"""In tokens; the second of question and passage together, a quarter more than is read when a question is asked."""
PAD = 1


@dataclass(frozen=True, slots=True)
class Tokens:
    """An example as token ids, and the positions of its answer's first and last token (0, 0 for none)."""

    ids: list[int]
    first: int
    last: int


def pair(
    tokenizer: Tokenizer, question: str, text: str, longest: int = LONGEST, mark: str = ""
) -> tuple[list[int], list[Span], int]:
    """Return the ids of a question and a text, the text's tokens' character spans, and where they begin."""
    asked = tokenizer.encode(f"query [{mark}]: {question}" if mark else f"query: {question}").ids[:LONGEST_QUESTION]
    read = tokenizer.encode(f"passage: {text}")
    prefix = len("passage: ")
    places = [(a - prefix, b - prefix) for a, b in read.offsets]
    keep = range(1, len(read.ids) - 1)[: longest - len(asked) - 1]
    ids = [*asked, *(read.ids[i] for i in keep), END]
    return ids, [places[i] for i in keep], len(asked)


def tokenise(tokenizer: Tokenizer, example: Example, longest: int = LONGEST) -> Tokens | None:
    """Return an example as tokens; None where its answer lies beyond the longest input."""
    ids, places, begin = pair(tokenizer, example.question, example.text, longest, example.mark)
    if example.answer is None:
        return Tokens(ids, 0, 0)
    a, b = example.answer
    inside = [i for i, (x, y) in enumerate(places) if x < b and y > a and y > x]
    if not inside or places[-1][1] < b:
        return None
    return Tokens(ids, begin + inside[0], begin + inside[-1])


def batches(tokens: Sequence[Tokens], most: int, random: Random) -> list[list[Tokens]]:
    """Return the examples in batches of like length, at most ``most`` tokens each with padding, in random order."""
    rows = sorted(tokens, key=lambda row: (len(row.ids), random.random()))
    made: list[list[Tokens]] = [[]]
    for row in rows:
        if made[-1] and (len(made[-1]) + 1) * len(row.ids) > most:
            made.append([])
        made[-1].append(row)
    random.shuffle(made)
    return made


def collate(tokens: Sequence[Tokens], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Return ids, mask (both of shape (batch, n)) and the (batch, 2) positions of the answers."""
    n = max(len(row.ids) for row in tokens)
    ids = torch.tensor([row.ids + [PAD] * (n - len(row.ids)) for row in tokens], device=device)
    mask = torch.tensor([[True] * len(row.ids) + [False] * (n - len(row.ids)) for row in tokens], device=device)
    return ids, mask, torch.tensor([(row.first, row.last) for row in tokens], device=device)
