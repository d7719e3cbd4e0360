"""Average the weights of several runs: ``python -m eval.average DATA OUT RUN RUN ...`` with the folders of the runs.

Runs that began with the same weights and differ in their seed lie in one basin, and the mean of their weights is better
than each (Wortsman et al., 2022, "model soups"); it costs nothing when a question is asked. In place of any folder but
the first an exported reader may stand, such as the one that the runs went on from.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from eval.reader_examples import examples
from eval.train_reader import SEEN, Config, Learned, Reader, english_lexicon, finish, tokenise
from rag.bundled import build_tokenizer
from rag.weights import Weights


def mean(states: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return the mean of models' weights by name."""
    return {name: torch.stack([state[name] for state in states]).mean(dim=0) for name in states[0]}


def weights_of(run: Path) -> dict[str, Tensor]:
    """Return the weights by name of a run's last checkpoint, or of an exported reader."""
    if run.is_dir():
        state: dict[str, Tensor] = torch.load(run / "checkpoint.pt", map_location="cpu")["reader"]
        return state
    reader = Reader(Weights.open())
    Learned.open(run).into(reader)
    return reader.state_dict()


def main() -> None:
    """Average, save, measure."""
    parser = argparse.ArgumentParser(description="Average the weights of several training runs of the reader.")
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--dev", type=Path)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    reader = Reader(Weights.open())
    reader.load_state_dict(mean([weights_of(run) for run in given.runs]))
    tokenizer = build_tokenizer(Weights.open())
    config = Config()
    readings = examples(given.data, english_lexicon(given.data, given.runs[0]), config.seed, config.crop)[: 2 * SEEN]
    found = (tokenise(tokenizer, reading, config.longest) for reading in readings)
    seen = [tokens for tokens in found if tokens is not None][:SEEN]
    finish(Learned.of(reader), given.out, seen, {"runs": [str(run) for run in given.runs]}, given.dev)


if __name__ == "__main__":
    main()
