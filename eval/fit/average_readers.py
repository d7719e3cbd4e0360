"""Average the weights of several runs: ``python -m eval.fit.average_readers OUT RUN RUN … [--data DATA …]``.

Runs that began with the same weights and used different seeds can be averaged, and the mean of their weights is better
than each of them (Wortsman et al., 2022, "model soups"). It costs no time when a question is asked. A RUN is a folder
of `eval.fit.train_reader`, of which the average over the last steps is taken, or the file of an exported reader.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from eval.fit.reader_export import Learned, export
from eval.fit.train_reader import SEEN, Config, Run, first_tokens, prepare


def mean(runs: Sequence[Learned]) -> Learned:
    """Return the mean of the readers' weights by name; a head with fewer outputs than the first is left out."""
    first = runs[0]
    named = {
        name: np.stack([r.named[name] for r in runs if r.named[name].shape == value.shape]).mean(axis=0)
        for name, value in first.named.items()
    }
    return Learned(named, first.hidden, first.layers, first.heads, first.feed_forward)


def weights_of(run: Path) -> Learned:
    """Return the weights of a run's average over its last steps, or of an exported reader."""
    if not run.is_dir():
        return Learned.open(run)
    known = asdict(Config())
    stored = torch.load(run / "checkpoint.pt", map_location="cpu")["config"]
    return Learned.of(Run(Config(**{name: stored[name] for name in known}), run, torch.device("cpu")).averaged())


def main() -> None:
    """Average and export."""
    parser = argparse.ArgumentParser(description="Average the weights of several training runs of the reader.")
    parser.add_argument("out", type=Path)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    given = parser.parse_args()
    folder = next(run for run in given.runs if run.is_dir())
    seen = list(first_tokens(prepare(given.data, folder, None, Config(switched=0)), SEEN))
    export(mean([weights_of(run) for run in given.runs]), given.out, seen)


if __name__ == "__main__":
    main()
