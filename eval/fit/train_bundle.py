"""Train the reader from a bundle: ``python -m eval.fit.train_bundle BUNDLE.npz TRAINED.npz --seconds 480``.

It takes PyTorch and numpy alone, and a GPU where there is one. Examples are made as `eval.fit.reader_examples` makes
them, from token ids and in the shares that stand in the bundle: of a question that has an answer half stand with its
own passage, the others with one that retrieval brings up, with its own without the answer's sentence, or as a question
that was changed. Training begins with the bundled encoder; the rate rises, stays, and falls over the last third of the
time or of the examples.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from eval.fit.reader_mixture import Mixture
from eval.fit.reader_model import Reader, loss_of, open_optimiser

START, PAD, END = 0, 1, 2
"""XLM-R's special tokens, which are the first rows of the table."""
NONE = -1
FILE, ASKED, TURNED, TYPED, PASSAGE, HEADING, FIRST, LAST, CUT_FIRST, CUT_LAST, NEGATIVE = range(11)
"""The columns of a bundle's questions; the negatives are the last six."""
LONGEST = 256
CROPS = (100, 160, 160, 220)
"""In tokens."""

Ids = NDArray[np.int64]


class Bundle:
    """The arrays of a bundle, and the encoder in it as the model asks for it."""

    def __init__(self, path: Path) -> None:
        with np.load(path) as stored:
            self.arrays: dict[str, NDArray[Any]] = {name: stored[name] for name in stored.files}
        self.hidden, self.layers, self.heads, self.feed_forward = (int(size) for size in self.arrays["sizes"])
        self.questions = self.arrays["questions"]
        self.prefix: Ids = self.arrays["prefix"].astype(np.int64)
        self._texts = {name: self._read(name) for name in ("asked", "passages", "headings")}
        by_file = [np.flatnonzero(self.questions[:, FILE] == file) for file in range(len(self.arrays["shares"]))]
        self.by_file = [rows for rows in by_file if len(rows)]
        parts = np.array([part for part, rows in zip(self.arrays["shares"], by_file, strict=True) if len(rows)])
        self.shares = parts / parts.sum()
        self.mixture = Mixture(**json.loads(str(self.arrays["mixture"])))

    def _read(self, name: str) -> tuple[Ids, Ids]:
        ids = self.arrays[f"{name}.low"].astype(np.int64) | (self.arrays[f"{name}.high"].astype(np.int64) << 16)
        return ids, np.concatenate([[0], self.arrays[f"{name}.ends"]]).astype(np.int64)

    def text(self, name: str, number: int) -> Ids:
        """Return the token ids of a text."""
        ids, ends = self._texts[name]
        return ids[ends[number] : ends[number + 1]]

    def tensor(self, name: str) -> NDArray[np.float32]:
        """Return a named tensor as fp32, one dimension."""
        stored = self.arrays[f"weight {name}"]
        if stored.dtype != np.uint8:
            return stored.astype(np.float32)
        blocks = stored.reshape(-1, 18)  # an fp16 scale and 16 bytes of two 4-bit values each
        low, high = (blocks[:, 2:] & 15).astype(np.int8) - 8, (blocks[:, 2:] >> 4).astype(np.int8) - 8
        scale = np.ascontiguousarray(blocks[:, :2]).view("<f2").astype(np.float32)
        return (np.concatenate([low, high], axis=1).astype(np.float32) * scale).reshape(-1)

    def matrix(self, name: str, inputs: int) -> NDArray[np.float32]:
        return self.tensor(name).reshape(-1, inputs)


@dataclass(frozen=True, slots=True)
class Row:
    """An example as rows of the word table, and the positions of its answer's first and last token (0, 0 for none)."""

    ids: Ids
    first: int
    last: int


def example(bundle: Bundle, number: int, random: np.random.Generator) -> Row:
    """Return one example of a question."""
    row = bundle.questions[number]
    asked, passage, first, last = int(row[ASKED]), int(row[PASSAGE]), int(row[FIRST]), int(row[LAST])
    negatives = row[NEGATIVE:][row[NEGATIVE:] != NONE]
    answered, cut = last > first, (0, 0)
    mixture, written = bundle.mixture, bool(bundle.arrays["written"][row[FILE]])
    removed = mixture.retrieved + mixture.removed
    if answered and random.random() < (mixture.written_retrieved if written else mixture.no_answer):
        die = 0.0 if written else random.random()
        if die < mixture.retrieved and len(negatives):
            passage, answered = int(random.choice(negatives)), False
        elif mixture.retrieved <= die < removed and row[CUT_LAST] > row[CUT_FIRST]:
            cut, answered = (int(row[CUT_FIRST]), int(row[CUT_LAST])), False
        elif die >= removed and row[TURNED] != NONE:
            asked, answered = int(row[TURNED]), False
    if asked == row[ASKED] and row[TYPED] != NONE and random.random() < mixture.typed:
        asked = int(row[TYPED])
    text = bundle.text("passages", passage)
    text = np.concatenate([text[: cut[0]], text[cut[1] :]]) if cut[1] else text
    span = (first, last) if answered else (0, 0)
    return _joined(bundle, asked, text, int(row[HEADING]) if passage == row[PASSAGE] else NONE, span, random)


def _joined(
    bundle: Bundle, asked: int, text: Ids, heading: int, span: tuple[int, int], random: np.random.Generator
) -> Row:
    """Put question, heading and a part of the passage that holds the answer together."""
    first, last = span
    crop = int(random.choice(CROPS))
    if len(text) > crop:
        low, high = max(0, last - crop), min(first, len(text) - crop)
        start = int(random.integers(low, high + 1)) if last and low <= high else first if last else 0
        if not last:
            start = int(random.integers(0, len(text) - crop + 1))
        text, first, last = text[start : start + crop], first - start, last - start
    above = (
        bundle.text("headings", heading)
        if heading != NONE and random.random() < bundle.mixture.headed
        else np.zeros(0, np.int64)
    )
    head = np.concatenate([[START], bundle.text("asked", asked), [END], bundle.prefix, above])
    ids = np.concatenate([head, text])[: LONGEST - 1]
    answered = span[1] > span[0] and len(head) + last <= len(ids)
    if not answered and span[1] > span[0]:
        ids = head  # the answer does not fit; without the passage there is none
    return Row(np.append(ids, END), len(head) + first if answered else 0, len(head) + last - 1 if answered else 0)


def batch(bundle: Bundle, size: int, random: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Return ids, mask and answers' positions of a batch of examples, files by their shares."""
    files = random.choice(len(bundle.by_file), size=size, p=bundle.shares)
    rows = [example(bundle, int(random.choice(bundle.by_file[file])), random) for file in files]
    n = max(len(row.ids) for row in rows)
    ids = np.full((size, n), PAD)
    for at, row in enumerate(rows):
        ids[at, : len(row.ids)] = row.ids
    lengths = np.array([len(row.ids) for row in rows])
    gold = np.array([(row.first, row.last) for row in rows])
    return torch.from_numpy(ids), torch.from_numpy(np.arange(n) < lengths[:, None]), torch.from_numpy(gold)


@dataclass(frozen=True)
class Plan:
    """How long and how fast a run learns; it ends with ``examples`` or ``seconds``, whichever comes first."""

    examples: int = 3_000_000
    seconds: float = 480
    size: int = 64
    rate: float = 2e-4
    warm_up: float = 0.03
    cool_down: float = 0.35
    frozen_layers: int = 0
    seed: int = 0


def train(bundle: Bundle, plan: Plan, device: torch.device) -> Reader:
    """Train and return the model."""
    torch.manual_seed(plan.seed)
    random = np.random.default_rng(plan.seed)
    reader = Reader(bundle).to(device)
    reader.freeze(plan.frozen_layers)
    learned, optimiser = open_optimiser(reader, plan.rate)
    began, seen, step, mean = time.time(), 0, 0, 0.0
    while True:
        share = max(seen / plan.examples, (time.time() - began) / plan.seconds)
        if share >= 1:
            return reader
        for group in optimiser.param_groups:
            group["lr"] = plan.rate * min(1.0, (share + 1e-4) / plan.warm_up, (1 - share) / plan.cool_down)
        ids, mask, gold = (t.to(device, non_blocking=True) for t in batch(bundle, plan.size, random))
        loss = loss_of(reader(ids, mask), gold)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimiser.step()
        seen, step = seen + plan.size, step + 1
        if step % 50 == 0:
            mean = loss.item()
            print(f"{seen} examples, loss {mean:.3f}, {seen / (time.time() - began):.0f} a second", flush=True)


def main() -> None:
    """Train and write the weights, in fp16 by name."""
    parser = argparse.ArgumentParser(description="Train the reader from a bundle.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("out", type=Path)
    defaults = Plan()
    for name in Plan.__dataclass_fields__:
        value = getattr(defaults, name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    given = parser.parse_args()
    plan = Plan(**{name: getattr(given, name) for name in Plan.__dataclass_fields__})
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    reader = train(Bundle(given.bundle), plan, device)
    named = {name.replace("_", "."): value.detach().half().cpu().numpy() for name, value in reader.body.items()}
    named |= {f"head.{name[0]}": value.detach().half().cpu().numpy() for name, value in reader.head.named_parameters()}
    np.savez(given.out, **named)
    print(json.dumps({"plan": {name: getattr(plan, name) for name in Plan.__dataclass_fields__}}))


if __name__ == "__main__":
    main()
