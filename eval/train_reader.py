"""Train the reader: ``python -m eval.train_reader DATA OUT`` fine-tunes the bundled encoder to find answers.

DATA is a folder of SQuAD-format files (`eval.reader_examples`), OUT where checkpoints, the log and the weights go. The
word table stays frozen; a linear head gives every token a start and an end score, and those of ``<s>`` stand for "not
here" (Devlin et al., 2019, as for SQuAD 2). An interrupted run goes on from its last checkpoint. With ``--dev FOLDER``
(``xquad-dev.*.json``) the result is measured at the end, and never before. On a CPU that others use too, two processes
(``torchrun --nproc-per-node 2 -m eval.train_reader``) are quicker than one with two threads.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn

from eval.lexicon import Lexicon, open_lexicon, words_of
from eval.measure_reader import measure
from eval.reader_examples import SOURCES, Reading, examples, read_source
from rag.bundled import build_tokenizer
from rag.embeddings import open_embedder
from rag.errors import TemeiError
from rag.graph import Graph, open_session
from rag.settings import Settings
from rag.weights import Weights

SAVE_EVERY = 100
"""Steps between checkpoints."""


@dataclass(frozen=True)
class Config:
    """What a run depends on beside its data; written into its log."""

    seed: int = 0
    epochs: int = 2
    crop: int = 500
    """Characters of a passage in the first epoch, twice as many in each one after: short texts teach more a minute."""
    batch_tokens: int = 2048
    rate: float = 1.5e-4
    warm_up: float = 0.06
    cool_down: float = 0.3
    """Share of the steps at the end over which the rate falls to nothing; before, it stays (Hu et al., 2024)."""
    decay: float = 0.01
    frozen_layers: int = 3
    longest: int = 384
    most: int = 0
    """Examples of an epoch; 0 for all."""
    from_reader: str = ""
    """A reader's ONNX file to go on from; empty to begin with the bundled encoder."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """An example as token ids, and the positions of its answer's first and last token (0, 0 for none)."""

    ids: list[int]
    first: int
    last: int


def pair(
    tokenizer: Tokenizer, question: str, passage: str, longest: int
) -> tuple[list[int], list[tuple[int, int]], int]:
    """Return the ids of a question and a passage, the passage tokens' character spans, and where they begin."""
    asked = tokenizer.encode(f"query: {question}").ids[:64]
    read = tokenizer.encode(f"passage: {passage}")
    prefix = len("passage: ")
    places = [(a - prefix, b - prefix) for a, b in read.offsets]
    keep = range(1, len(read.ids) - 1)[: longest - len(asked) - 1]
    ids = [*asked, *(read.ids[i] for i in keep), 2]
    return ids, [places[i] for i in keep], len(asked)


def tokenise(tokenizer: Tokenizer, reading: Reading, longest: int) -> Tokens | None:
    """Return an example as tokens; None where its answer lies beyond the longest input."""
    ids, places, begin = pair(tokenizer, reading.question, reading.passage, longest)
    if reading.answer is None:
        return Tokens(ids, 0, 0)
    a, b = reading.answer
    inside = [i for i, (x, y) in enumerate(places) if x < b and y > a and y > x]
    if not inside or places[-1][1] < b:
        return None
    return Tokens(ids, begin + inside[0], begin + inside[-1])


class Reader(nn.Module):
    """BERT's layers (Devlin et al., 2019) over frozen word embeddings, with a start and an end score a token."""

    words: Tensor
    positions: Tensor

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        self.heads, self.layers, self.hidden = weights.heads, weights.layers, weights.hidden
        hidden = self.hidden
        self.register_buffer("words", torch.tensor(weights.matrix("emb.word", hidden)).bfloat16(), persistent=False)
        positions = weights.matrix("emb.pos", hidden) + weights.tensor("emb.type")[:hidden]
        self.register_buffer("positions", torch.tensor(positions), persistent=False)
        self.body = nn.ParameterDict()
        for name in ("emb.ln.w", "emb.ln.b"):
            self.body[name.replace(".", "_")] = nn.Parameter(torch.tensor(weights.tensor(name)))
        for layer in range(self.layers):
            for part in ("q", "k", "v", "ao", "aln", "fi", "fo", "oln"):
                for kind in "wb":
                    value = torch.tensor(weights.tensor(f"l{layer}.{part}.{kind}"))
                    if kind == "w" and not part.endswith("ln"):
                        value = value.reshape(-1, weights.feed_forward if part == "fo" else hidden)
                    self.body[f"l{layer}_{part}_{kind}"] = nn.Parameter(value.clone())
        self.head = nn.Linear(hidden, 2)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def freeze(self, layers: int) -> None:
        """Leave the embedding's norm and the first layers as they are."""
        for name, value in self.body.items():
            value.requires_grad = not (name.startswith("emb") or any(name.startswith(f"l{i}_") for i in range(layers)))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return the start and end scores, shape (batch, n, 2), minus infinity behind the end of a text."""
        kind = torch.bfloat16
        weight = {name: value.to(kind) for name, value in self.body.items()}
        batch, n = ids.shape
        hidden = self.hidden
        wide = hidden // self.heads
        x = self.words[ids].float() + self.positions[:n]
        x = F.layer_norm(x, (hidden,), self.body["emb_ln_w"], self.body["emb_ln_b"], 1e-12)
        unseen = torch.zeros(batch, 1, 1, n, dtype=kind, device=ids.device).masked_fill(~mask[:, None, None, :], -1e4)
        for layer in range(self.layers):

            def w(part: str, at: str = f"l{layer}_") -> tuple[Tensor, Tensor]:
                return weight[f"{at}{part}_w"], weight[f"{at}{part}_b"]

            def norm(x: Tensor, part: str, at: str = f"l{layer}_") -> Tensor:
                return F.layer_norm(x, (hidden,), self.body[f"{at}{part}_w"], self.body[f"{at}{part}_b"], 1e-12)

            # Attention written out is quicker in bf16 on a CPU than the fused one, whose backward pass is slow there.
            joint = F.linear(x.to(kind), *(torch.cat(both) for both in zip(w("q"), w("k"), w("v"), strict=True)))
            q, k, v = (t.reshape(-1, n, wide) for t in joint.view(batch, n, 3, self.heads, wide).permute(2, 0, 3, 1, 4))
            weighed = torch.bmm(q * wide**-0.5, k.transpose(1, 2)).view(batch, self.heads, n, n) + unseen
            mixed = torch.bmm(weighed.softmax(-1).view(-1, n, n), v).view(batch, self.heads, n, wide)
            mixed = F.linear(mixed.transpose(1, 2).reshape(batch, n, hidden), *w("ao"))
            x = norm(x + mixed, "aln")
            x = norm(x + F.linear(F.gelu(F.linear(x.to(kind), *w("fi"))), *w("fo")), "oln")
        scores: Tensor = self.head(x)
        return scores.masked_fill(~mask[:, :, None], -1e4)


def batches(tokens: Sequence[Tokens], config: Config, epoch: int) -> list[list[int]]:
    """Return the rows of every batch: texts of like length, at most ``batch_tokens`` together, in random order."""
    random = Random(config.seed * 1000 + epoch)
    rows = list(range(len(tokens)))
    random.shuffle(rows)
    made: list[list[int]] = []
    for start in range(0, len(rows), 2048):
        some = sorted(rows[start : start + 2048], key=lambda row: len(tokens[row].ids))
        batch: list[int] = []
        pool: list[list[int]] = []
        for row in some:
            if batch and (len(batch) + 1) * len(tokens[row].ids) > config.batch_tokens:
                pool.append(batch)
                batch = []
            batch.append(row)
        pool.append(batch)
        random.shuffle(pool)
        made += pool
    return made


def collate(tokens: Sequence[Tokens], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Return ids, mask and the (batch, 2) positions of the answers."""
    n = max(len(t.ids) for t in tokens)
    ids = torch.tensor([t.ids + [1] * (n - len(t.ids)) for t in tokens], device=device)
    mask = torch.tensor([[True] * len(t.ids) + [False] * (n - len(t.ids)) for t in tokens], device=device)
    return ids, mask, torch.tensor([(t.first, t.last) for t in tokens], device=device)


def loss_of(scores: Tensor, gold: Tensor) -> Tensor:
    """Return the mean cross-entropy of the start and the end, "not here" being position 0."""
    return (F.cross_entropy(scores[:, :, 0], gold[:, 0]) + F.cross_entropy(scores[:, :, 1], gold[:, 1])) / 2


def train(made: Sequence[Sequence[Tokens]], config: Config, out: Path, device: torch.device) -> Reader:
    """Train on one sequence of examples an epoch; several processes share every batch.

    Goes on from the checkpoint in ``out`` where there is one.

    Raises:
        TemeiError: the checkpoint is of a run of another configuration.
    """
    rank, world = _processes()
    torch.manual_seed(config.seed)
    reader = Reader(Weights.open()).to(device)
    if config.from_reader:
        Learned.open(Path(config.from_reader)).into(reader)
    reader.freeze(config.frozen_layers)
    learned = [p for p in reader.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(learned, lr=config.rate, weight_decay=config.decay, betas=(0.9, 0.98), fused=True)
    order = [[some[row] for row in rows] for epoch, some in enumerate(made) for rows in batches(some, config, epoch)]
    saved = out / "checkpoint.pt"
    begin = 0
    if saved.exists():
        state = torch.load(saved, map_location=device)
        if state.get("config") != asdict(config):
            raise TemeiError(f"{saved} is of a run of another configuration; give another folder, or delete it.")
        reader.load_state_dict(state["reader"])
        optimiser.load_state_dict(state["optimiser"])
        begin = state["step"]
        print(f"process {rank} goes on from step {begin} of {len(order)}", flush=True)
    began, seen, mean = time.time(), 0, 0.0
    for step in range(begin, len(order)):
        share = step / len(order)
        for group in optimiser.param_groups:
            group["lr"] = config.rate * min(1.0, share / config.warm_up, (1 - share) / config.cool_down)
        ids, mask, gold = collate(order[step][rank::world] or order[step][:1], device)
        loss = loss_of(reader(ids, mask), gold)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if world > 1:
            _average([p.grad for p in learned if p.grad is not None], world)
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimiser.step()
        seen += len(order[step])
        mean = loss.item() if step == begin else 0.98 * mean + 0.02 * loss.item()
        if rank:
            continue
        if step % 20 == 19:
            speed = seen / (time.time() - began)
            print(f"step {step + 1}/{len(order)} loss {mean:.3f} {speed:.1f} examples/s", flush=True)
        if step % SAVE_EVERY == SAVE_EVERY - 1 or step + 1 == len(order):
            fresh = out / "checkpoint.new"
            state = {"reader": reader.state_dict(), "optimiser": optimiser.state_dict()}
            torch.save(state | {"step": step + 1, "config": asdict(config)}, fresh)
            fresh.replace(saved)
    return reader


def _processes() -> tuple[int, int]:
    """Return the number of this process and of all, as ``torchrun`` starts them."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return 0, 1
    torch.set_num_threads(1)
    if not dist.is_initialized():
        dist.init_process_group("gloo")
    return dist.get_rank(), world


def _average(gradients: Sequence[Tensor], world: int) -> None:
    flat = torch.cat([g.reshape(-1) for g in gradients])
    dist.all_reduce(flat)
    at = 0
    for g in gradients:
        g.copy_(flat[at : at + g.numel()].view_as(g) / world)
        at += g.numel()


@dataclass(frozen=True)
class Learned:
    """The trained weights as `rag.graph` asks for them."""

    named: dict[str, NDArray[np.float32]]
    hidden: int
    layers: int
    heads: int
    feed_forward: int

    @classmethod
    def open(cls, path: Path) -> Learned:
        """Return the weights of an exported reader, as its int8 levels stand for them."""
        import onnx
        from onnx import numpy_helper

        stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
        weights = Weights.open()
        named = {f"emb.ln.{kind}": stored[f"normed.{name}"] for kind, name in _NAMES.items()}
        named |= {"head.w": stored["head.weight"].T, "head.b": stored["head.bias"]}
        for at in (f"l{layer}." for layer in range(weights.layers)):
            for part in ("aln", "oln"):
                named |= {f"{at}{part}.{kind}": stored[f"{at}{part}.{name}"] for kind, name in _NAMES.items()}
            for part in ("q", "k", "v", "ao", "fi", "fo"):
                weight = (stored[f"{at}{part}.levels"] * stored[f"{at}{part}.scales"]).T
                even = stored.get(f"{at}{part}.even", np.float32(1))
                named |= {f"{at}{part}.w": weight * even, f"{at}{part}.b": stored[f"{at}{part}.bias"]}
        return cls(named, weights.hidden, weights.layers, weights.heads, weights.feed_forward)

    def into(self, reader: Reader) -> None:
        """Give these weights to a model in training."""
        with torch.no_grad():
            for name, value in reader.body.items():
                value.copy_(torch.tensor(self.named[name.replace("_", ".")]))
            for kind, name in _NAMES.items():
                getattr(reader.head, name).copy_(torch.tensor(self.named[f"head.{kind}"]))

    @classmethod
    def of(cls, reader: Reader) -> Learned:
        weights = Weights.open()
        named = {name.replace("_", "."): value.detach().float().cpu().numpy() for name, value in reader.body.items()}
        named |= {f"head.{kind}": getattr(reader.head, name).detach().cpu().numpy() for kind, name in _NAMES.items()}
        return cls(named, weights.hidden, weights.layers, weights.heads, weights.feed_forward)

    def tensor(self, name: str) -> NDArray[np.float32]:
        return self.named[name].reshape(-1)

    def matrix(self, name: str, inputs: int) -> NDArray[np.float32]:
        return self.named[name].reshape(-1, inputs)


_NAMES = {"w": "weight", "b": "bias"}


def export(learned: Learned, path: Path, seen: Sequence[Tokens], *, int8: bool = True) -> None:
    """Write the reader as an ONNX model: input ``embeddings`` (1, n, hidden), output ``scores`` (1, n, 2).

    Args:
        seen: examples to tell by how large the channels of the layers' inputs become.
    """
    import onnx

    onnx.save(_model(learned, Graph(int8, _evenness(learned, seen) if int8 else {})), str(path))


def _model(learned: Learned, graph: Graph, also: Sequence[str] = ()) -> Any:
    source = graph.norm("embeddings", "normed", learned.tensor("emb.ln.w"), learned.tensor("emb.ln.b"))
    states = graph.layers(source, learned)
    # The head stays fp32: it costs nothing, and its scores are read to the tenth.
    head = graph.constant("head.weight", learned.matrix("head.w", learned.hidden).T)
    product = graph.add("MatMul", [states, head], "head.product")
    graph.add("Add", [product, graph.constant("head.bias", learned.tensor("head.b"))], "scores")
    outputs: dict[str, list[Any]] = {"scores": ["batch", "n", 2]} | {name: ["batch", "n", None] for name in also}
    return graph.model("temei-reader", {"embeddings": ["batch", "n", learned.hidden]}, outputs)


EVENNESS = 0.7
"""How much of a channel's size its weights take over (SmoothQuant's alpha)."""


def _evenness(learned: Learned, seen: Sequence[Tokens]) -> dict[str, NDArray[np.float32]]:
    """Return for the feed-forward layers, whose inputs are the uneven ones, what to divide each channel by."""
    import onnx

    inputs = {f"l{layer}.{part}": f"l{layer}.{of}" for layer in range(learned.layers) for part, of in _INPUTS.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reader.onnx"
        onnx.save(_model(learned, Graph(int8=False), list(inputs.values())), str(path))
        session = open_session(path)
        weights = Weights.open()
        largest = dict.fromkeys(inputs, np.zeros(1, dtype=np.float32))
        for tokens in seen:
            embeddings = weights.embeddings(np.array([tokens.ids]))
            for name, found in zip(inputs, session.run(list(inputs.values()), {"embeddings": embeddings}), strict=True):
                largest[name] = np.maximum(largest[name], np.abs(found[0]).max(axis=0))
    even = {}
    for name, channels in largest.items():
        matrix = learned.matrix(f"{name}.w", len(channels))
        scale = channels**EVENNESS / np.maximum(np.abs(matrix).max(axis=0), 1e-4) ** (1 - EVENNESS)
        scale = np.maximum(scale, 1e-5)
        even[name] = np.asarray(scale / np.exp(np.log(scale).mean()), dtype=np.float32)
    return even


_INPUTS = {"fi": "aln", "fo": "active"}
"""The feed-forward layers and what goes into them, as `rag.graph` calls both."""
SEEN = 200
"""Examples to tell the size of channels by."""


def english_lexicon(data: Path, out: Path) -> Lexicon:
    """Return the lexicon of the English words in the data, from ``out`` where it has been made already."""
    settings = Settings()
    embedder = open_embedder(settings.embedding_model, settings.home / "models", print)
    english = [
        reading
        for name, (language, _) in SOURCES.items()
        if language == "en"
        for reading in read_source(data / f"{name}.json.gz", language)
    ]
    vocabulary = words_of([text for reading in english for text in (reading.question, reading.passage)], 14_000)
    return open_lexicon(out / "lexicon-en.json", vocabulary, embedder)


def finish(
    learned: Learned,
    out: Path,
    seen: Sequence[Tokens],
    about: dict[str, Any],
    dev: Path | None,
) -> None:
    """Write the reader into ``out``, measure it where ``dev`` is given, and add the result to the log there."""
    path = out / "reader.onnx"
    export(learned, path, seen)
    result = about | (measure(path, dev) if dev is not None else {})
    with (out / "results.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps(result) + "\n")
    print(json.dumps(result, indent=1), flush=True)


def main() -> None:
    """Train, save, measure."""
    parser = argparse.ArgumentParser(description="Train the reader.")
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--dev", type=Path)
    defaults = Config()
    for name, value in asdict(defaults).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    given = parser.parse_args()
    config = Config(**{name: getattr(given, name) for name in asdict(defaults)})
    given.out.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    lexicon = english_lexicon(given.data, given.out)
    tokenizer = build_tokenizer(Weights.open())
    made: list[list[Tokens]] = []
    for epoch in range(config.epochs):
        readings = examples(given.data, lexicon, config.seed + 100 * epoch, config.crop * 2**epoch)
        found = (tokenise(tokenizer, r, config.longest) for r in readings[: config.most or None])
        made.append([tokens for tokens in found if tokens is not None])
        answered = sum(t.first > 0 for t in made[-1])
        print(f"epoch {epoch + 1}: {len(made[-1])} examples, {answered} with an answer", flush=True)
    began = time.time()
    try:
        reader = train(made, config, given.out, device)
    except TemeiError as error:
        parser.exit(2, f"{error}\n")
    if _processes()[0]:
        return
    result = {"config": asdict(config), "examples": sum(map(len, made)), "seconds": round(time.time() - began)}
    finish(Learned.of(reader), given.out, made[0][:SEEN], result, given.dev)


if __name__ == "__main__":
    main()
