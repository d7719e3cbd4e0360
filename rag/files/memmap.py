"""Arrays in files that are mapped into memory; an array may be larger than the memory."""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Any

import numpy as np


def create(path: Path, dtype: Any, shape: tuple[int, ...]) -> Any:
    """Return a new array of zeros in a file.

    Raises:
        OSError: the disk has no room for it. (Were it found out only while writing, the system would end the process.)
    """
    made: Any = np.lib.format.open_memmap(path, "w+", dtype, shape)
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size)
    return made


def load(path: Path) -> Any:
    """Return the array of a file, to be read only."""
    # Numpy's own kind of array is slow to take parts of.
    return np.load(path, mmap_mode="r").view(np.ndarray)


def let_go(mapped: Any) -> None:
    """Drop written pages from this process's memory; the system keeps and writes them."""
    if mapped.size and hasattr(mmap, "MADV_DONTNEED"):
        mapped._mmap.madvise(mmap.MADV_DONTNEED)
