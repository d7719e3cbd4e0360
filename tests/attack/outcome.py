"""What an attack came to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]


@dataclass
class Outcome:
    """How often it was tried, what went wrong (a line each; none is what is wanted), and how often what happened."""

    tried: int = 0
    failures: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)


def run_apart(module: str, arguments: Mapping[str, Any]) -> Outcome:
    """Run an attack in a fresh process, which forks: one that has opened a model or Chroma must not."""
    child = subprocess.run(
        [sys.executable, "-m", f"attack.{module}", json.dumps(arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)])},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Outcome(**json.loads(child.stdout.splitlines()[-1]))
