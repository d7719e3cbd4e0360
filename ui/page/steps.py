"""Do some work with a file in a thread of its own, and tell how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait

from ui.page.document_list import Added

STEP = 0.25
"""Seconds between two reports of the progress of a file."""

Advance = Callable[[str, int, int], None]
"""Called with the name of a file, and how many of its passages of how many are done."""


def in_steps(name: str, work: Callable[[Advance], Added]) -> Iterator[Added]:
    """Yield the progress of some work with a file at intervals, then its outcome."""
    share = [0.0]

    def advance(source: str, done: int, total: int) -> None:
        share[0] = done / max(total, 1)

    with ThreadPoolExecutor(1) as apart:
        future = apart.submit(work, advance)
        told = -1.0
        while not future.done():
            if share[0] != told:
                told = share[0]
                yield Added(name, "reading", share=told)
            wait([future], STEP)
        yield future.result()
