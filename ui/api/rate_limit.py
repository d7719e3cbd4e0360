"""Limit how often one visitor may do a thing, so that nobody keeps the others waiting or guesses a password."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from typing import Generic, TypeVar

MOST_VISITORS = 10_000
"""Visitors whose calls are counted, which bounds the memory. Chosen by eye; not measured."""
FREE_TRIES, LONGEST_WAIT, FORGOTTEN = 5, 30.0, 600.0
"""Wrong logins that cost no waiting; the longest waiting time after further ones, in seconds; and the seconds after
which wrong logins are forgotten. Who mistypes a password notices nothing. Who guesses has at most 2,900 tries a day."""


T = TypeVar("T")


def retry_after(seconds: float) -> dict[str, str]:
    """Return the header of a refusal that tells a program when to try again, in whole seconds."""
    return {"Retry-After": str(math.ceil(seconds))}


class _Kept(Generic[T]):
    """A value for each visitor; the visitor who was not seen for longest is forgotten first."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, T] = OrderedDict()

    def get(self, visitor: str, default: T) -> T:
        return self._seen.get(visitor, default)

    def put(self, visitor: str, value: T) -> None:
        self._seen[visitor] = value
        self._seen.move_to_end(visitor)
        while len(self._seen) > MOST_VISITORS:
            self._seen.popitem(last=False)


class RateLimit:
    """Allow each visitor ``times`` calls at once, and after that ``times`` calls in every ``seconds``."""

    def __init__(self, times: float, seconds: float) -> None:
        self.times = times
        self.seconds = seconds
        self._levels: _Kept[tuple[float, float]] = _Kept()
        self._lock = threading.Lock()

    def allows(self, visitor: str, weight: float = 1.0) -> bool:
        """Tell whether a call of this weight is within the limit, and count it if so."""
        return not self.wait(visitor, weight)

    def wait(self, visitor: str, weight: float = 1.0) -> float:
        """Count a call of this weight, at most ``times``, and return 0 if it is within the limit.

        Otherwise count nothing and return the seconds after which such a call will be within the limit.
        """
        now = time.monotonic()
        with self._lock:
            level, at = self._levels.get(visitor, (0.0, now))
            level = max(0.0, level - (now - at) * self.times / self.seconds)
            excess = level + weight - self.times
            if excess > 0:
                return excess * self.seconds / self.times
            self._levels.put(visitor, (level + weight, now))
            return 0.0


class Tries:
    """Count the wrong logins of each visitor; after a few, the waiting time doubles with each."""

    def __init__(self) -> None:
        self._wrong: _Kept[tuple[int, float]] = _Kept()
        self._lock = threading.Lock()

    def begin(self, visitor: str) -> float:
        """Return 0 where the visitor may try now, else the seconds to wait; a try counts as wrong until it `passed`."""
        now = time.monotonic()
        with self._lock:
            wrong, at = self._wrong.get(visitor, (0, now))
            if now - at > FORGOTTEN:
                wrong = 0
            if wrong >= FREE_TRIES:
                wait = at + min(2.0 ** (wrong - FREE_TRIES), LONGEST_WAIT) - now
                if wait > 0:
                    return wait
            self._wrong.put(visitor, (min(wrong + 1, 64), now))
            return 0.0

    def passed(self, visitor: str) -> None:
        """Count the last try as right."""
        with self._lock:
            wrong, at = self._wrong.get(visitor, (0, 0.0))
            self._wrong.put(visitor, (max(wrong - 1, 0), at))
