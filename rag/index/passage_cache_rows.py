"""Write the rows of the passage cache with checksums, and read them back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from rag.files.checksums import DamagedError
from rag.index.records import passage_metadata
from rag.types import Passage


def sum_of(*parts: object) -> int:
    """Return the CRC-32 of some values."""
    total = 0
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogatepass")
        total = crc32(data + b"\0", total)
    return total


def checked(name: str, record: str, text: str, told: int) -> tuple[str, str, str, int]:
    if sum_of(name, record, text) != told:
        raise DamagedError(f"the passage {name} of the passage cache is damaged")
    return name, record, text, told


def signed(name: str, record: Mapping[str, Any]) -> str:
    """Return what is known of a document, behind its checksum."""
    text = json.dumps(dict(record), ensure_ascii=False)
    return f"{sum_of(name, text):08x}{text}"


def unsigned(name: str, signed: str) -> dict[str, Any]:
    if f"{sum_of(name, signed[8:]):08x}" != signed[:8]:
        raise DamagedError(f"the document {name} of the passage cache is damaged")
    known: dict[str, Any] = json.loads(signed[8:])
    return known


def record_of(passage: Passage) -> str:
    return json.dumps(passage_metadata(passage), ensure_ascii=False)


def pack(counts: Mapping[int, int]) -> bytes:
    """Return term numbers, ascending, and behind them their counts, as int32."""
    numbers = sorted(counts)
    return np.array([*numbers, *(counts[number] for number in numbers)], dtype="<i4").tobytes()


def unpack(blob: bytes) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    numbers = np.frombuffer(blob, dtype="<i4")
    half = len(numbers) // 2
    return numbers[:half], numbers[half:]
