"""Pace: how often one visitor may do a thing, so that nobody keeps the others waiting."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque

MOST_VISITORS = 10_000


class Pace:
    """At most ``times`` in any ``seconds``, for each visitor by themselves."""

    def __init__(self, times: int, seconds: float) -> None:
        self.times = times
        self.seconds = seconds
        self._seen: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def allows(self, visitor: str) -> bool:
        """Count one more for the visitor and tell whether it is within the pace; what is not is not counted."""
        now = time.monotonic()
        with self._lock:
            times = self._seen.setdefault(visitor, deque())
            self._seen.move_to_end(visitor)
            while len(self._seen) > MOST_VISITORS:
                self._seen.popitem(last=False)
            while times and now - times[0] > self.seconds:
                times.popleft()
            if len(times) >= self.times:
                return False
            times.append(now)
            return True
