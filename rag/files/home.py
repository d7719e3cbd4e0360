"""Where Temei keeps its state if nobody says where, and where the articles are that come with it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(".temei")
"""The folder of all state in a checkout: below the working folder."""
_CODE = Path(__file__).resolve().parents[2]
SEEDS = _CODE / "seeds"
"""The folder of the articles that come with the project."""


def default_home() -> Path:
    """Return the folder of all state: `HERE` in a checkout, or where it exists; else one of the user's own.

    That is ``temei`` where programs keep a user's data: below ``XDG_DATA_HOME``, ``~/.local/share`` where that is not
    set, or on macOS ``~/Library/Application Support``.
    """
    if is_checkout() or HERE.is_dir():
        return HERE
    given = os.environ.get("XDG_DATA_HOME", "")
    if os.path.isabs(given):  # a relative one is to be ignored, says the specification
        return Path(given) / "temei"
    folder = Path.home() / ("Library/Application Support" if sys.platform == "darwin" else ".local/share")
    return folder / "temei"


def is_checkout() -> bool:
    """Return whether the code lies in a repository of Temei, not among installed packages."""
    return (_CODE / "pyproject.toml").is_file()
