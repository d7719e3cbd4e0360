"""Import what a package exports only when it is asked for, so that ``import temei`` takes no time."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

# From 1.32 on onnxruntime notes what it does in the user's folder, to be sent to its maker; nothing leaves from here.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def on_demand(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and ``__dir__`` of a package (PEP 562).

    Args:
        homes: by the name of each export, the module of the package that holds it.
    """

    def __getattr__(name: str) -> Any:
        if name not in homes:
            # As if all had been imported: ``import rag`` is enough for `rag.errors`.
            if name.startswith("_") or find_spec(f"{package}.{name}") is None:
                raise AttributeError(f"module {package!r} has no attribute {name!r}")
            return importlib.import_module(f"{package}.{name}")
        value = getattr(importlib.import_module(f"{package}.{homes[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    def __dir__() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return __getattr__, __dir__
