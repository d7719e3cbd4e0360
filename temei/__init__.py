"""Temei under its one name: ``from temei import …`` gives what `rag` exports, in a checkout and installed."""

from typing import TYPE_CHECKING

from rag import __all__ as __all__

if TYPE_CHECKING:
    from rag import *  # noqa: F403
else:
    from rag import __dir__ as __dir__
    from rag import __getattr__ as __getattr__
