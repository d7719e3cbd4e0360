"""Kills at random moments: an index that is written to is killed, and ends up as one that never was.

A process ingests changed files, rebuilds or removes, and is killed somewhere in it. Then a question must be answered
from all of the old or all of the new of each file; after the same command has run to its end, documents, passages,
BM25, vectors and rankings must be those of an index whose writer was never killed.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from attack.outcome import Outcome, run_apart

WRITERS = ("ingest", "rebuild", "remove")
CHANGED = {
    "kettle.txt": "A kettle whistles when it boils. The lid of the kettle is copper.",
    "owl.txt": "The owl flies without a sound. It nests in old towers and hunts mice.",
}
"""The files that an ingestion finds changed and new, in the order in which it reads them."""


def run(count: int, seed: int, *, real: bool = True) -> Outcome:
    """Kill ``count`` writers; ``real`` with the bundled model, else with a fake that is quick."""
    return run_apart("kills", {"count": count, "seed": seed, "real": real})


def _change(articles: Path, writer: str, files: int = len(CHANGED)) -> list[str]:
    """Change the files for a writer, the first few for an ingestion; return the arguments of its command."""
    if writer == "ingest":
        for name, text in list(CHANGED.items())[:files]:
            (articles / name).write_text(text)
    if writer == "remove":
        (articles / "lynx.txt").unlink(missing_ok=True)
    return ["ingest", *{"rebuild": ["--rebuild"], "remove": ["--prune"]}.get(writer, []), str(articles)]


def content(home: Path) -> dict[str, Any]:
    """Return all that an index holds, but the times, in a process of its own."""
    from attack import forked

    told = forked.called(_content, home)
    assert isinstance(told, dict), told
    return told


def _content(home: Path) -> dict[str, Any]:
    from rag import Settings
    from rag.index.index import Index

    class Same:
        """Says it is the model that the index was made with, and embeds nothing."""

        def __init__(self, about: dict[str, Any]) -> None:
            self.name, self.dimension = about["embedding_model"], about["dimension"]

    told = json.loads((home / "bm25" / "about.json").read_text())["about"]["made_by"]
    index = Index(Settings(home=home), Same(told))  # type: ignore[arg-type]
    search_index = index.search_index()
    stored = {passage.id: passage.text for passage in index.scan()}
    vectors = index.vectors(sorted(stored))
    rows = [{k: v for k, v in row.items() if k != "ingested"} for row in index.documents()]
    chroma = [{k: v for k, v in row.items() if k != "ingested"} for row in index.stored_documents()]
    scores = {
        query: dict(zip(search_index.ids, search_index.words.scores(query)[0].tolist(), strict=True))
        for query in ("kettle lid", "hunts")
    }
    return {
        "documents": sorted(rows, key=lambda row: str(row["id"])),
        "in Chroma": sorted(chroma, key=lambda row: str(row["id"])),
        "passages": dict(sorted(stored.items())),
        "cached": {name: passage.text for name, passage in sorted(index.cached_passages(sorted(stored)).items())},
        "bm25": {query: {name: round(found[name], 4) for name in sorted(found)} for query, found in scores.items()},
        "vectors": {name: vectors[name].round(4).tolist() for name in sorted(vectors)},
        "left": sorted(path.name for path in home.iterdir() if path.name in ("writing", "chroma-unfinished")),
    }


def _attack(count: int, seed: int, real: bool) -> Outcome:
    from attack import forked

    outcome = Outcome()
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="temei-kills-") as name:
        folder = Path(name)
        place = _place(folder)
        if (made := forked.run(["ingest", str(place / "articles")], place / "home", real=real)).status:
            raise SystemExit(f"the index cannot be made: {made.err}")
        before = [forked.asked(place / "home", real=real)[0]]
        shutil.copytree(place / "home", folder / "before")
        part = _place(folder)
        forked.run(_change(part / "articles", "ingest", files=1), part / "home", real=real)
        partly = [forked.asked(part / "home", real=real)[0]]
        expected: dict[str, Any] = {}
        for writer in WRITERS:
            place = _place(folder)
            began = time.monotonic()
            forked.run(_change(place / "articles", writer), place / "home", real=real)
            taken = time.monotonic() - began
            expected[writer] = (content(place / "home"), forked.asked(place / "home", real=real)[0], taken)
        while outcome.tried < count:
            number = outcome.tried
            writer = WRITERS[number % len(WRITERS)]
            good = before + partly * (writer == "ingest")
            killed, told = _kill(_place(folder), writer, chance, good, expected[writer], real, outcome)
            if not killed:  # it is quicker than it was: the machine was busy then
                expected[writer] = (*expected[writer][:2], expected[writer][2] * 0.9)
                continue
            outcome.failures += [f"{number}: {writer} {line}" for line in told]
            for line in told:
                print(number, writer, line, file=sys.stderr, flush=True)
            outcome.tried += 1
    return outcome


def _place(folder: Path) -> Path:
    """Return a place, always the same, with the articles and the index that were there before."""
    from attack import forked

    place = folder / "place"
    shutil.rmtree(place, ignore_errors=True)
    forked.write_articles(place / "articles")
    if (folder / "before").exists():
        shutil.copytree(folder / "before", place / "home")
    return place


def _kill(
    place: Path, writer: str, chance: random.Random, before: list[Any], expected: Any, real: bool, outcome: Outcome
) -> tuple[bool, list[str]]:
    """Kill a writer; return whether it was still at work, and what is wrong with what it left.

    Args:
        before: what may be told of an index whose writer did not come to its end.
        expected: what the index holds after it did, what is told of it, and how long it takes.
    """
    from attack import forked

    whole, new, taken = expected
    home = place / "home"
    arguments = _change(place / "articles", writer)
    moment = chance.uniform(0, taken)
    child = forked.start(arguments, home, place / "out", place / "err", real=real)
    if not forked.kill_after(child, moment):
        outcome.count("ended before it was killed, not counted")
        return False, []
    failures = []
    found, ended = forked.asked(home, real=real)
    if found not in (*before, new) or not found:
        failures.append(f"killed after {moment:.3f} s: asked, it told {found or ended.err.strip()[-400:]}")
    outcome.count(("told the old", "told the first file's")[before.index(found)] if found in before else "told the new")
    last = forked.run(arguments, home, real=real)
    if last.status or "Traceback" in last.err:
        failures.append(
            f"killed after {moment:.3f} s: run again, it ended with {last.status}: {last.err.strip()[-400:]}"
        )
        return True, failures
    now = content(home)
    differing = [part for part, value in whole.items() if now[part] != value]
    if differing:
        failures.append(f"killed after {moment:.3f} s: other {', '.join(differing)}")
    if forked.asked(home, real=real)[0] != new:
        failures.append(f"killed after {moment:.3f} s: finds something else")
    return True, failures


if __name__ == "__main__":
    print(_attack(**json.loads(sys.argv[1])).to_json())
