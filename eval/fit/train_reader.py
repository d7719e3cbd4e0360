"""Train the reader: ``python -m eval.fit.train_reader OUT DATA [DATA ...]`` fine-tunes the bundled encoder.

OUT is where checkpoints, the log and the weights go, each DATA a folder of SQuAD-format files
(`eval.fit.reader_sets`). Examples come in rounds, all sets mixed, until ``--examples`` were seen; the rate stays the
same until the last ``--cool-down`` of them and then falls to nothing (Hu et al., 2024). An average of the weights is
kept beside them. A run that was ended, even killed, goes on from its last checkpoint; one with a larger ``--examples``
goes on as long as its rate has not begun to fall. On a CPU two processes
(``torchrun --nproc-per-node 2 -m eval.fit.train_reader …``) are quicker than one with two threads.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from eval.fit.reader_examples import Examples
from eval.fit.reader_export import Learned, english_lexicon, export
from eval.fit.reader_model import Reader, loss_of, open_optimiser
from eval.fit.reader_negatives import find_negatives
from eval.fit.reader_sets import Question, names, plain, read_set
from eval.fit.reader_tokens import Tokens, batches, collate, tokenise
from rag.errors import TerminalError
from rag.models.e5 import build_tokenizer
from rag.models.embeddings import BundledEmbedder
from rag.models.weights import Weights
from rag.settings import Settings

SAVE_EVERY = 100
"""Steps between checkpoints: one to three minutes on a CPU."""
AVERAGED_EVERY, AVERAGE_DECAY = 10, 0.99
"""Steps between two looks of the average at the weights, and how much of it stays: it reaches back 1,000 steps."""
SEEN = 200
"""Examples by which the export tells how large the channels of the layers' inputs become."""


@dataclass(frozen=True)
class Config:
    """The configuration of a run; it is written into the log and the checkpoints."""

    seed: int = 0
    examples: int = 250_000
    cool_down: int = 60_000
    """Examples at the end over which the rate falls."""
    warm_up: int = 4_000
    batch_tokens: int = 4096
    rate: float = 1e-4
    decay: float = 0.01
    frozen_layers: int = 3
    switched: float = 0.3
    """Share of the English examples with words of another language; 0 needs no lexicon, which takes minutes to make."""
    from_reader: str = ""
    """A reader's ONNX file to go on from; empty to begin with the bundled encoder."""

    def rate_after(self, seen: int) -> float:
        """Return the rate after so many examples."""
        left = (self.examples - seen) / max(1, self.cool_down)
        return self.rate * max(0.0, min(1.0, (seen + 1) / max(1, self.warm_up), left))


@dataclass
class Progress:
    """Where a run is: the round, the batches of it that are done, and the examples and steps so far."""

    round: int = 0
    batch: int = 0
    seen: int = 0
    step: int = 0


class Run:
    """One training run: the model, its optimiser, the average of its weights, and its checkpoint on disk.

    Raises:
        TemeiError: the checkpoint in ``out`` is of a run of another configuration.
    """

    def __init__(self, config: Config, out: Path, device: torch.device) -> None:
        self.config, self.device = config, device
        self._saved = out / "checkpoint.pt"
        self.rank, self.world = _processes()
        torch.manual_seed(config.seed)
        self.reader = Reader(Weights.open()).to(device)
        if config.from_reader:
            Learned.open(Path(config.from_reader)).into(self.reader)
        self.reader.freeze(config.frozen_layers)
        self.learned, self.optimiser = open_optimiser(self.reader, config.rate, config.decay)
        self.average = [p.detach().clone() for p in self.learned]
        self.progress = Progress()
        if self._saved.exists():
            self._go_on()

    def _go_on(self) -> None:
        state = torch.load(self._saved, map_location=self.device)
        before, now = dict(state["config"]), asdict(self.config)
        falling = state["progress"]["seen"] > min(c["examples"] - c["cool_down"] for c in (before, now))
        free = () if falling else ("examples", "cool_down")
        if {k: v for k, v in before.items() if k not in free} != {k: v for k, v in now.items() if k not in free}:
            raise TerminalError(
                f"{self._saved} is of a run of another configuration; name another folder for this one."
            )
        self.reader.load_state_dict(state["reader"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.average = state["average"]
        self.progress = Progress(**state["progress"])

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        state = {
            "reader": self.reader.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average,
            "progress": asdict(self.progress),
            "config": asdict(self.config),
        }
        fresh = self._saved.with_suffix(".new")
        torch.save(state, fresh)
        fresh.replace(self._saved)

    def step(self, batch: Sequence[Tokens]) -> float:
        """Learn from one batch, shared between the processes; return the loss of this one's part."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.rate_after(self.progress.seen)
        ids, mask, gold = collate(batch[self.rank :: self.world] or batch[:1], self.device)
        loss = loss_of(self.reader(ids, mask), gold)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if self.world > 1:
            _share([p.grad for p in self.learned if p.grad is not None], self.world)
        torch.nn.utils.clip_grad_norm_(self.learned, 1.0)
        self.optimiser.step()
        self.progress.step += 1
        self.progress.seen += len(batch)
        if self.progress.step % AVERAGED_EVERY == 0:
            # At first the average follows quickly, so that it forgets the initial weights.
            keep = min(AVERAGE_DECAY, self.progress.step / (self.progress.step + 20 * AVERAGED_EVERY))
            torch._foreach_lerp_(self.average, [p.detach() for p in self.learned], 1 - keep)
        return loss.item()

    def averaged(self) -> Reader:
        """Return a copy of the model whose weights are the average over the last steps."""
        copy = Reader(Weights.open()).to(self.device)
        copy.load_state_dict(self.reader.state_dict())
        copy.freeze(self.config.frozen_layers)
        with torch.no_grad():
            for own, mean in zip((p for p in copy.parameters() if p.requires_grad), self.average, strict=True):
                own.copy_(mean)
        return copy


def train(examples: Examples, run: Run) -> None:
    """Train until all examples of the configuration were seen."""
    tokenizer = build_tokenizer(Weights.open())
    progress, config = run.progress, run.config
    began, before, mean = time.time(), progress.seen, 0.0
    while progress.seen < config.examples:
        made = [tokens for e in examples.round(progress.round) if (tokens := tokenise(tokenizer, e)) is not None]
        order = batches(made, config.batch_tokens, Random(config.seed * 1000 + progress.round))
        for batch in order[progress.batch :]:
            loss = run.step(batch)
            progress.batch += 1
            mean = loss if mean == 0.0 else 0.99 * mean + 0.01 * loss
            if run.rank == 0 and progress.step % 20 == 0:
                speed = (progress.seen - before) / (time.time() - began)
                print(
                    f"{progress.seen} of {config.examples} examples, loss {mean:.3f}, {speed:.1f} a second", flush=True
                )
            if run.rank == 0 and progress.step % SAVE_EVERY == 0:
                run.save()
            if progress.seen >= config.examples:
                break
        progress.round, progress.batch = progress.round + 1, 0
    if run.rank == 0:
        run.save()


def _processes() -> tuple[int, int]:
    """Return the number of this process and of all, as ``torchrun`` starts them."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return 0, 1
    torch.set_num_threads(1)
    if not dist.is_initialized():
        dist.init_process_group("gloo")
    return dist.get_rank(), world


def _share(gradients: Sequence[Tensor], world: int) -> None:
    """Replace the gradients by their mean over the processes; in bf16, which halves what they send each other."""
    flat = torch.cat([g.reshape(-1) for g in gradients]).bfloat16()
    dist.all_reduce(flat)
    at = 0
    for g in gradients:
        g.copy_(flat[at : at + g.numel()].view_as(g) / world)
        at += g.numel()


def read_sets(folders: Sequence[Path], without: Path | None) -> dict[str, list[Question]]:
    """Return the questions of all files in the folders, but those that stand in a file to measure on.

    Args:
        without: a gzipped file with a JSON object with a ``question`` in every line; None for none.
    """
    left_out: set[str] = set()
    if without is not None:
        with gzip.open(without, "rt", encoding="utf-8") as lines:
            left_out = {plain(json.loads(line)["question"]) for line in lines}
    return {name: list(read_set(path, left_out)) for name, path in names(folders).items()}


def prepare(folders: Sequence[Path], out: Path, without: Path | None, config: Config) -> Examples:
    """Return the examples of a run; what is slow to find is kept in ``out`` for the next."""
    sets = read_sets(folders, without)
    (out / "negatives").mkdir(parents=True, exist_ok=True)
    embedder = BundledEmbedder(Settings().home / "models", print)
    negatives = {
        name: find_negatives(some, embedder, out / "negatives" / f"{name}.json") for name, some in sets.items()
    }
    english = [question for some in sets.values() for question in some if question.written_in == "en"]
    lexicon = english_lexicon(english, out, embedder) if config.switched else {}
    return Examples(sets, negatives, lexicon, config.seed, config.switched)


def first_tokens(examples: Examples, count: int) -> Iterator[Tokens]:
    """Yield the first examples of the first round as tokens."""
    tokenizer = build_tokenizer(Weights.open())
    for example in examples.round(0)[:count]:
        tokens = tokenise(tokenizer, example)
        if tokens is not None:
            yield tokens


def parse(arguments: Sequence[str] | None = None) -> tuple[argparse.Namespace, Config]:
    """Return what the command line says: folders and the configuration."""
    parser = argparse.ArgumentParser(description="Train the reader.")
    parser.add_argument("out", type=Path)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--without", type=Path, help="questions to leave out: gzipped JSON lines with a question each")
    parser.add_argument("--export-only", action="store_true", help="write the average of the checkpoint, train nothing")
    defaults: dict[str, Any] = asdict(Config())
    for name, value in defaults.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    given = parser.parse_args(arguments)
    return given, Config(**{name: getattr(given, name) for name in defaults})


def main() -> None:
    """Train and export."""
    given, config = parse()
    given.out.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    examples = prepare(given.data, given.out, given.without, config)
    run = Run(config, given.out, device)
    if not given.export_only:
        train(examples, run)
    if run.rank == 0:
        seen = list(first_tokens(examples, SEEN))
        export(Learned.of(run.averaged()), given.out / "reader-averaged.onnx", seen)
        export(Learned.of(run.reader), given.out / "reader.onnx", seen)
        print(json.dumps({"config": asdict(config), "progress": asdict(run.progress)}))


if __name__ == "__main__":
    main()
