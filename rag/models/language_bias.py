"""Language bias: remove the language from vectors, so that a question is not nearer to passages in its own language.

An encoder places a text by its meaning and, to a small part, by its language: beside Romanian documents an English
question is near to any English line in them. The directions in which languages differ most are removed from every
vector (language information removal, Yang et al., 2021). A part of the mean of all questions is removed from a
question's vector too, because "-", headings and lists of names are near to that mean. ``python -m
eval.fit.language_bias`` makes ``language_bias.npz``; ``docs/experiments.md`` has the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rag.types import Floats

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
