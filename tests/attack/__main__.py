"""Run the attack: ``python -m tests.attack [PART]... [--count N] [--seed N]``; exit status 1 where something failed."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys

from .result import as_result

COUNTS = {"files": 2000, "requests": 2000, "damage": 600, "kills": 200}
"""The parts and their tries; together they take about two hours on two processors."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"which of {', '.join(COUNTS)}; all by default")
    parser.add_argument("--count", type=int, help="tries of each part")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    unknown = [part for part in given.parts if part not in COUNTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]}; the parts are {', '.join(COUNTS)}")
    failed = False
    for part in given.parts or COUNTS:
        name = f"{__package__}.{part}"
        if importlib.util.find_spec(name) is None:
            print(f"{part}: not here", flush=True)
            continue
        found = importlib.import_module(name).run(given.count or COUNTS[part], given.seed)
        result = as_result(part, given.seed, found)
        print(result.line(), flush=True)
        for failure in result.failures[:20]:
            print(f"  {failure}", flush=True)
        failed = failed or not result.passed
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
