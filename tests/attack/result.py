"""What came of a part of the attack, in one line of numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

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


def as_result(part: str, seed: int, found: Any) -> Result:
    """Return what a part found as a `Result`; those of the index tell how often they tried, what failed and counts."""
    if isinstance(found, Result):
        return found
    tracebacks = sum("Traceback" in failure for failure in found.failures)
    failures = [f"{part} seed {seed}: {failure}" for failure in found.failures]
    return Result(part, seed, tries=found.tried, tracebacks=tracebacks, failures=failures, notes=dict(found.counts))
