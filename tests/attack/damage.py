"""Damaged copies of an index: every question is answered as before, or one line says what to do.

Files anywhere below the home are changed in a few bytes, cut, emptied, removed, overwritten with zeros a block at a
time, or exchanged. Then ``temei ask``, ``doctor`` or ``ingest`` runs, and ``ask`` after it. No command may end in a
traceback or a crash; every answer must be the one of the whole index; what cannot be mended is said in one line with
exit status 2, and ``temei ingest --rebuild`` then mends it.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attack.outcome import Outcome, run_apart

COMMANDS = ("ask", "doctor", "ingest")
BLOCKS = (512, 4096)


def run(count: int, seed: int, *, real: bool = True) -> Outcome:
    """Damage ``count`` copies.

    Args:
        real: with the bundled model, whose prepared files are damaged too; else with a fake that is quick.
    """
    return run_apart("damage", {"count": count, "seed": seed, "real": real})


def flip(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(chance.randint(1, 8) if data else 0):
        data[chance.randrange(len(data))] ^= chance.randint(1, 255)
    path.write_bytes(data)


def cut(path: Path, chance: random.Random) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: chance.choice([0, chance.randint(0, len(data))])])


def remove(path: Path, chance: random.Random) -> None:
    path.unlink()


def zero(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    size = chance.choice(BLOCKS)
    start = chance.randrange(0, len(data), size) if data else 0
    data[start : start + size] = bytes(len(data[start : start + size]))
    path.write_bytes(data)


def swap(path: Path, chance: random.Random) -> None:
    home = next(parent for parent in path.parents if parent.name == "home")
    other = chance.choice(files(home))
    mine, theirs = path.read_bytes(), other.read_bytes()
    path.write_bytes(theirs)
    other.write_bytes(mine)


KINDS: tuple[Callable[[Path, random.Random], None], ...] = (flip, cut, remove, zero, swap)


def files(home: Path) -> list[Path]:
    return sorted(path for path in home.rglob("*") if path.is_file())


def _weighted(home: Path, chance: random.Random) -> Path:
    """Return a file of one of the folders of the home, each as often as the others."""
    first = sorted({path.relative_to(home).parts[0] for path in files(home)})
    top = home / chance.choice(first)
    return chance.choice(files(top) if top.is_dir() else [top])


def _settle(home: Path) -> None:
    """Let the copy's files be noted as found whole, as those of an index in use are."""
    from rag.files import checksums as seal

    time.sleep(seal.SETTLED_SECONDS * 1.2)
    for about in home.glob("bm25/about.json"):
        told: Any = seal.unsealed(about)
        assert seal.are_whole(about.parent / str(told["folder"]), told["files"])
    for manifest in home.glob("models/*/manifest.json"):
        assert seal.are_whole(manifest.parent, json.loads(manifest.read_text())["crc32"])


def _attack(count: int, seed: int, real: bool) -> Outcome:
    from attack import forked

    outcome = Outcome()
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="temei-damage-") as folder:
        whole = Path(folder) / "whole" / "home"
        whole.parent.mkdir()
        articles = forked.write_articles(Path(folder) / "articles")
        made = forked.run(["ingest", str(articles)], whole, real=real)
        expected, _ = forked.asked(whole, real=real)
        if made.status or not expected:
            raise SystemExit(f"the whole index does not answer: {made.err}")
        for number in range(count):
            home = Path(folder) / "copy" / "home"
            shutil.copytree(whole, home)
            _settle(home)
            path = _weighted(home, chance)
            kind = chance.choice(KINDS)
            kind(path, chance)
            case = f"{number}: {kind.__name__} {path.relative_to(home)}"
            for failure in _try(home, COMMANDS[number % 3], articles, expected, real, outcome):
                outcome.failures.append(f"{case}: {failure}")
                print(outcome.failures[-1], file=sys.stderr, flush=True)
            outcome.tried += 1
            shutil.rmtree(home.parent)
    return outcome


def _try(home: Path, command: str, articles: Path, expected: list[Any], real: bool, outcome: Outcome) -> list[str]:
    from attack import forked

    failures = []

    def ran(arguments: list[str]) -> int:
        ended = forked.run(arguments, home, real=real)
        failures.extend(_bad_end(" ".join(arguments[:2]), ended))
        return ended.status

    if command != "ask":
        status = ran([command, *([str(articles)] if command == "ingest" else [])])
        outcome.count(f"{command} {'went well' if not status else 'said what to do'}")
    found, ended = forked.asked(home, real=real)
    failures.extend(_bad_end("ask", ended))
    if found and found != expected:
        failures.append(f"ask after {command} found something else{' silently' if not ended.err else ''}: {found}")
    outcome.count("answered as before" if found == expected else "answered otherwise" if found else "refused")
    if not found:
        failures.append(f"ask after {command} was refused: {ended.err.strip()[-300:]}")
    if command == "ingest" and status == 2:
        if ran(["ingest", "--rebuild", str(articles)]):
            failures.append("ingest --rebuild did not mend it")
        found, ended = forked.asked(home, real=real)
        if found != expected:
            failures.append(f"after ingest --rebuild: {found or ended.err}")
        outcome.count("mended by ingest --rebuild")
    return failures


def _bad_end(what: str, ended: Any) -> list[str]:
    if ended.status not in (0, 2) or "Traceback" in ended.err or "panicked" in ended.err:
        return [f"{what} ended with {ended.status}: {ended.err.strip()[-600:]}"]
    if ended.status == 2 and what != "doctor" and not any("run:" in line.lower() for line in ended.lines):
        return [f"{what} does not say what to do: {ended.err.strip()[-300:]}"]
    return []


if __name__ == "__main__":
    print(_attack(**json.loads(sys.argv[1])).to_json())
