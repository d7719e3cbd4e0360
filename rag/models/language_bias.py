"""Vectors without the language they are in, so that a question is not drawn to passages in its own.

An encoder places a text by its meaning and, a little, by its language: beside Romanian documents an English question is
near to any English line in them. The directions that languages differ in most are taken out of every vector (language
information removal, Yang et al., 2021), and of a question's also a part of what all questions have in common, which is
what "-", a heading or a list of names is near to. ``python -m eval.fit.language_bias`` makes ``language_bias.npz``;
``docs/experiments.md`` has the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

PATH = Path(__file__).with_name("language_bias.npz")
COMMON = 0.4
"""The share of the questions' mean that is taken out of a question's vector."""


@dataclass(frozen=True)
class LanguageBias:
    """The directions of language, orthonormal rows of shape (r, dimension), and the mean vector of questions."""

    directions: Floats
    question: Floats

    @classmethod
    def open(cls, path: Path = PATH) -> LanguageBias:
        with np.load(path) as stored:
            return cls(stored["directions"].astype(np.float32), stored["question"].astype(np.float32))

    def passage(self, vector: Floats) -> Floats:
        """Return a vector without its language, of unit length; zero stays zero."""
        rest = vector - (self.directions @ vector) @ self.directions
        return np.asarray(rest / max(float(np.linalg.norm(rest)), 1e-12), dtype=np.float32)

    def query(self, vector: Floats) -> Floats:
        """Return a question's vector without its language and the common part; not of unit length."""
        return self.passage(vector) - np.float32(COMMON) * self.question
