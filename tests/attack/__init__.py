"""The long attack: hostile files and requests in bounded numbers, on this machine only.

``python -m tests.attack`` runs all parts; each is a module whose function ``run(count, seed)`` returns a `Result`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

# The makers of real files and the fake embedder are those of the tests, which stand flat beside this folder.
sys.path.insert(0, str(Path(__file__).parent.parent))

SLOW = 10.0
"""Seconds within which every try has to be answered."""


@dataclass
class Result:
    """What came of a part's tries; ``memory`` is in megabytes, when the part had warmed up and at its end."""

    part: str
    seed: int
    tries: int = 0
    tracebacks: int = 0
    slow: int = 0
    memory: tuple[float, float] = (0.0, 0.0)
    most_growth: float = 100.0
    """Megabytes that the memory may have grown by: what allocators keep, whatever the number of tries."""
    failures: list[str] = field(default_factory=list)
    """One line each: the try's number, by which the seed repeats it, and what was wrong."""
    notes: dict[str, int] = field(default_factory=dict)

    def note(self, what: str) -> None:
        """Count one more of something that is worth knowing but not wrong."""
        self.notes[what] = self.notes.get(what, 0) + 1

    def fail(self, number: int, what: str) -> None:
        """Keep that a try failed."""
        self.failures.append(f"{self.part} seed {self.seed} try {number}: {what}")

    @property
    def growth(self) -> float:
        """Megabytes that memory grew by while the part ran."""
        return self.memory[1] - self.memory[0]

    @property
    def passed(self) -> bool:
        """Whether nothing failed and memory stayed flat."""
        return not self.failures and not self.tracebacks and not self.slow and self.growth <= self.most_growth

    def line(self) -> str:
        """Return the numbers in one line."""
        said = ", ".join(f"{count} {what}" for what, count in sorted(self.notes.items()))
        return (
            f"{self.part}: {self.tries} tries, {self.tracebacks} tracebacks, {self.slow} slower than {SLOW:.0f} s, "
            f"memory {self.memory[0]:.0f} -> {self.memory[1]:.0f} MB, {len(self.failures)} failed"
            + (f" ({said})" if said else "")
        )
